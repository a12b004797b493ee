"""What each kind of job does, in the words of whoever looks after an installation."""

from typing import Any

from flask_babel import lazy_gettext as _

WORDS: dict[str, Any] = {
    "accounts.answer_reset_request": _("Write the letter for a forgotten password"),
    "accounts.apply_import": _("Take over an import of people"),
    "accounts.apply_people_action": _("Change many people"),
    "accounts.check_import": _("Check an import of people"),
    "accounts.refresh_audiences": _("Work out all audiences anew"),
    "accounts.refresh_audiences_of": _("Work out the audiences of somebody anew"),
    "accounts.send_invitation": _("Send an invitation"),
    "accounts.send_provider_link": _("Send the link that proves an account"),
    "accounts.send_verification": _("Send the link that confirms an e-mail"),
    "accounts.tell_password_changed": _("Tell somebody of a changed password"),
    "accounts.tell_second_factor_reset": _("Tell somebody of a reset second factor"),
    "accounts.undo_import": _("Undo an import of people"),
    "accounts.undo_people_action": _("Undo a change to many people"),
    "accounts.warn_of_audit_log": _("Warn administrators of the audit log"),
    "app.check_audit_log": _("Check the chain of the audit log"),
    "app.check_audit_logs": _("Check the chains of all audit logs"),
    "app.forget_uploads": _("Forget uploads that were not finished"),
    "app.seal_audit_logs": _("Seal new entries of the audit logs"),
    "app.sweep_files": _("Sweep files that nothing refers to"),
    "app.tidy_jobs": _("Forget old jobs"),
    "lrs.do_for_privacy": _("Export, pseudonymize or delete somebody's learning records"),
    "lrs.forget_refusals": _("Forget old refused requests"),
    "lrs.forward": _("Forward statements"),
    "lrs.import_statements": _("Import statements from a file"),
    "lrs.look_after_remotes": _("Look after other record stores"),
    "lrs.look_before": _("See what a privacy request would touch"),
    "lrs.pull": _("Take statements over from another store"),
    "lrs.retain_by_rule": _("Apply a rule of retention"),
    "lrs.start_retention": _("Begin the night's retention"),
    "scorm_player.check_schemas": _("Check a package against its schemas"),
    "scorm_player.import_package": _("Import a package"),
    "training.on_person_joined": _("Training of somebody who joined"),
    "training.on_person_left": _("Training of somebody who left"),
    "training.on_persons_changed": _("Training after persons were merged or separated"),
    "training.on_statements_stored": _("Count new statements"),
    "training.render_certificate": _("Draw a certificate as PDF"),
}
