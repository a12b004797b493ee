"""Looking around in a package before it is given to learners, and the log of what content asks of the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core import audit
from core.db import Session
from core.errors import BadRequest, NotFound
from scorm_player.scorm.sequencing.validity import look_ahead
from scorm_player.scorm.visit import Learner
from scorm_player.services import addresses, apart, packages, play
from scorm_player.services.launching import Launch, Waiting, launch
from scorm_player.services.playing import item_of
from scorm_player.services.registrations import Contents, contents_of, register
from scorm_player.store import answers as session_store
from scorm_player.store import registrations as store
from scorm_player.store import runtime as runtime_store
from scorm_player.tables import Completion, LaunchMode, Registration, SessionState, Success

MOST_LOG = 1_000_000  # characters of one session: some ten thousand calls


@dataclass(frozen=True)
class Call:
    """One call of the API. `error` is the code that GetLastError would answer."""

    at: str
    method: str
    arguments: Sequence[str]
    answer: str
    error: str


@dataclass(frozen=True)
class Logged:
    """The calls of one session."""

    session_id: UUID
    title: str
    mode: LaunchMode
    state: SessionState
    launched_at: datetime
    calls: Sequence[Call]


@dataclass(frozen=True)
class Log:
    """What is logged under a registration: whether calls are being kept, and the sessions that kept some."""

    registration_id: UUID
    is_on: bool
    sessions: Sequence[Logged]


def open_preview(session: Session, version_id: UUID, user_id: UUID, now: datetime) -> UUID:
    """Return the registration under which somebody previews a version, registering it the first time.

    Raises NotFound when the version is not this tenant's.
    """
    packages.version(session, version_id)
    found = store.find_preview(session, version_id, user_id)
    if found is not None:
        return found
    actor = {"objectType": "Agent", "account": {"homePage": addresses.known.home_page, "name": str(user_id)}}
    made = register(session, user_id=user_id, package_version_id=version_id, actor=actor, now=now)
    store.get(session, made).is_preview = True
    session.flush()
    return made


def launch_preview(
    session: Session, registration_id: UUID, user_id: UUID, name: str, now: datetime, *, strict: bool
) -> tuple[Launch | Waiting, Contents, UUID]:
    """Open one's own preview from the beginning; answer the launch, its outline, and the version.

    Raises NotFound.
    """
    registration = _own(session, registration_id, user_id)
    person = Learner(str(user_id), name)
    opened = launch(session, registration_id, mode="browse", strict=strict, person=person, now=now)
    if isinstance(opened, Launch):
        contents = outline(session, registration_id, user_id, now)
    else:  # what chance has selected is nowhere but in the ticket
        contents = contents_of(store.course(session, registration.package_version_id), opened.outlook, {})
    return opened, contents, registration.package_version_id


def outline(session: Session, registration_id: UUID, user_id: UUID, now: datetime) -> Contents:
    """Return what one's own preview holds as it stands now, with what has been done since it was opened.

    Raises NotFound.
    """
    registration = _own(session, registration_id, user_id)
    course = store.course(session, registration.package_version_id)
    newest = runtime_store.newest_session(session, registration_id)
    own = runtime_store.Aside()
    if newest is not None and newest.state is not SessionState.SUPERSEDED:  # one that is, is of an earlier visit
        own = runtime_store.aside_of(newest)
    tree = play.tree_of(session, apart.copy_of(registration, own.tree), course, now)
    outlook = look_ahead(tree)
    if newest is not None and newest.state in runtime_store.OPEN and str(newest.package_item_id) in own.items:
        data = runtime_store.data_in(own.items[str(newest.package_item_id)][0])
        outlook = play.outlook(tree, item_of(course, course.identifier(newest.package_item_id), data), data)
    told = {UUID(item_id): (Completion(said[0]), Success(said[1])) for item_id, said in own.told.items()}
    return contents_of(course, outlook, told)


def _own(session: Session, registration_id: UUID, user_id: UUID) -> Registration:
    registration = store.get(session, registration_id)
    if not registration.is_preview or registration.user_id != user_id:
        raise NotFound("There is no such preview of yours.")
    return registration


def log_calls(session: Session, registration_id: UUID, on: bool) -> None:
    """Switch the log of API calls on or off, from the next launch. Raises NotFound."""
    registration = store.get(session, registration_id, lock=True)
    if registration.is_logged is on:
        return
    registration.is_logged = on
    action = "registration.log_on" if on else "registration.log_off"
    audit.record(session, action, "registration", registration_id, subject_user_id=registration.user_id)


def keep_calls(session: Session, launch_session_id: UUID, calls: Sequence[Any]) -> None:
    """Add calls to a session's log, where it has one; over its limit nothing is added. Raises NotFound, BadRequest."""
    launched = runtime_store.get_session(session, launch_session_id)
    if not store.get(session, launched.registration_id).is_logged:
        return
    lines = "".join(f"{orjson.dumps(vars(_call(one))).decode()}\n" for one in calls)
    kept = launched.api_calls or ""
    if len(kept) + len(lines) <= MOST_LOG:
        launched.api_calls = kept + lines.replace("\\u0000", "")


def _call(given: Any) -> Call:
    match given:
        case [str(at), str(method), list(arguments), answer, error]:
            return Call(at[:40], method[:40], [str(one) for one in arguments[:3]], str(answer), str(error)[:20])
    raise BadRequest("This is not a call of the API.")


def log(session: Session, registration_id: UUID) -> Log:
    """Return what is logged under a registration, the newest session first. Raises NotFound."""
    registration = store.get(session, registration_id)
    kept = [one for one in session_store.sessions(session, registration_id) if one.api_calls]
    return Log(
        registration_id,
        registration.is_logged,
        [
            Logged(
                one.id,
                _title(session, one.package_item_id),
                one.mode,
                one.state,
                one.launched_at,
                [Call(**orjson.loads(line)) for line in (one.api_calls or "").splitlines()],
            )
            for one in reversed(kept)
        ],
    )


def _title(session: Session, item_id: UUID) -> str:
    course = store.course_of_item(session, item_id)  # after a switch it may be of an earlier version
    return course.activity(course.identifier(item_id)).title


def as_text(logged: Logged) -> str:
    """Return the calls of a session as lines to copy: time, call, answer, error code."""
    return "\n".join(
        f"{call.at} {call.method}({', '.join(map(_quoted, call.arguments))}) = {_quoted(call.answer)} [{call.error}]"
        for call in logged.calls
    )


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()
