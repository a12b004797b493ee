"""Who listens to what, which jobs there are, what is done regularly: the one place that knows all rooms."""

from datetime import timedelta

from flask import Flask

from accounts import client_login, login
from accounts import jobs as accounts_jobs
from accounts.events import PersonChanged, PersonJoined, PersonLeft
from accounts.permissions import SIGNED_IN
from accounts.routes import bp as accounts_routes
from accounts.services import addresses as accounts_addresses
from accounts.services import predicates
from accounts.services import roles as accounts_roles
from app import duties, persons
from app.api import bp as api
from app.audit_pages import bp as audit_pages
from app.pages import bp as app_pages
from catalog.events import CoursePublished, CourseRestored
from catalog.routes import bp as catalog_routes
from catalog.services import courses as catalog_courses
from core import audit_chain, events, jobs, outgoing, sealing
from core.config import Config
from core.db import Database
from core.files import Files
from core.http import Parts, requires
from lrs import jobs as lrs_jobs
from lrs.events import PersonsMerged, PersonsSeparated, StatementsStored
from lrs.routes import bp as lrs_routes
from lrs.routes import hot as lrs_hot
from lrs.routes.browser import TAIL
from lrs.routes.tail import Tail
from lrs.services import erasing, personas, rates
from lrs.services import statements as lrs_statements
from lrs.services.erasing import Evidence
from scorm_player import jobs as scorm_player_jobs
from scorm_player.routes import bp as scorm_player_routes
from scorm_player.routes import hot as content_hot
from scorm_player.routes import hot_commits
from scorm_player.services import addresses as scorm_player_addresses
from training import jobs as training_jobs
from training.events import CertificateIssued, CompletionRecorded
from training.routes import bp as training_routes
from training.routes import (
    course_actions,
    course_note,
    course_reports,
    home,
    people_concerned,
    people_outcome,
    person_learning,
    statement_trail,
)
from training.services import addresses as training_addresses
from training.services import holds
from training.services.audience_words import WORDS as TRAINING_WORDS

LISTENERS: events.Listeners = {
    PersonJoined: ["accounts.refresh_audiences_of", "training.on_person_joined"],
    PersonChanged: ["accounts.refresh_audiences_of"],
    PersonLeft: ["accounts.refresh_audiences_of", "training.on_person_left"],
    CompletionRecorded: ["accounts.refresh_audiences_of", "training.on_completion_recorded"],
    CoursePublished: ["training.on_course_published"],
    CourseRestored: ["training.on_course_restored"],
    StatementsStored: ["training.on_statements_stored"],
    PersonsMerged: ["training.on_persons_changed"],
    PersonsSeparated: ["training.on_persons_changed"],
    CertificateIssued: ["training.render_certificate"],
}

JOBS: dict[str, jobs.Handler] = {
    "accounts.send_invitation": accounts_jobs.send_invitation,
    "accounts.send_verification": accounts_jobs.send_verification,
    "accounts.send_provider_link": accounts_jobs.send_provider_link,
    "accounts.answer_reset_request": accounts_jobs.answer_reset_request,
    "accounts.tell_password_changed": accounts_jobs.tell_password_changed,
    "accounts.tell_second_factor_reset": accounts_jobs.tell_second_factor_reset,
    "accounts.warn_of_audit_log": accounts_jobs.warn_of_audit_log,
    "accounts.check_import": accounts_jobs.check_import,
    "accounts.apply_import": accounts_jobs.apply_import,
    "accounts.undo_import": accounts_jobs.undo_import,
    "accounts.apply_people_action": accounts_jobs.apply_people_action,
    "accounts.undo_people_action": accounts_jobs.undo_people_action,
    "accounts.refresh_audiences": accounts_jobs.refresh_audiences,
    "accounts.refresh_audiences_of": accounts_jobs.refresh_audiences_of,
    "app.check_audit_log": duties.check_audit_log,
    "app.check_audit_logs": duties.check_audit_logs,
    "app.forget_uploads": duties.forget_uploads,
    "app.seal_audit_logs": duties.seal_audit_logs,
    "app.sweep_files": duties.sweep_files,
    "app.tidy_jobs": duties.tidy_jobs,
    "lrs.do_for_privacy": lrs_jobs.do_for_privacy,
    "lrs.forget_refusals": lrs_jobs.forget_refusals,
    "lrs.forward": lrs_jobs.forward,
    "lrs.import_statements": lrs_jobs.import_statements,
    "lrs.look_after_remotes": lrs_jobs.look_after_remotes,
    "lrs.look_before": lrs_jobs.look_before,
    "lrs.pull": lrs_jobs.pull,
    "lrs.retain_by_rule": lrs_jobs.retain_by_rule,
    "lrs.start_retention": lrs_jobs.start_retention,
    "scorm_player.import_package": scorm_player_jobs.import_package,
    "scorm_player.check_schemas": scorm_player_jobs.check_schemas,
    "scorm_player.move_registrations": scorm_player_jobs.move_registrations,
    "training.on_completion_recorded": training_jobs.on_completion_recorded,
    "training.on_course_published": training_jobs.on_course_published,
    "training.on_course_restored": training_jobs.on_course_restored,
    "training.on_person_joined": training_jobs.on_person_joined,
    "training.on_person_left": training_jobs.on_person_left,
    "training.on_persons_changed": training_jobs.on_persons_changed,
    "training.on_statements_stored": training_jobs.on_statements_stored,
    "training.render_certificate": training_jobs.render_certificate,
    "training.take_retake_back": training_jobs.take_retake_back,
}

SCHEDULE: dict[str, jobs.Duty] = {
    "seal_audit_logs": jobs.Duty("app.seal_audit_logs", timedelta(minutes=1)),
    "check_audit_logs": jobs.Duty("app.check_audit_logs", timedelta(days=1)),
    "forget_uploads": jobs.Duty("app.forget_uploads", timedelta(hours=1)),
    "sweep_files": jobs.Duty("app.sweep_files", timedelta(hours=6)),
    "look_after_remotes": jobs.Duty("lrs.look_after_remotes", timedelta(minutes=5)),
    "forget_refusals": jobs.Duty("lrs.forget_refusals", timedelta(hours=6)),
    "start_retention": jobs.Duty("lrs.start_retention", timedelta(hours=24)),
    "refresh_audiences": jobs.Duty("accounts.refresh_audiences", timedelta(hours=1)),
    "tidy_jobs": jobs.Duty("app.tidy_jobs", timedelta(hours=1)),
}

# What workers hear on the database's channels, beside jobs: as soon as something is stored, forwarders have work.
SIGNALS: dict[str, jobs.Signal] = {lrs_statements.CHANNEL: lrs_jobs.on_statements}

BLUEPRINTS = (
    app_pages,
    audit_pages,
    api,
    accounts_routes,
    lrs_routes,
    scorm_player_routes,
    catalog_routes,
    training_routes,
)

# What the front answers itself, without Flask: see app/front.py.
HOT = dict.fromkeys(lrs_hot.PATHS, (lrs_hot.is_plain, lrs_hot.store))  # POST: whether it is for here, and the answer
HOT_READS = (lrs_hot.is_read, lrs_hot.read)  # GET and HEAD: whether a path may be for here, and the answer
HOT_COMMITS = (hot_commits.is_commit, hot_commits.is_plain, hot_commits.answer)  # POST of run-time data
CONTENT_PREFIX, CONTENT = content_hot.PREFIX, content_hot.answer  # GET of a file of a package
STREAMS = {TAIL.encode(): ("lrs.admin", Tail)}  # who may look, and what makes the events


def connect(config: Config) -> None:
    """Tell every room, in every kind of process, what it needs from outside: who listens, where Stoa answers."""
    events.listen(LISTENERS)
    scorm_player_addresses.use(
        content_origin=config.content_origin, app_origin=config.app_origin, key=config.key("scorm_player.close")
    )
    training_addresses.use(config.app_origin)
    accounts_addresses.use(config.app_origin)
    predicates.register(TRAINING_WORDS)
    accounts_roles.know_courses(catalog_courses.titles)
    sealing.use(*config.sealing())
    audit_chain.use(audit_chain.keeping(config.audit_chain(), config.audit_heads))
    outgoing.allow(config.outgoing_allow)
    personas.register(persons.find_member)
    erasing.register(Evidence(holds.standing, holds.forget, holds.reconsider))
    rates.use(config.home, config.xapi_rate)


def parts(config: Config, database: Database) -> Parts:
    """Return what the application is made of."""
    return Parts(
        config=config,
        database=database,
        files=Files(config.storage_url),
        visitor_of=login.visitor_of,
        client_of=client_login.client_of,
        prove=login.prove,
    )


def register(app: Flask) -> None:
    """Mount the views of all rooms."""
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.add_url_rule("/home", "app.home", requires(SIGNED_IN)(home))
    shown_below = (
        course_actions, course_note, course_reports, people_concerned, people_outcome, person_learning, statement_trail,
    )  # fmt: skip
    for shown in shown_below:
        app.jinja_env.globals[shown.__name__] = shown
