"""Repairs for a learner who is stuck: asked for by a person with a reason, audited, and told as statements.

Each repair ends what is open (the window says so and stops writing), changes the run-time's data and the activity tree,
and stores in the same transaction one statement of the person who did it, then voids of what no longer holds, then what
holds now. Training follows from these alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from core import audit
from core.db import Session, uuid7
from core.errors import Invalid, NotFound
from lrs.services import statements as lrs
from scorm_player import statements
from scorm_player.policy import Policy
from scorm_player.scorm.sequencing import repair as tree_repair
from scorm_player.scorm.sequencing.overall import close_session
from scorm_player.scorm.sequencing.scope import forget_own
from scorm_player.scorm.sequencing.tree import ActivityTree
from scorm_player.services import addresses, play
from scorm_player.services.ending import BOOKMARKS, keep_place
from scorm_player.services.launching import supersede
from scorm_player.services.playing import Playing, authority, promote, source_of
from scorm_player.services.standing import tell_standing
from scorm_player.store import registrations as registration_store
from scorm_player.store import runtime as store
from scorm_player.store.registrations import Course
from scorm_player.tables import (
    Completion,
    LaunchMode,
    LaunchSession,
    Registration,
    ScormItemState,
    ScormSnapshot,
    SessionState,
    Success,
)

Statement = dict[str, Any]

VOIDED = f"{statements.VERBS}voided"
COURSE_WORDS = {f"{statements.VERBS}{verb}" for verb in ("completed", "passed", "failed", "progressed", "scored")}
REASON = "https://w3id.org/xapi/cmi5/result/extensions/reason"


class Kind(StrEnum):
    """What can be done for a learner who is stuck."""

    RELEASE = "release"
    RESTORE = "restore"
    RESET = "reset"
    STATUS = "status"
    REPLAY = "replay"


@dataclass(frozen=True)
class By:
    """Who repairs, and why."""

    actor: Mapping[str, Any]  # xAPI
    reason: str


@dataclass(frozen=True)
class Part:
    """Something in a course that a learner plays, and whether there is anything of it to be repaired."""

    item_id: UUID
    title: str
    is_begun: bool


@dataclass(frozen=True)
class Place:
    """Where somebody was in a part at the end of a visit; `size` of the suspend data in characters."""

    id: UUID
    title: str
    taken_at: datetime
    size: int
    bookmark: str
    is_current: bool


@dataclass(frozen=True)
class Condition:
    """What a registration looks like to whoever is asked for help. `unsaid`: statements the store lacks."""

    parts: Sequence[Part]
    places: Sequence[Place]
    suspended_at: str | None
    is_open: bool
    unsaid: int


def condition(session: Session, registration_id: UUID, now: datetime) -> Condition:
    """Return what could be repaired. Raises NotFound."""
    registration = registration_store.get(session, registration_id)
    course = registration_store.course(session, registration.package_version_id)
    states = store.newest_states(session, registration_id)
    tree = play.tree_of(session, registration, course, now)
    newest = store.newest_session(session, registration_id)
    left = tree.suspended or tree.current
    parts = [
        Part(course.item_ids[leaf.identifier], leaf.definition.title, course.item_ids[leaf.identifier] in states)
        for leaf in tree.root.walk()
        if leaf.is_leaf and leaf.identifier in course.item_ids
    ]
    return Condition(
        parts=parts,
        places=_places(session, course, registration_id, states),
        suspended_at=left.definition.title if left else None,
        is_open=newest is not None and newest.state in store.OPEN,
        unsaid=len(_unsaid(session, registration, course, states)),
    )


def _places(
    session: Session, course: Course, registration_id: UUID, states: Mapping[UUID, ScormItemState]
) -> list[Place]:
    return [
        Place(
            kept.id,
            course.activity(course.identifier(kept.package_item_id)).title,
            kept.taken_at,
            len(kept.suspend_data),
            kept.bookmark,
            store.data_of(state).values.get("cmi.suspend_data") == kept.suspend_data,
        )
        for kept in store.snapshots(session, registration_id)
        if (state := states.get(kept.package_item_id)) and state.attempt_number == kept.attempt_number
    ]


# --- the repairs ------------------------------------------------------------------------------------------------------


def release(session: Session, registration_id: UUID, by: By, now: datetime) -> None:
    """Clear the suspended activity and whatever is open: the next launch starts at the beginning.

    What was reached and saved stays.
    """
    registration, course, tree = _begin(session, registration_id, now)
    tree_repair.release(tree)
    play.keep(session, registration, course, tree, now)
    _finish(session, registration, course, Kind.RELEASE, by, now)


def reset(session: Session, registration_id: UUID, item_id: UUID | None, by: By, now: datetime) -> None:
    """Let somebody begin one item again, or the whole course: their attempts are set aside, and count no more.

    The attempts stay to be looked at. Statements that tell their outcome are voided; time spent is said again. Raises
    Invalid where there is nothing to set aside.
    """
    registration, course, tree = _begin(session, registration_id, now)
    items = None if item_id is None else [item_id]
    if item_id is not None:
        course.identifier(item_id)
    gone = store.set_aside(session, registration_id, items, now)
    if not gone:
        raise Invalid("There is nothing to begin again: it has not been opened.")
    if item_id is None:
        tree_repair.release(tree)
        tree_repair.reset(tree, tree.root)
        forget_own(tree)
        registration.attempt_number += 1
    else:
        tree_repair.reset(tree, tree.nodes[course.identifier(item_id)])
    play.keep(session, registration, course, tree, now)
    voids = _outcomes(session, registration, course, gone)
    _forget_standing(registration)
    made = _standing_anew(session, registration, course, tree, gone[-1], now)
    _finish(session, registration, course, Kind.RESET, by, now, voids=voids, made=made, item_id=item_id)


def switch(session: Session, registration_id: UUID, version_id: UUID, by: By, now: datetime) -> None:
    """Let somebody begin another version of the package: what they did in this one is set aside, and counts no more.

    As with `reset` the attempts stay to be looked at, and statements of their outcome are voided.
    """
    if store.newest_states(session, registration_id):
        reset(session, registration_id, None, by, now)
    else:
        _begin(session, registration_id, now)
    registration = registration_store.get(session, registration_id)
    registration.package_version_id, registration.activity_tree = version_id, None
    session.flush()


def restore(session: Session, registration_id: UUID, place_id: UUID, by: By, now: datetime) -> None:
    """Go back to a place that was kept at the end of a visit; the next launch goes on there.

    The present place is kept first, so that this can be undone the same way. Raises NotFound.
    """
    registration, course, tree = _begin(session, registration_id, now)
    kept = next((one for one in store.snapshots(session, registration_id) if one.id == place_id), None)
    state = store.newest_states(session, registration_id).get(kept.package_item_id) if kept else None
    if kept is None or state is None or state.attempt_number != kept.attempt_number:
        raise NotFound("This place is not kept any more.")
    _put_back(session, registration, course, state, kept, now)
    tree_repair.suspend(tree, tree.nodes[course.identifier(kept.package_item_id)])
    play.keep(session, registration, course, tree, now)
    _finish(session, registration, course, Kind.RESTORE, by, now, item_id=kept.package_item_id)


def _put_back(
    session: Session,
    registration: Registration,
    course: Course,
    state: ScormItemState,
    kept: ScormSnapshot,
    now: datetime,
) -> None:
    suspend_data, bookmark = kept.suspend_data, kept.bookmark  # keeping the present place may forget the oldest one
    playing = _playing(session, registration, course, state, now)
    keep_place(playing)
    playing.data.values["cmi.suspend_data"] = suspend_data
    playing.data.values[BOOKMARKS[playing.item.standard]] = bookmark
    state.cmi, state.is_suspended, state.updated_at = playing.data.text(), True, now
    session.flush()


def set_status(session: Session, registration_id: UUID, item_id: UUID, word: str, by: By, now: datetime) -> None:
    """Set what somebody has verified of an item: `completed`, `passed` (and with it completed) or `failed`.

    The statements say who decided, and why. Raises NotFound, Invalid for another word.
    """
    if word not in ("completed", "passed", "failed"):
        raise Invalid("A status is completed, passed or failed.")
    registration, course, tree = _begin(session, registration_id, now)
    node = tree.nodes[course.identifier(item_id)]
    state = store.newest_states(session, registration_id).get(item_id) or _begun(session, registration, item_id, now)
    playing = _playing(session, registration, course, state, now)
    _write_status(playing, word)
    playing.made += statements.decided(source_of(playing), word, playing.data.values, playing.data.said, now)
    state.cmi = playing.data.text()
    tree_repair.set_status(
        tree,
        node,
        completed=True if word != "failed" else None,
        satisfied={"passed": True, "failed": False}.get(word),
    )
    play.keep(session, registration, course, tree, now)
    registration.started_at = registration.started_at or now
    session.flush()
    tell_standing(playing, tree, has_ended=True)
    made = [_by_hand(statement, by) for statement in playing.made]
    _finish(session, registration, course, Kind.STATUS, by, now, made=made, item_id=item_id, word=word)


def _write_status(playing: Playing, word: str) -> None:
    values, state = playing.data.values, playing.state
    if playing.item.standard == "1.2":
        values["cmi.core.lesson_status"] = word
    else:
        if word != "failed":
            values["cmi.completion_status"] = "completed"
        if word != "completed":
            values["cmi.success_status"] = word
    promote(playing)
    if word != "failed":  # a person's word, whatever measure or score would come to
        state.completion = Completion.COMPLETED
    if word != "completed":
        state.success = Success(word)


def replay(session: Session, registration_id: UUID, by: By, now: datetime) -> int:
    """Say again what the run-time's data imply and the store lacks, with the time it happened; answer how many."""
    registration, course, tree = _begin(session, registration_id, now)
    close_session(tree)
    lacking = _unsaid(session, registration, course, store.newest_states(session, registration_id))
    _finish(session, registration, course, Kind.REPLAY, by, now, made=lacking, count=len(lacking))
    return len(lacking)


# --- what they have in common -----------------------------------------------------------------------------------------


def _begin(session: Session, registration_id: UUID, now: datetime) -> tuple[Registration, Course, ActivityTree]:
    """End what is open, so that nothing is written behind the repair's back."""
    registration = registration_store.get(session, registration_id, lock=True)
    course = registration_store.course(session, registration.package_version_id)
    supersede(session, registration, now)
    tree = play.tree_of(session, registration, course, now)
    close_session(tree)
    return registration, course, tree


def _finish(
    session: Session,
    registration: Registration,
    course: Course,
    kind: Kind,
    by: By,
    now: datetime,
    *,
    voids: Sequence[Statement] = (),
    made: Sequence[Statement] = (),
    item_id: UUID | None = None,
    **details: Any,
) -> None:
    """Write down who did what and why, and store the statements: the repair itself, what is void, what holds now."""
    identifier = None if item_id is None else course.identifier(item_id)
    audit.record(
        session,
        "registration.repaired",
        "registration",
        registration.id,
        subject_user_id=registration.user_id,
        details={"kind": kind.value, "item": identifier, "reason": by.reason, "voided": len(voids), **details},
    )
    again = [said for said in map(_without_outcome, voids) if said is not None]
    session.flush()
    lrs.store(
        session,
        [
            _repaired(registration, course, identifier, kind, by, now),
            *(_void(statement, registration, by, now) for statement in voids),
            *again,
            *made,
        ],
        authority=authority(),
    )


def _repaired(
    registration: Registration, course: Course, identifier: str | None, kind: Kind, by: By, now: datetime
) -> Statement:
    """Say who repaired what, and why; its actor is not the learner, so it never counts as learning."""
    return {
        "id": str(uuid7()),
        "actor": dict(by.actor),
        "verb": {"id": "http://activitystrea.ms/schema/1.0/update", "display": {"en": "repaired"}},
        "object": {"objectType": "Activity", "id": course.iris[identifier or course.structure.root.identifier]},
        "result": {
            "response": by.reason,
            "extensions": {f"{addresses.known.home_page}/xapi/extensions/repair": kind.value},
        },
        "context": {"registration": str(registration.id)},
        "timestamp": _stamp(now),
    }


def _void(target: Statement, registration: Registration, by: By, now: datetime) -> Statement:
    return {
        "id": str(uuid7()),
        "actor": dict(by.actor),
        "verb": {"id": VOIDED, "display": {"en": "voided"}},
        "object": {"objectType": "StatementRef", "id": target["id"]},
        "result": {"response": by.reason},
        "context": {"registration": str(registration.id)},
        "timestamp": _stamp(now),
    }


def _stamp(now: datetime) -> str:
    return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _without_outcome(voided: Statement) -> Statement | None:
    """The end of a visit once more with its time alone: the visit took place, whatever came of it."""
    duration = voided.get("result", {}).get("duration")
    if duration is None or voided["verb"]["id"] in COURSE_WORDS:
        return None
    kept = {name: voided[name] for name in ("actor", "verb", "object", "context", "timestamp")}
    return {**kept, "id": str(uuid7()), "result": {"duration": duration}}


def _by_hand(statement: Statement, by: By) -> Statement:
    result = statement.get("result", {})
    extensions = {**result.get("extensions", {}), REASON: by.reason}
    return {
        **statement,
        "result": {**result, "extensions": extensions},
        "context": {**statement["context"], "instructor": dict(by.actor)},
    }


def _outcomes(
    session: Session, registration: Registration, course: Course, gone: Iterable[ScormItemState]
) -> list[Statement]:
    """Return what was said of the outcome of these attempts, and of the course as a whole."""
    attempts = {str(state.id) for state in gone}
    root = course.iris[course.structure.root.identifier]
    return [
        statement
        for statement in lrs.by_registration(session, registration.id)
        if _tells_outcome(statement)
        and (
            (statement["object"].get("id") == root and statement["verb"]["id"] in COURSE_WORDS)
            or (statement["object"].get("id") != root and _attempt_of(statement) in attempts)
        )
    ]


def _tells_outcome(statement: Statement) -> bool:
    result = statement.get("result", {})
    return statement["verb"]["id"] != VOIDED and any(name in result for name in ("success", "completion", "score"))


def _attempt_of(statement: Statement) -> str | None:
    around = statement.get("context", {}).get("contextActivities", {}).get("grouping", [])
    return next((one["id"].partition("?attemptId=")[2] for one in around if "?attemptId=" in one["id"]), None)


def _forget_standing(registration: Registration) -> None:
    registration.completion, registration.success = Completion.UNKNOWN, Success.UNKNOWN
    registration.progress_measure = registration.completed_at = None
    registration.score_scaled = registration.score_raw = registration.score_min = registration.score_max = None


def _standing_anew(
    session: Session,
    registration: Registration,
    course: Course,
    tree: ActivityTree,
    state: ScormItemState,
    now: datetime,
) -> list[Statement]:
    """Say of the course what still holds without what was set aside."""
    playing = _playing(session, registration, course, state, now)
    tell_standing(playing, tree, has_ended=True)
    return playing.made


def _playing(
    session: Session, registration: Registration, course: Course, state: ScormItemState, now: datetime
) -> Playing:
    """An attempt as a change to it sees it, with a session that no database knows: nobody is playing."""
    identifier = course.identifier(state.package_item_id)
    item, data = course.items[identifier], store.data_of(state)
    if not Policy(**data.policy).mastery_decides:
        item = replace(item, mastery_score=None)
    return Playing(
        session=session,
        registration=registration,
        course=course,
        launched=LaunchSession(
            registration_id=registration.id,
            package_item_id=state.package_item_id,
            attempt_number=state.attempt_number,
            mode=LaunchMode.NORMAL,
            state=SessionState.CLOSED,
        ),
        node_identifier=identifier,
        item=item,
        state=state,
        data=data,
        now=now,
        made=[],
    )


def _begun(session: Session, registration: Registration, item_id: UUID, now: datetime) -> ScormItemState:
    """Begin an attempt on an item that nobody has opened, so that what is decided of it has a place."""
    last = store.find_state(session, registration.id, item_id)
    state = ScormItemState(
        registration_id=registration.id,
        package_item_id=item_id,
        attempt_number=last.attempt_number + 1 if last else 1,
        cmi=store.Data().text(),
        total_seconds=Decimal(0),
        is_suspended=False,
        started_at=now,
        updated_at=now,
    )
    session.add(state)
    session.flush()
    return state


# --- what the store lacks ---------------------------------------------------------------------------------------------


def _unsaid(
    session: Session, registration: Registration, course: Course, states: Mapping[UUID, ScormItemState]
) -> list[Statement]:
    """Return the statements that the data imply and the store does not have, or only voided."""
    there = {_sense(statement) for statement in lrs.by_registration(session, registration.id)}
    implied = [
        statement
        for state in sorted(states.values(), key=lambda one: one.updated_at)
        for statement in _implied(session, registration, course, state)
    ]
    lacking = {_sense(statement): statement for statement in implied if _sense(statement) not in there}
    return list(lacking.values())


def _implied(session: Session, registration: Registration, course: Course, state: ScormItemState) -> list[Statement]:
    playing = _playing(session, registration, course, state, state.updated_at)
    source, data = source_of(playing), playing.data
    stage = statements.Stage.OPEN if state.is_suspended else statements.Stage.OVER
    made = statements.changed(source, data.values, {}, state.updated_at, stage=stage)
    if registration.completion is Completion.COMPLETED:
        made.append(_of_course(playing, "completed"))
    if registration.success is not Success.UNKNOWN:
        made.append(_of_course(playing, registration.success.value))
    return made


def _of_course(playing: Playing, verb: str) -> Statement:
    registration = playing.registration
    names = ("scaled", "raw", "min", "max")
    scores = {name: float(value) for name in names if (value := getattr(registration, f"score_{name}")) is not None}
    when = registration.completed_at or playing.state.updated_at
    return statements.course_changed(source_of(playing), verb, scores, registration.total_seconds, when)


def _sense(statement: Statement) -> tuple[Any, ...]:
    """What makes two statements say the same: verb, object, attempt, and the response where there is one.

    Statuses are said once per attempt, with the score of that moment; of the course once, in whatever attempt.
    """
    verb, about = statement["verb"]["id"], statement["object"].get("id")
    result = statement.get("result", {})
    course = statement["object"].get("definition", {}).get("type", "").endswith("/course")
    attempt = None if course else _attempt_of(statement)
    last = verb.rpartition("/")[2]
    told = result.get("response") if last in ("responded", "commented") else None
    if last in ("scored", "progressed"):
        told = repr(sorted(result.get("score", {}).items()))
    return verb, about, attempt, told
