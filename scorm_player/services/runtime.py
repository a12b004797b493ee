"""Playing: opening an activity, taking what it sets, ending its session, and going where the learner or it asks.

Everything that changes a registration locks its row first, so that launches, commits and beacons of one learner in one
course follow one another, in whatever order they arrive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import Session, organization_of, uuid7
from core.errors import BadRequest, Gone, NotFound
from core.events import publish
from lrs.services import statements as lrs
from scorm_player import statements
from scorm_player.errors import NotPlayable, Superseded
from scorm_player.events import RuntimeCommitted
from scorm_player.scorm import runtime as rt
from scorm_player.scorm import transfer
from scorm_player.scorm.data_model import table
from scorm_player.scorm.runtime import Learner as Learner  # part of what `launch` takes: re-exported on purpose
from scorm_player.scorm.sequencing.definition import HiddenControl
from scorm_player.scorm.sequencing.overall import begin_session, close_session, overall_sequencing
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.tree import ActivityTree, Node
from scorm_player.scorm.sequencing.validity import Outlook, look_ahead
from scorm_player.services import addresses, packages, play
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

Document = dict[str, Any]

LATE = timedelta(seconds=60)  # a window's own clock may claim this much more than ours has counted
CLOSING = timedelta(seconds=10)  # beacons of one closing window arrive within
ENDED = (SessionState.TERMINATED, SessionState.CLOSED)


@dataclass(frozen=True)
class Launch:
    """An opened session: `document` is for static/player/player.js, which shows `adapter_url` in its frame."""

    session_id: UUID
    document: Document
    adapter_url: str


@dataclass(frozen=True)
class Ended:
    """The learner has left the course; `suspended` says that it goes on where it was left."""

    suspended: bool


@dataclass(frozen=True)
class Refused:
    """What was asked for is not possible now, with the reason for a person. The learner may choose something else."""

    reason: str


@dataclass(frozen=True)
class Committed:
    """How far a session's batches are applied, and where content asked to go at its end, if it did."""

    saved: int
    applied: int
    follow: tuple[str, str | None] | None
    has_ended: bool


@dataclass(frozen=True)
class Batch:
    """What content set between two sendings, numbered by its window. `seconds` passed since the one before."""

    sequence: int
    changes: Sequence[tuple[str, str]]
    seconds: Decimal = Decimal(0)
    initialized: bool = False
    terminated: bool = False


@dataclass
class _Playing:
    """What a change to a session works on."""

    session: Session
    registration: Registration
    course: Course
    launched: LaunchSession
    node_identifier: str
    item: rt.Item
    state: ScormItemState
    data: store.Data
    now: datetime
    made: list[statements.Statement]

    @property
    def counts(self) -> bool:
        """Whether this session is for the record."""
        return self.launched.mode is LaunchMode.NORMAL


# --- opening ----------------------------------------------------------------------------------------------------------


def launch(
    session: Session,
    registration_id: UUID,
    *,
    item_id: UUID | None = None,
    mode: str = "normal",
    strict: bool = False,
    person: Learner,
    now: datetime,
) -> Launch:
    """Open the activity that is next: the chosen item, else the one that was left, else the first.

    A session that is still open elsewhere is concluded with what it has sent, and writes nothing any more. `strict`
    answers the content to the letter of the book; by default what vendors send is kept.
    Raises NotFound for what is not this tenant's, NotPlayable with the reason when nothing can be opened.
    """
    registration = registration_store.get(session, registration_id, lock=True)
    course = registration_store.course(session, registration.package_version_id)
    unsent = waiting_elsewhere(session, registration_id)
    supersede(session, registration, now)
    tree = play.tree_of(session, registration, course, now)
    target = course.identifier(item_id) if item_id is not None else None
    outcome = _enter(tree, target)
    if outcome is None or tree.current is None:
        raise NotPlayable(_reason(tree, target) or "The course offers nothing to open now.")
    how = _How(LaunchMode(mode), strict, person)
    opened = _deliver(session, registration, course, tree, outcome.resumes, how, now)
    opened.document["unsent_elsewhere"] = unsent
    return opened


@dataclass(frozen=True)
class _Entered:
    resumes: bool


@dataclass(frozen=True)
class _How:
    """How activities are opened, the same from launch to the end of the visit."""

    mode: LaunchMode
    strict: bool
    person: Learner


def _enter(tree: ActivityTree, target: str | None) -> _Entered | None:
    """Go into the tree: resume what was left, then to the chosen target if there is one; else start."""
    if target is None:
        outcome = begin_session(tree)
        if outcome.delivered is None and (first := look_ahead(tree).first_choice()):
            outcome = overall_sequencing(tree, NavigationRequest.CHOICE, first.identifier)
        return _Entered(outcome.resumes) if outcome.delivered is not None else None
    close_session(tree)
    if tree.suspended is not None and target == tree.suspended.identifier:
        outcome = overall_sequencing(tree, NavigationRequest.RESUME_ALL)
    else:
        outcome = overall_sequencing(tree, NavigationRequest.CHOICE, target)
    return _Entered(outcome.resumes) if outcome.delivered is not None else None


def _reason(tree: ActivityTree, target: str | None) -> str | None:
    return next((e.reason for e in look_ahead(tree).contents if e.identifier == target), None)


def supersede(session: Session, registration: Registration, now: datetime) -> None:
    """Conclude the newest session if it is open, and let none of the earlier ones write any more."""
    newest = store.newest_session(session, registration.id)
    if newest is None:
        return
    if newest.state in store.OPEN:
        playing = _playing(session, registration, newest, now)
        _conclude(playing, terminated=False)
        _say(playing)
    newest.state = SessionState.SUPERSEDED


def _deliver(
    session: Session,
    registration: Registration,
    course: Course,
    tree: ActivityTree,
    resumes: bool,
    how: _How,
    now: datetime,
) -> Launch:
    """Open a session on the tree's current activity."""
    node = tree.current
    if node is None:
        raise NotPlayable
    item_id = course.item_ids[node.identifier]
    outlook = look_ahead(tree)
    state = _state_for(session, registration, course, node, resumes, now)
    item = course.items[node.identifier]
    data = store.data_of(state)
    start = rt.begin(
        item,
        how.person,
        previous=data.values if data.values else None,
        suspended=state.is_suspended,
        mode=how.mode.value,
        objectives=transfer.objectives_of(tree, node),
        shared=transfer.shared_data_of(tree, node),
        navigation=transfer.navigation_of(outlook),
        total_seconds=state.total_seconds,
    )
    state.cmi = store.Data(
        start.values, data.said, [], start.access, how.strict, [how.person.id, how.person.name]
    ).text()
    state.updated_at = now
    launched = LaunchSession(
        id=uuid7(),
        registration_id=registration.id,
        package_item_id=item_id,
        attempt_number=state.attempt_number,
        mode=how.mode,
        launched_at=now,
    )
    session.add(launched)
    registration.started_at = registration.started_at or now
    registration.last_activity_at = now
    session.flush()
    if not node.definition.is_sco:
        _count_asset(_playing(session, registration, launched, now), tree, node)
    play.keep(session, registration, course, tree, now)
    return _launch(session, registration, course, node, launched, start, item, outlook, how.strict)


def _state_for(
    session: Session, registration: Registration, course: Course, node: Node, resumes: bool, now: datetime
) -> ScormItemState:
    """Return the row of the attempt that is played: the last one where it is resumed, else a new one.

    SCORM 1.2 knows no attempts: there an item keeps its data from visit to visit.
    """
    item_id = course.item_ids[node.identifier]
    last = store.find_state(session, registration.id, item_id)
    if last is not None and (resumes or play.is_1_2(course)):
        return last
    state = ScormItemState(
        registration_id=registration.id,
        package_item_id=item_id,
        attempt_number=last.attempt_number + 1 if last else 1,
        cmi=store.Data().text(),
        total_seconds=Decimal(0),
        started_at=now,
        updated_at=now,
    )
    session.add(state)
    session.flush()
    return state


def _launch(
    session: Session,
    registration: Registration,
    course: Course,
    node: Node,
    launched: LaunchSession,
    start: rt.Start,
    item: rt.Item,
    outlook: Outlook,
    strict: bool,
) -> Launch:
    path = packages.content_path(session, registration.package_version_id, launched.launched_at)
    adapter_url = f"{addresses.known.content_origin}{path}__stoa__/adapter"
    url = course.manifest.url(node.definition) or ""
    document = {
        "session": str(launched.id),
        "registration": str(registration.id),
        "person": str(registration.user_id or registration.id),
        "title": node.definition.title,
        "mode": launched.mode.value,
        "adapter_url": adapter_url,
        "content_origin": addresses.known.content_origin,
        "url": url if "://" in url else f"{path}{url}",
        "table": table(item.standard, item.edition) if node.definition.is_sco else None,
        "values": start.values,
        "access": start.access,
        "strict": strict,
        "new_window": packages.TOP_WINDOW_RULE in course.findings,
        "close": {
            "url": f"{addresses.known.content_origin}/close",
            "token": addresses.close_token(organization_of(session), launched.id),
        },
        "navigation": controls(outlook),
    }
    return Launch(launched.id, document, adapter_url)


def controls(outlook: Outlook) -> Document:
    """Tell which of the player's controls are shown and which of them lead somewhere."""
    return {
        "previous": _control(outlook, HiddenControl.PREVIOUS, NavigationRequest.PREVIOUS),
        "next": _control(outlook, HiddenControl.CONTINUE, NavigationRequest.CONTINUE),
        "exit": {"enabled": True, "visible": True},
    }


def _control(outlook: Outlook, control: HiddenControl, request: NavigationRequest) -> Document:
    return {"enabled": outlook.is_valid(request), "visible": outlook.shows(control)}


# --- taking what content sets -----------------------------------------------------------------------------------------


def commit(
    session: Session,
    launch_session_id: UUID,
    batches: Sequence[Batch],
    *,
    announced: int = 0,
    closing: bool = False,
    replay: bool = False,
    now: datetime,
) -> Committed:
    """Apply a session's batches in order, each once, with the statements they imply, in this one transaction.

    Batches that were applied before are passed over; behind a gap nothing is applied until the missing one arrives.
    `announced` is the highest number the window has given, so that another device can say what is unsent there.
    `closing`: the window is going away; without Terminate that is an implicit suspend. `replay`: a journal brings what
    a window could not send; that may still come in while the session that follows has not been touched.
    Raises NotFound, and Superseded when a later session has taken over.
    """
    playing = _open(session, launch_session_id, now, replay=replay)
    launched = playing.launched
    first = launched.last_sequence
    launched.announced_sequence = max(launched.announced_sequence, announced, *(b.sequence for b in batches), 0)
    before = _promoted(playing.state)
    was_over = launched.state not in store.OPEN
    ended = _apply(playing, batches)
    if ended and not was_over:
        _conclude(playing, terminated=True)
    elif was_over and _promoted(playing.state) != before:
        _conclude_again(playing, terminated=ended or launched.state is SessionState.TERMINATED)
    elif closing and not was_over:
        _conclude(playing, terminated=False)
    elif _promoted(playing.state) != before:
        _tell_standing(playing, None, has_ended=False)
    _say(playing)
    if _promoted(playing.state) != before or (launched.state in ENDED and not was_over):
        _announce(playing)
    return Committed(launched.last_sequence, launched.last_sequence - first, _follow(playing), launched.state in ENDED)


def require_own(session: Session, launch_session_id: UUID, user_id: UUID) -> None:
    """The one door to a session: whose it is not, for them it does not exist. Raises NotFound."""
    launched = store.get_session(session, launch_session_id)
    if registration_store.get(session, launched.registration_id).user_id != user_id:
        raise NotFound("There is no such session.")


def close(
    session: Session, launch_session_id: UUID, batches: Sequence[Batch], *, announced: int, now: datetime
) -> None:
    """Take what a closing window sends with its token, and end its session. Appends, and nothing else.

    Handlers of the content may run after ours, so that more than one beacon comes; a while after the first the token
    is worth nothing. Raises Superseded, and Gone when it is too late.
    """
    ended_at = store.get_session(session, launch_session_id).ended_at
    if ended_at is not None and now - ended_at > CLOSING:
        raise Gone("This session has ended.")
    commit(session, launch_session_id, batches, announced=announced, closing=True, now=now)


def _open(session: Session, launch_session_id: UUID, now: datetime, *, replay: bool = False) -> _Playing:
    found = store.get_session(session, launch_session_id)
    registration = registration_store.get(session, found.registration_id, lock=True)
    launched = store.get_session(session, launch_session_id, fresh=True)
    if launched.state is SessionState.SUPERSEDED and not (replay and _is_followed_by_silence(session, launched)):
        raise Superseded("This course was opened in another window or on another device, and goes on there.")
    return _playing(session, registration, launched, now)


def _is_followed_by_silence(session: Session, launched: LaunchSession) -> bool:
    """Whether the session that follows this one immediately is the newest, and nothing has happened in it."""
    newest, before = store.newest_two_sessions(session, launched.registration_id)
    return newest is not None and before is launched and newest.initialized_at is None and newest.last_sequence == 0


def _playing(session: Session, registration: Registration, launched: LaunchSession, now: datetime) -> _Playing:
    course = registration_store.course(session, registration.package_version_id)
    state = store.find_state(session, registration.id, launched.package_item_id, launched.attempt_number)
    if state is None:
        raise Superseded
    identifier = course.identifier(launched.package_item_id)
    return _Playing(
        session=session,
        registration=registration,
        course=course,
        launched=launched,
        node_identifier=identifier,
        item=course.items[identifier],
        state=state,
        data=store.data_of(state),
        now=now,
        made=[],
    )


def _apply(playing: _Playing, batches: Sequence[Batch]) -> bool:
    """Apply what is new and follows without a gap; answer whether content has called Terminate."""
    launched, data = playing.launched, playing.data
    runtime = rt.Runtime(playing.item.standard, playing.item.edition, data.values, data.access)
    given = dict(runtime.values)
    told = set(data.set_by_content)
    ended = False
    for batch in sorted(batches, key=lambda one: one.sequence):
        if batch.sequence != launched.last_sequence + 1:
            continue
        launched.last_sequence = batch.sequence
        if batch.initialized and launched.initialized_at is None:
            _initialize(playing)
        rt.apply(runtime, batch.changes)
        told |= {element for element, _ in batch.changes if runtime.values.get(element) != given.get(element)}
        told |= {element for element, value in batch.changes if runtime.values.get(element) == value}
        _count_time(playing, batch.seconds)
        ended = ended or batch.terminated
    data.values, data.set_by_content = runtime.values, sorted(told)
    playing.registration.last_activity_at = playing.now
    _promote(playing)
    if playing.counts:
        playing.made += statements.changed(_source(playing), data.values, data.said, playing.now)
    playing.state.cmi = data.text()
    return ended


def _initialize(playing: _Playing) -> None:
    launched = playing.launched
    launched.initialized_at = playing.now
    if launched.state is SessionState.LAUNCHED:
        launched.state = SessionState.INITIALIZED
    if playing.counts:
        entry = playing.data.values.get("cmi.entry", playing.data.values.get("cmi.core.entry", ""))
        playing.made.append(statements.opened(_source(playing), entry, playing.now))


def _count_time(playing: _Playing, seconds: Decimal) -> None:
    """Add measured time, never more than has passed since the launch: a window's claims are not believed blindly."""
    launched = playing.launched
    passed = Decimal(str((playing.now - launched.launched_at + LATE).total_seconds()))
    counted = min(launched.seconds + max(seconds, Decimal(0)), passed) - launched.seconds
    if counted > 0:
        launched.seconds += counted
        if playing.counts:
            playing.registration.total_seconds += counted


def _promote(playing: _Playing) -> None:
    """Bring what reports and rollup ask for out of the text into columns."""
    state, values = playing.state, playing.data.values
    if playing.item.standard == "1.2":
        is_over = playing.launched.state in ENDED
        status = values.get("cmi.core.lesson_status") if is_over else rt.status_so_far(playing.item, values)
        completion, success = rt.statuses_of(status) if status else ("unknown", "unknown")
    else:
        completion, success = rt.completion_status(values), rt.success_status(values)
    state.completion, state.success = Completion(completion), Success(success)
    state.progress_measure = play.rounded(rt.progress(playing.item.standard, values), 4)
    score = rt.score(playing.item.standard, values)
    state.score_scaled = play.rounded(score.get("scaled"), 5)
    state.score_raw, state.score_min, state.score_max = (_storable(score.get(name)) for name in ("raw", "min", "max"))
    state.updated_at = playing.now


def _storable(value: float | None) -> Decimal | None:
    """A score as its column can keep it; one beyond a hundred million is nobody's score."""
    return play.rounded(value, 4) if value is not None and abs(value) < 1e8 else None


def _promoted(state: ScormItemState) -> tuple[Any, ...]:
    return (
        state.completion,
        state.success,
        state.progress_measure,
        state.score_scaled,
        state.score_raw,
        state.score_min,
        state.score_max,
    )


# --- ending a session -------------------------------------------------------------------------------------------------


def _conclude(playing: _Playing, *, terminated: bool, abandons: bool = False) -> rt.Outcome:
    """End the session: what stands is taken over into the learner's tree and told.

    An attempt that is abandoned, by the learner or by the content itself, brings nothing with it (SN 4.5.3).
    """
    launched, data, state = playing.launched, playing.data, playing.state
    outcome = rt.end(
        playing.item,
        data.values,
        terminated=terminated,
        measured_seconds=launched.seconds,
        mode=launched.mode.value,
        strict=data.strict,
    )
    launched.state = SessionState.TERMINATED if terminated else SessionState.CLOSED
    launched.ended_at = playing.now
    navigation = data.values.get("adl.nav.request") if terminated else None
    data.values = dict(outcome.values)
    state.is_suspended = outcome.suspended
    state.total_seconds += outcome.seconds
    _promote(playing)
    if playing.counts:
        source = _source(playing)
        playing.made += statements.changed(source, data.values, data.said, playing.now, ended=True)
        if launched.initialized_at is not None:
            playing.made.append(statements.closed(source, outcome, playing.now))
        asked = transfer.navigation_request(outcome)
        _take_over(playing, outcome, abandons=abandons or (asked is not None and asked[0] in transfer.ABANDONING))
    if navigation is not None:
        data.values["adl.nav.request"] = navigation  # until the player has followed it; the next launch forgets it
    state.cmi = data.text()
    return outcome


def _conclude_again(playing: _Playing, *, terminated: bool) -> None:
    """Take over what arrived after the window had gone: nothing ends twice, but what stands may have changed."""
    outcome = rt.end(playing.item, playing.data.values, terminated=terminated)
    if playing.counts:
        _take_over(playing, _without_time(outcome))


def _without_time(outcome: rt.Outcome) -> rt.Outcome:
    return rt.Outcome(**{**vars(outcome), "seconds": Decimal(0)})


def _take_over(playing: _Playing, outcome: rt.Outcome, *, abandons: bool = False) -> None:
    tree = play.tree_of(playing.session, playing.registration, playing.course, playing.now)
    node = tree.nodes[playing.node_identifier]
    if not abandons:
        transfer.take_over(tree, node, outcome, playing.data.set_by_content)
    playing.data.set_by_content = []
    play.keep(playing.session, playing.registration, playing.course, tree, playing.now)
    _tell_standing(playing, tree, has_ended=not outcome.suspended)


def _count_asset(playing: _Playing, tree: ActivityTree, node: Node) -> None:
    """An asset does not communicate: opened is seen, so its attempt is as good as completed."""
    if not playing.counts:
        return
    outcome = rt.end(rt.Item(), {"cmi.completion_status": "completed", "cmi.exit": "normal"}, terminated=True)
    transfer.take_over(tree, node, outcome, ["cmi.completion_status"])
    playing.data.values["cmi.completion_status"] = "completed"
    playing.state.completion = Completion.COMPLETED
    source = _source(playing)
    playing.made.append(statements.opened(source, "", playing.now))
    playing.made += statements.changed(source, {"cmi.completion_status": "completed"}, playing.data.said, playing.now)
    playing.state.cmi = playing.data.text()
    _tell_standing(playing, tree, has_ended=True)
    _say(playing)
    _announce(playing)


def _tell_standing(playing: _Playing, tree: ActivityTree | None, *, has_ended: bool) -> None:
    """Bring the course's own status up to date, and say what has become known of it.

    Without a `tree` the session goes on: what it has told so far is tried out, and nothing of it is kept in the tree.
    """
    if not playing.counts:
        return
    registration = playing.registration
    if tree is None:
        tree = play.tree_of(playing.session, registration, playing.course, playing.now).copy()
        outcome = rt.end(playing.item, playing.data.values, terminated=False)
        transfer.take_over(tree, tree.nodes[playing.node_identifier], outcome, playing.data.set_by_content)
    newest = store.newest_states(playing.session, registration.id)
    states = newest.values()
    standing = play.standing(
        tree,
        tree.nodes[playing.node_identifier],
        has_ended=has_ended,
        success_was_told=any(state.success is not Success.UNKNOWN for state in states),
        begun={
            playing.course.identifier(item_id): float(state.progress_measure)
            for item_id, state in newest.items()
            if state.progress_measure is not None
        },
    )
    _settle(playing, standing)


def _settle(playing: _Playing, standing: play.Standing) -> None:
    """Write what the course has come to. What is completed or passed stays so, whatever a later attempt brings."""
    registration = playing.registration
    is_better = standing.score.get("scaled", -2.0) >= float(registration.score_scaled or -2)
    verbs = []
    is_failing = standing.success is Success.FAILED and play.is_1_2(playing.course)
    if is_failing and registration.completion is not Completion.COMPLETED:
        registration.completion = Completion.INCOMPLETE  # 1.2: a learner who fails has not completed (RTE 3.4.4)
    elif standing.completion is Completion.COMPLETED and registration.completion is not Completion.COMPLETED:
        registration.completion, registration.completed_at = Completion.COMPLETED, playing.now
        verbs.append("completed")
    elif registration.completion is not Completion.COMPLETED:
        registration.completion = standing.completion
    if standing.success is Success.PASSED and registration.success is not Success.PASSED:
        registration.success = Success.PASSED
        verbs.append("passed")
    elif standing.success is Success.FAILED and registration.success is Success.UNKNOWN:
        registration.success = Success.FAILED
        verbs.append("failed")
    if standing.progress is not None:
        progress = play.rounded(min(max(standing.progress, 0.0), 1.0), 4)
        before = registration.progress_measure or Decimal(0)
        registration.progress_measure = max(before, progress or Decimal(0))
        if before < registration.progress_measure < 1:
            source, measure = _source(playing), float(registration.progress_measure)
            playing.made.append(statements.course_progressed(source, measure, playing.now))
    if standing.score and is_better:
        registration.score_scaled = play.rounded(standing.score.get("scaled"), 5)
        registration.score_raw, registration.score_min, registration.score_max = (
            _storable(standing.score.get(name)) for name in ("raw", "min", "max")
        )
    source = _source(playing)
    playing.made += [
        statements.course_changed(source, verb, standing.score, registration.total_seconds, playing.now)
        for verb in verbs
    ]


# --- telling ----------------------------------------------------------------------------------------------------------


def _source(playing: _Playing) -> statements.Source:
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
        new_id=uuid7,
    )


def _say(playing: _Playing) -> None:
    """Store the statements that came of this change, in its transaction."""
    if playing.made:
        lrs.store(playing.session, playing.made, authority=authority())
        playing.made = []


def authority() -> statements.Statement:
    """Who vouches for what the run-time says: Stoa itself."""
    return {"objectType": "Agent", "name": "Stoa", "account": {"homePage": addresses.known.home_page, "name": "stoa"}}


def _announce(playing: _Playing) -> None:
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


def _follow(playing: _Playing) -> tuple[str, str | None] | None:
    """Tell where content asked to go when it called Terminate."""
    if playing.launched.state is not SessionState.TERMINATED:
        return None
    outcome = rt.end(playing.item, playing.data.values, terminated=True)
    request = transfer.navigation_request(outcome)
    return (request[0].value, request[1]) if request else None


# --- going on ---------------------------------------------------------------------------------------------------------


def navigate(
    session: Session,
    launch_session_id: UUID,
    request: str,
    target: str | None = None,
    *,
    now: datetime,
) -> Launch | Ended | Refused:
    """End the session, process the navigation request, and open what it leads to.

    `request` is a word of `adl.nav.request`, or "leave": out of the course, which goes on where it was left unless it
    is completed. `target` is an activity's identifier or an item's id. Raises Superseded, NotFound, BadRequest.
    """
    playing = _open(session, launch_session_id, now)
    asked = _request(request, playing.registration)
    if playing.launched.state in store.OPEN:
        _conclude(playing, terminated=False, abandons=asked in transfer.ABANDONING)
        _say(playing)
        _announce(playing)
    registration, course = playing.registration, playing.course
    tree = play.tree_of(session, registration, course, now)
    if request == "leave":  # what has just ended may have completed the course
        asked = _request(request, registration)
    outcome = overall_sequencing(tree, asked, _identifier(course, target))
    if outcome.was_refused:
        return Refused(outcome.reason or "This is not possible now.")
    if outcome.delivered is not None:
        playing.launched.state = SessionState.SUPERSEDED
        person = Learner(playing.data.learner[0], playing.data.learner[1])
        how = _How(playing.launched.mode, playing.data.strict, person)
        return _deliver(session, registration, course, tree, outcome.resumes, how, now)
    play.keep(session, registration, course, tree, now)
    if outcome.ends_session:
        if asked is not NavigationRequest.SUSPEND_ALL and playing.counts:
            _tell_standing(playing, tree, has_ended=True)
            _say(playing)
        return Ended(suspended=asked is NavigationRequest.SUSPEND_ALL)
    return Refused(outcome.reason or "There is nothing to open in this direction.")


def _request(request: str, registration: Registration) -> NavigationRequest:
    if request == "leave":
        is_over = registration.completion is Completion.COMPLETED and registration.success is not Success.FAILED
        return NavigationRequest.EXIT_ALL if is_over else NavigationRequest.SUSPEND_ALL
    try:
        return NavigationRequest(request)
    except ValueError:
        raise BadRequest("This navigation request is not known.") from None


def _identifier(course: Course, target: str | None) -> str | None:
    """Read a target: an activity's identifier, or an item's id."""
    if target is None or target in course.item_ids:
        return target
    return next((identifier for identifier, item_id in course.item_ids.items() if str(item_id) == target), target)


def waiting_elsewhere(session: Session, registration_id: UUID) -> int:
    """Tell how many batches the device of the last session has announced and not sent: what is still unsent there."""
    newest = store.newest_session(session, registration_id)
    return max(0, newest.announced_sequence - newest.last_sequence) if newest else 0


def batch_of(given: Mapping[str, Any]) -> Batch:
    """Read a batch as the browser sends it. Raises BadRequest."""
    try:
        changes = [(str(element), str(value)) for element, value in given.get("changes", ())]
        return Batch(
            sequence=int(given["sequence"]),
            changes=changes,
            seconds=Decimal(str(given.get("seconds", 0))),
            initialized=bool(given.get("initialized")),
            terminated=bool(given.get("terminated")),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError) as problem:
        raise BadRequest("This is not a batch of run-time data.") from problem
