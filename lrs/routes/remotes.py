"""Pages for other record stores: what is forwarded to them, what is taken over from them, and how that goes."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from core import clock
from core.db import Session
from core.errors import Invalid, NotFound, Problem
from core.http import current_tenant, current_user, database, form, requires
from lrs.routes.blueprint import bp
from lrs.routes.credentials import ADMIN
from lrs.routes.exchange import own_credential
from lrs.services import credentials, forwarding, imports, pulling, remotes, sentences
from lrs.services.browsing import Search
from lrs.services.forwarding import Forwarder
from lrs.services.pulling import Puller
from lrs.services.remotes import Address
from lrs.services.statements import get_many
from lrs.xapi import values

FIELDS = {"name": 200, "endpoint": 1000, "version": 10, "username": 200, "secret": 500, "since": 40, "every_minutes": 6}
FILTERS = dict.fromkeys(forwarding.FILTERS, 2000)


@bp.get("/lrs/remotes")
@requires(ADMIN)
def list_remotes() -> ResponseReturnValue:
    """Show which other record stores statements go to and come from."""
    with database().read(current_tenant()) as session:
        forwarders, pullers = forwarding.page(session), pulling.page(session)
        kept = {row.id: imports.of(session, row.import_id) for row in pullers}
    return render_template(
        "lrs/remotes.html", forwarders=forwarders, pullers=pullers, kept=kept, counted=forwarding.COUNTED
    )


def _address(given: dict[str, str]) -> Address:
    return Address(given["name"], given["endpoint"], given["version"], given["username"], given["secret"])


def _since(text: str) -> datetime | None:
    """The start that a form names: a day, a moment, or nothing. Raises Invalid."""
    if not text:
        return None
    moment = values.parse_timestamp(text if "T" in text else f"{text}T00:00:00Z")
    if moment is None:
        raise Invalid("This cannot be saved.", problems=[Problem("since", "This is no day.")])
    return moment.astimezone(UTC)


def _tried(address: Address, secret: str) -> tuple[str, Sequence[Problem]]:
    """What the other side says to the button "Try it"."""
    try:
        return remotes.try_out(address, secret), ()
    except Invalid as error:
        return "", error.problems


def _is_trial() -> bool:
    return request.form.get("do") == "try"


# Forwarders


@bp.get("/lrs/forwarders/new")
@requires(ADMIN)
def new_forwarder() -> ResponseReturnValue:
    """Show the form for a new forwarder."""
    return _forwarder_form({"version": "1.0.3", "start": "now"})


def _forwarder_form(
    given: dict[str, Any], problems: Sequence[Problem] = (), said: str = "", row: Forwarder | None = None
) -> str:
    with database().read(current_tenant()) as session:
        known = [(item.id, item.label) for item in credentials.page(session, clock.now())]
    return render_template(
        "lrs/forwarder_form.html", values=given, problems=problems, said=said, row=row, choices=known
    )


@bp.post("/lrs/forwarders")
@requires(ADMIN, critical=True)
def add_forwarder() -> ResponseReturnValue:
    """Make a forwarder, or try out what the form says."""
    given: dict[str, Any] = form(FIELDS | FILTERS | {"start": 10})
    if _is_trial():
        said, problems = _tried(_address(given), given["secret"])
        return _forwarder_form(given, problems, said), 422 if problems else 200
    now = clock.now()
    try:
        since = {"all": None, "since": _since(given["since"])}.get(given["start"], now)
        with database().write(current_tenant()) as session:
            row = forwarding.add(
                session, _address(given), _search(given), since=since, by=current_user().user_id, now=now
            )
    except Invalid as error:
        return _forwarder_form(given, error.problems), 422
    return redirect(url_for("lrs.show_forwarder", forwarder_id=row.id))


def _search(given: dict[str, Any]) -> Search:
    return Search(**{name: given[name] for name in FILTERS})


@bp.get("/lrs/forwarders/<uuid:forwarder_id>")
@requires(ADMIN)
def show_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Show how a forwarder stands, and what the other side did not take."""
    with database().read(current_tenant()) as session:
        standing = forwarding.standing(session, forwarder_id)
        letters = forwarding.dead_letters(session, forwarder_id)
        found = get_many(session, [letter.statement_id for letter in letters])
        words = {item.id: sentences.sentence(item.payload) for item in found}
        chosen = standing.forwarder.filters.get("credential")
        label = credentials.labels(session, [UUID(chosen)]).get(UUID(chosen), "") if chosen else ""
    return render_template(
        "lrs/forwarder.html", standing=standing, row=standing.forwarder, letters=letters, words=words, label=label,
        counted=forwarding.COUNTED,
    )  # fmt: skip


@bp.get("/lrs/forwarders/<uuid:forwarder_id>/edit")
@requires(ADMIN)
def edit_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Show the form of a forwarder; its secret is never shown."""
    with database().read(current_tenant()) as session:
        row = forwarding.get(session, forwarder_id)
    given = {"name": row.name, "endpoint": row.endpoint, "version": row.version, "username": row.username}
    return _forwarder_form({**asdict(Search()), **row.filters, **given}, row=row)


@bp.post("/lrs/forwarders/<uuid:forwarder_id>")
@requires(ADMIN, critical=True)
def change_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Change a forwarder, or try out what the form says."""
    given: dict[str, Any] = form(FIELDS | FILTERS)
    with database().read(current_tenant()) as session:
        row = forwarding.get(session, forwarder_id)
    if _is_trial():
        said, problems = _tried_again(row, given)
        return _forwarder_form(given, problems, said, row), 422 if problems else 200
    try:
        with database().write(current_tenant()) as session:
            forwarding.change(session, forwarder_id, _address(given), _search(given))
    except Invalid as error:
        return _forwarder_form(given, error.problems, row=row), 422
    return redirect(url_for("lrs.show_forwarder", forwarder_id=forwarder_id))


def _tried_again(row: Forwarder | Puller, given: dict[str, Any]) -> tuple[str, Sequence[Problem]]:
    """A stored secret goes only to the origin it was stored for."""
    if given["secret"]:
        return _tried(_address(given), given["secret"])
    if given["endpoint"].split("/")[:3] != row.endpoint.split("/")[:3]:
        return "", [Problem("secret", "The address leads elsewhere: enter the secret that is for there.")]
    return _tried(_address(given), remotes.secret_of(row))


@bp.post("/lrs/forwarders/<uuid:forwarder_id>/pause")
@requires(ADMIN)
def pause_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Stop sending; the position stays."""
    return _to_forwarder(forwarder_id, lambda s: forwarding.pause(s, forwarder_id), _("Paused. Nothing is lost."))


@bp.post("/lrs/forwarders/<uuid:forwarder_id>/resume")
@requires(ADMIN)
def resume_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Go on sending, at once."""
    return _to_forwarder(forwarder_id, lambda s: forwarding.resume(s, forwarder_id), _("It goes on where it was."))


@bp.post("/lrs/forwarders/<uuid:forwarder_id>/catch-up")
@requires(ADMIN)
def catch_up_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Send everything from a day on."""
    start = _day_asked()
    return _to_forwarder(
        forwarder_id,
        lambda s: forwarding.catch_up(s, forwarder_id, start),
        _("Everything stored since then is sent; what the other side has already, it recognizes."),
    )


def _day_asked() -> datetime:
    return _since(form({"since": 40})["since"]) or datetime(1970, 1, 1, tzinfo=UTC)


@bp.post("/lrs/forwarders/<uuid:forwarder_id>/remove")
@requires(ADMIN, critical=True)
def remove_forwarder(forwarder_id: UUID) -> ResponseReturnValue:
    """Forget a forwarder."""
    with database().write(current_tenant()) as session:
        forwarding.remove(session, forwarder_id)
    flash(_("The forwarder is gone, and its secret with it."), "ok")
    return redirect(url_for("lrs.list_remotes"))


@bp.post("/lrs/forwarders/<uuid:forwarder_id>/dead/retry")
@bp.post("/lrs/forwarders/<uuid:forwarder_id>/dead/<uuid:letter_id>/retry")
@requires(ADMIN)
def retry_dead_letter(forwarder_id: UUID, letter_id: UUID | None = None) -> ResponseReturnValue:
    """Try one dead letter again, or all."""
    return _to_forwarder(
        forwarder_id, lambda s: forwarding.retry_dead(s, forwarder_id, letter_id), _("It is tried again now.")
    )


@bp.post("/lrs/forwarders/<uuid:forwarder_id>/dead/discard")
@bp.post("/lrs/forwarders/<uuid:forwarder_id>/dead/<uuid:letter_id>/discard")
@requires(ADMIN)
def discard_dead_letter(forwarder_id: UUID, letter_id: UUID | None = None) -> ResponseReturnValue:
    """Forget one dead letter, or all."""
    return _to_forwarder(
        forwarder_id, lambda s: forwarding.discard_dead(s, forwarder_id, letter_id), _("Forgotten. It stays here only.")
    )


def _to_forwarder(forwarder_id: UUID, act: Callable[[Session], None], words: str) -> ResponseReturnValue:
    with database().write(current_tenant()) as session:
        act(session)
    flash(words, "ok")
    return redirect(url_for("lrs.show_forwarder", forwarder_id=forwarder_id))


# Pullers


@bp.get("/lrs/pullers/new")
@requires(ADMIN)
def new_puller() -> ResponseReturnValue:
    """Show the form for a new puller."""
    return _puller_form({"version": "1.0.3", "every_minutes": "15"})


def _puller_form(
    given: dict[str, Any], problems: Sequence[Problem] = (), said: str = "", row: Puller | None = None
) -> str:
    return render_template("lrs/puller_form.html", values=given, problems=problems, said=said, row=row)


@bp.post("/lrs/pullers")
@requires(ADMIN)
def add_puller() -> ResponseReturnValue:
    """Make a puller, or try out what the form says."""
    given: dict[str, Any] = form(FIELDS)
    if _is_trial():
        said, problems = _tried(_address(given), given["secret"])
        return _puller_form(given, problems, said), 422 if problems else 200
    try:
        with database().write(current_tenant()) as session:
            row = pulling.add(
                session, _address(given), since=_since(given["since"]), every_minutes=_minutes(given),
                credential_id=own_credential(session), by=current_user().user_id, now=clock.now(),
            )  # fmt: skip
    except Invalid as error:
        return _puller_form(given, error.problems), 422
    return redirect(url_for("lrs.show_puller", puller_id=row.id))


def _minutes(given: dict[str, Any]) -> int:
    return int(given["every_minutes"]) if given["every_minutes"].isdecimal() else 0


@bp.get("/lrs/pullers/<uuid:puller_id>")
@requires(ADMIN)
def show_puller(puller_id: UUID) -> ResponseReturnValue:
    """Show how a puller stands, and what came that could not be stored."""
    with database().read(current_tenant()) as session:
        row = pulling.get(session, puller_id)
        kept = imports.of(session, row.import_id)
        refused = imports.refusals(session, row.import_id, 50)
    return render_template("lrs/puller.html", row=row, kept=kept, refusals=refused)


@bp.get("/lrs/pullers/<uuid:puller_id>/edit")
@requires(ADMIN)
def edit_puller(puller_id: UUID) -> ResponseReturnValue:
    """Show the form of a puller; its secret is never shown."""
    with database().read(current_tenant()) as session:
        row = pulling.get(session, puller_id)
    given = {name: getattr(row, name) for name in ("name", "endpoint", "version", "username", "every_minutes")}
    return _puller_form(given, row=row)


@bp.post("/lrs/pullers/<uuid:puller_id>")
@requires(ADMIN)
def change_puller(puller_id: UUID) -> ResponseReturnValue:
    """Change a puller, or try out what the form says."""
    given: dict[str, Any] = form(FIELDS)
    with database().read(current_tenant()) as session:
        row = pulling.get(session, puller_id)
    if _is_trial():
        said, problems = _tried_again(row, given)
        return _puller_form(given, problems, said, row), 422 if problems else 200
    try:
        with database().write(current_tenant()) as session:
            pulling.change(session, puller_id, _address(given), _minutes(given))
    except Invalid as error:
        return _puller_form(given, error.problems, row=row), 422
    return redirect(url_for("lrs.show_puller", puller_id=puller_id))


@bp.post("/lrs/pullers/<uuid:puller_id>/<what>")
@requires(ADMIN)
def steer_puller(puller_id: UUID, what: str) -> ResponseReturnValue:
    """Pause, resume, or ask now; `what` is that word."""
    if what not in ("pause", "resume", "now"):
        raise NotFound
    with database().write(current_tenant()) as session:
        if what == "pause":
            pulling.pause(session, puller_id)
        elif what == "resume":
            pulling.resume(session, puller_id)
        else:
            pulling.pull_now(session, pulling.get(session, puller_id))
    flash(_("Paused. Nothing is lost.") if what == "pause" else _("It asks now."), "ok")
    return redirect(url_for("lrs.show_puller", puller_id=puller_id))


@bp.post("/lrs/pullers/<uuid:puller_id>/catch-up")
@requires(ADMIN)
def catch_up_puller(puller_id: UUID) -> ResponseReturnValue:
    """Ask again for everything from a day on."""
    start = _since(form({"since": 40})["since"])
    with database().write(current_tenant()) as session:
        pulling.catch_up(session, puller_id, start)
    flash(_("It asks for everything since then; what is here already stays as it is."), "ok")
    return redirect(url_for("lrs.show_puller", puller_id=puller_id))


@bp.post("/lrs/pullers/<uuid:puller_id>/remove")
@requires(ADMIN)
def remove_puller(puller_id: UUID) -> ResponseReturnValue:
    """Forget a puller; what it brought stays."""
    with database().write(current_tenant()) as session:
        pulling.remove(session, puller_id)
    flash(_("It is gone, and its secret with it. What it brought stays."), "ok")
    return redirect(url_for("lrs.list_remotes"))
