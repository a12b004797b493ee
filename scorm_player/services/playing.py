"""A session as a change to it sees it: its rows, what is promoted out of its data, and how it is told."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from core.db import Session, uuid7
from core.events import publish
from lrs.services import statements as lrs
from scorm_player import statements
from scorm_player.errors import Superseded
from scorm_player.events import RuntimeCommitted
from scorm_player.policy import Policy
from scorm_player.scorm import cmi, visit
from scorm_player.scorm.sequencing.tree import ActivityTree
from scorm_player.scorm.visit import Learner as Learner
from scorm_player.services import addresses, apart, play
from scorm_player.store import registrations as registration_store
from scorm_player.store import runtime as store
from scorm_player.store.registrations import Course
from scorm_player.tables import (
    Completion,
    LaunchMode,
    LaunchSession,
    Registration,
    ScormItemState,
    SessionState,
    Success,
)

ENDED = (SessionState.TERMINATED, SessionState.CLOSED)


class Enrolled(Protocol):
    """What a commit reads and changes of a registration."""

    id: UUID
    actor: dict[str, Any]
    total_seconds: Decimal
    last_activity_at: datetime | None


class Opened(Protocol):
    """What a commit reads and changes of a session."""

    mode: LaunchMode
    state: SessionState
    launched_at: datetime
    initialized_at: datetime | None
    last_sequence: int
    announced_sequence: int
    seconds: Decimal


class Kept(Protocol):
    """What a commit reads and changes of an item's run-time data."""

    id: UUID
    cmi: str
    completion: Completion
    success: Success
    progress_measure: Decimal | None
    score_scaled: Decimal | None
    score_raw: Decimal | None
    score_min: Decimal | None
    score_max: Decimal | None
    updated_at: datetime


@dataclass
class Sitting:
    """What a commit works on: three rows, however they were read, and what belongs to them."""

    registration: Enrolled
    course: Course
    launched: Opened
    node_identifier: str
    item: visit.Item
    state: Kept
    data: store.Data
    now: datetime
    made: list[statements.Statement]

    @property
    def policy(self) -> Policy:
        """What holds where the books leave a choice, as it was when the session was opened."""
        return Policy(**self.data.policy)

    @property
    def counts(self) -> bool:
        """Whether this session is for the record."""
        return self.launched.mode is LaunchMode.NORMAL


@dataclass
class Playing(Sitting):
    """What a change to a session works on."""

    registration: Registration
    launched: LaunchSession
    state: ScormItemState
    session: Session
    aside: store.Aside | None = None  # of a visit that does not count; registration and state are copies then
    _tree: ActivityTree | None = None

    def tree(self) -> ActivityTree:
        """The learner's tree as it is kept, loaded when first asked for; who changes it keeps it (`play.keep`)."""
        if self._tree is None:
            self._tree = play.tree_of(self.session, self.registration, self.course, self.now)
        return self._tree


def playing_of(
    session: Session,
    registration: Registration,
    launched: LaunchSession,
    now: datetime,
    state: ScormItemState | None = None,
) -> Playing:
    """Gather what a session works on; the record's rows, or for a visit that does not count copies of them.

    `state`: its data, where they have been read. Raises Superseded when the attempt is gone.
    """
    course = registration_store.course(session, registration.package_version_id)
    if not course.holds(launched.package_item_id):
        raise Superseded("This course goes on in another version.")
    own: store.Aside | None = None
    if launched.mode is LaunchMode.NORMAL:
        found = state or store.find_state(session, registration.id, launched.package_item_id, launched.attempt_number)
        if found is None:
            raise Superseded
        state = found
    else:
        own = store.aside_of(launched)
        registration = apart.copy_of(registration, own.tree)
        state = apart.state_of(session, registration.id, launched.package_item_id, own, now)
    identifier = course.identifier(launched.package_item_id)
    data = store.data_of(state)
    item = item_of(course, identifier, data)
    return Playing(
        session=session,
        registration=registration,
        course=course,
        launched=launched,
        node_identifier=identifier,
        item=item,
        state=state,
        data=data,
        now=now,
        made=[],
        aside=own,
    )


def item_of(course: Course, identifier: str, data: store.Data) -> visit.Item:
    """What the manifest says of an item, as far as the session's policy lets it count."""
    item = course.items[identifier]
    return item if data.policy.get("mastery_decides", True) else replace(item, mastery_score=None)


def keep_aside(playing: Playing) -> None:
    """Keep what a visit that does not count has done, beside its session; for others there is nothing to do."""
    if playing.aside is not None:
        apart.keep(playing.launched, playing.registration, playing.state, playing.aside)


def promote(playing: Sitting) -> None:
    """Bring what reports and rollup ask for out of the text into columns."""
    state, values = playing.state, playing.data.values
    has_told_all = playing.launched.state is SessionState.TERMINATED  # a window that was closed has decided nothing
    state.completion, state.success = statuses(playing.item, playing.data, is_over=has_told_all)
    state.progress_measure = play.rounded(cmi.progress(playing.item.standard, values), 4)
    score = cmi.score(playing.item.standard, values)
    state.score_scaled = play.rounded(score.get("scaled"), 5)
    state.score_raw, state.score_min, state.score_max = (storable(score.get(name)) for name in ("raw", "min", "max"))
    state.updated_at = playing.now


def statuses(item: visit.Item, data: store.Data, *, is_over: bool) -> tuple[Completion, Success]:
    """Return what run-time data say of completion and success; `is_over`: no session that could say more is open."""
    values = data.values
    if item.standard == "1.2":
        status = values.get("cmi.core.lesson_status") if is_over else visit.status_so_far(item, values)
        completion, success = cmi.statuses_of(status) if status else ("unknown", "unknown")
    else:
        completion = cmi.completion_status(values, strict=data.strict)
        success = cmi.success_status(values, strict=data.strict)
    return Completion(completion), Success(success)


def storable(value: float | None) -> Decimal | None:
    """A score as its column can keep it; one beyond a hundred million is nobody's score."""
    return play.rounded(value, 4) if value is not None and abs(value) < 1e8 else None


def promoted(state: Kept) -> tuple[Any, ...]:
    return (
        state.completion,
        state.success,
        state.progress_measure,
        state.score_scaled,
        state.score_raw,
        state.score_min,
        state.score_max,
    )


def source_of(playing: Sitting) -> statements.Source:
    course, registration = playing.course, playing.registration
    root = course.structure.root
    course_iri = course.iris[root.identifier]
    activity = course.activity(playing.node_identifier)
    return statements.Source(
        standard=playing.item.standard,
        actor=registration.actor,
        registration=registration.id,
        course_iri=course_iri,
        course_title={course.language: root.title} if root.title else {},
        sco_iri=course.iris[activity.identifier],
        sco_title={course.language: activity.title} if activity.title else {},
        attempt=str(playing.state.id),
        mastery_score=playing.item.mastery_score,
        strict=playing.data.strict,
        new_id=uuid7,
    )


def say(playing: Playing) -> None:
    """Store the statements that came of this change, in its transaction."""
    if playing.made:
        lrs.store(playing.session, playing.made, authority=authority())
        playing.made = []


def authority() -> statements.Statement:
    """Who vouches for what the run-time says: Stoa itself."""
    return {"objectType": "Agent", "name": "Stoa", "account": {"homePage": addresses.known.home_page, "name": "stoa"}}


def announce(playing: Playing) -> None:
    publish(
        playing.session,
        RuntimeCommitted(
            playing.registration.id,
            playing.launched.package_item_id,
            playing.launched.id,
            playing.launched.state in ENDED,
        ),
        subject=playing.registration.id,
    )
