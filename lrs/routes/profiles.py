"""Pages of xAPI Profiles: taking one in, what it says, how statements stand to it."""

from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, requires
from lrs.routes.blueprint import bp
from lrs.routes.browser import languages
from lrs.routes.credentials import ADMIN
from lrs.services import credentials, profiles
from lrs.services.sentences import in_language


def _words(texts: dict[str, str]) -> str:
    return in_language(texts, languages())


@bp.get("/lrs/profiles")
@requires(ADMIN)
def list_profiles() -> ResponseReturnValue:
    """Show the Profiles that were taken in, and the form for another."""
    return _page(())


def _page(problems: tuple[Problem, ...]) -> str:
    with database().read(current_tenant()) as session:
        found = profiles.page(session)
    return render_template("lrs/profiles.html", profiles=found, problems=problems, words=_words)


@bp.post("/lrs/profiles")
@requires(ADMIN)
def take_in_profile() -> ResponseReturnValue:
    """Take a Profile in, or a newer version of one."""
    sent = request.files.get("profile")
    if sent is None or not sent.filename:
        return _page((Problem("profile", _("Choose a file.")),)), 422
    text = sent.stream.read(profiles.LONGEST + 1)
    if len(text) > profiles.LONGEST:
        return _page((Problem("profile", _("The file is larger than 5 MB.")),)), 422
    try:
        with database().write(current_tenant()) as session:
            profile_id = profiles.take_in(session, text, current_user().user_id, clock.now())
    except Invalid as error:
        return _page(error.problems), 422
    return redirect(url_for("lrs.show_profile", profile_id=profile_id))


@bp.get("/lrs/profiles/<uuid:profile_id>")
@requires(ADMIN)
def show_profile(profile_id: UUID) -> ResponseReturnValue:
    """Show a Profile and how the newest statements stand to it, of one credential where one is chosen."""
    chosen = request.args.get("credential", "")[:36]
    with database().read(current_tenant()) as session:
        row, profile = profiles.get(session, profile_id)
        report = profiles.report(session, profile, chosen)
        known = credentials.page(session, clock.now())
    return render_template(
        "lrs/profile.html", row=row, profile=profile, report=report, chosen=chosen, words=_words,
        choices=[(str(one.id), one.label) for one in known], most=profiles.LOOKED_AT,
    )  # fmt: skip


@bp.post("/lrs/profiles/<uuid:profile_id>/remove")
@requires(ADMIN)
def remove_profile(profile_id: UUID) -> ResponseReturnValue:
    """Let a Profile go."""
    with database().write(current_tenant()) as session:
        profiles.remove(session, profile_id)
    flash(_("The profile is gone. Statements are as they were."), "ok")
    return redirect(url_for("lrs.list_profiles"))
