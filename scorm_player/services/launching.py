"""Opening an activity: which one, in which attempt, and the document the player page shows it with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from secrets import randbelow
from typing import Any
from uuid import UUID

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from scorm_player import own_window
from scorm_player.answers import OBJECTIVES
from scorm_player.errors import NotPlayable
from scorm_player.policy import as_settings
from scorm_player.scorm import transfer, visit
from scorm_player.scorm.data_model import table
from scorm_player.scorm.sequencing.definition import Edition, HiddenControl
from scorm_player.scorm.sequencing.overall import (
    Outcome,
    begin_session,
    close_session,
    overall_sequencing,
    reopen_part,
)
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.selection import prepare_clusters
from scorm_player.scorm.sequencing.tree import ActivityTree, Node
from scorm_player.scorm.sequencing.validity import Outlook, look_ahead
from scorm_player.scorm.visit import Learner as Learner
from scorm_player.services import addresses, apart, limits, play, playback, reasons, tickets
from scorm_player.services.ending import conclude, count_asset
from scorm_player.services.playing import keep_aside, playing_of, say
from scorm_player.services.projection import project
from scorm_player.store import openings
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


@dataclass(frozen=True)
class Launch:
    """An opened session: `document` is for static/player/player.js, which shows `adapter_url` in its frame."""

    session_id: UUID
    document: Document
    adapter_url: str
    outlook: Outlook


@dataclass(frozen=True)
class Waiting:
    """Nothing is delivered: the course does not start by itself, or not with what it would; the learner chooses.

    No session and no attempt has begun. `document` is for static/player/player.js.
    """

    document: Document
    outlook: Outlook


@dataclass(frozen=True)
class Refused:
    """What was asked for is not possible now, with the reason for a person.

    The learner may choose something else, if the course `offers` anything.
    """

    reason: str
    offers: bool = True


def launch(
    session: Session,
    registration_id: UUID,
    *,
    item_id: UUID | None = None,
    mode: str = "normal",
    strict: bool = False,
    person: Learner,
    now: datetime,
) -> Launch | Waiting:
    """Open the activity that is next: the chosen item, else the one that was left, else the first.

    Where the course does not start by itself (SB.2.5 delivers nothing), or what would be opened is refused, the learner
    is asked to choose. A session that is still open elsewhere is concluded with what it has sent, and writes nothing
    any more. `strict` answers the content to the letter of the book, as the playback policy may, too; by default what
    vendors send is kept. Raises NotFound for what is not this tenant's.
    """
    how, seed = How(LaunchMode(mode), strict, person), randbelow(1 << 48)
    arrival = _arrive(session, registration_id, how, now, seed)
    opened: Launch | Waiting | Refused
    if item_id is not None:
        opened = _enter(arrival, arrival.course.identifier(item_id))
    else:
        outcome = begin_session(arrival.tree)
        reason = reasons.of_outcome(arrival.tree, outcome)
        opened = _wait(arrival, reason, seed) if outcome.delivered is None else _open(arrival, outcome)
    if isinstance(opened, Refused):
        opened = _wait_instead(arrival, opened, seed)
    opened.document["unsent_elsewhere"] = arrival.unsent
    return opened


def choose(session: Session, ticket: str, target: str, *, by: UUID, now: datetime) -> Launch | Refused:
    """Begin with what the learner has chosen on a page that waits for it (NB.2.1, a choice while nothing is delivered).

    `target` is an activity's identifier or an item's id, `by` whose registration it has to be.
    Raises Forbidden for a ticket that is not ours, NotFound.
    """
    given = tickets.read(ticket)
    if registration_store.get(session, given.registration_id).user_id != by:
        raise NotFound("There is no such registration.")
    how = How(LaunchMode(given.mode), given.strict, given.person)
    arrival = _arrive(session, given.registration_id, how, now, given.seed)
    return _enter(arrival, identifier_of(arrival.course, target))


def identifier_of(course: Course, target: str) -> str:
    """Read a target: an activity's identifier, or an item's id."""
    if target in course.item_ids:
        return target
    return next((identifier for identifier, item_id in course.item_ids.items() if str(item_id) == target), target)


@dataclass(frozen=True)
class How:
    """How activities are opened, the same from launch to the end of the visit."""

    mode: LaunchMode
    strict: bool
    person: Learner


@dataclass(frozen=True)
class _Arrival:
    """Somebody at the door of a course: what was open is closed, and nothing is opened yet.

    `own`: what a visit that does not count has of its own; registration and tree are copies then.
    """

    session: Session
    registration: Registration
    course: Course
    tree: ActivityTree
    how: How
    own: store.Aside | None
    unsent: int
    now: datetime


def _arrive(session: Session, registration_id: UUID, how: How, now: datetime, seed: int) -> _Arrival:
    registration = registration_store.get(session, registration_id, lock=True)
    course = registration_store.course(session, registration.package_version_id)
    unsent = waiting_elsewhere(session, registration_id)
    supersede(session, registration, now)
    own: store.Aside | None = None
    if how.mode is not LaunchMode.NORMAL:
        own = store.Aside()
        registration = apart.copy_of(registration, registration.activity_tree)
    tree = play.tree_of(session, registration, course, now, seed)
    return _Arrival(session, registration, course, tree, how, own, unsent, now)


def _open(arrival: _Arrival, outcome: Outcome) -> Launch | Refused:
    """Open a session on what was delivered, unless the policy counts its attempts and they are used up."""
    session, registration, course, tree = arrival.session, arrival.registration, arrival.course, arrival.tree
    opening = opening_of(session, registration, course, tree, arrival.now)
    if arrival.own is None and not outcome.resumes:
        refusal = limits.refusal(session, registration.id, course, tree.current, opening.policy.attempts)
        if refusal is not None:
            return Refused(refusal)
    return deliver(session, registration, course, tree, outcome.resumes, arrival.how, arrival.now, opening, arrival.own)


def _wait_instead(arrival: _Arrival, refused: Refused, seed: int) -> Waiting:
    """Ask the learner to choose something else than what was refused; of that nothing has happened."""
    tree = play.tree_of(arrival.session, arrival.registration, arrival.course, arrival.now, seed)
    close_session(tree)
    prepare_clusters(tree)
    return _wait(replace(arrival, tree=tree), refused.reason, seed, refused=True)


def _wait(arrival: _Arrival, reason: str | None, seed: int, *, refused: bool = False) -> Waiting:
    """Ask the learner to choose. Which children were selected is kept: the outline shows what may be chosen.

    `reason`: why nothing is opened; that a course does not start by itself needs none, as long as it offers anything.
    """
    registration, course, tree, how = arrival.registration, arrival.course, arrival.tree, arrival.how
    outlook = look_ahead(tree)
    used_up: Mapping[str, str] = {}
    if arrival.own is None:
        play.keep(arrival.session, registration, course, tree, arrival.now)
        most = playback.of_version(arrival.session, course.version_id).attempts
        used_up = limits.used_up(arrival.session, registration.id, course, outlook, most)
    offers = outlook.has_contents(besides=used_up)
    ticket = tickets.Ticket(registration.id, how.mode.value, how.strict, how.person, seed)
    document: Document = {
        "ticket": tickets.issue(ticket),
        "registration": str(registration.id),
        "person": str(registration.user_id or registration.id),
        "title": course.structure.root.title,
        "mode": how.mode.value,
        "offers": offers,
        "only": outlook.only() if offers else None,
        "refused": refused,
        "reason": reason if refused or not offers else None,
        "navigation": controls_without_activity(outlook),
    }
    return Waiting(document, outlook)


def _enter(arrival: _Arrival, target: str) -> Launch | Refused:
    """Go to the chosen target; where something was left, resume that first."""
    tree = arrival.tree
    close_session(tree)
    if tree.suspended is None:
        outcome = overall_sequencing(tree, NavigationRequest.CHOICE, target)
    elif target == tree.suspended.identifier and tree.suspended.is_leaf:
        outcome = overall_sequencing(tree, NavigationRequest.RESUME_ALL)
    elif _resume_and_choose(tree.copy(), target).delivered is not None:
        outcome = _resume_and_choose(tree, target)
    else:  # what is suspended does not let go, or cannot be resumed
        outcome = overall_sequencing(tree, NavigationRequest.CHOICE, target)
    if outcome.delivered is None:
        return Refused(reasons.of_outcome(tree, outcome, target) or "The course offers nothing to open now.")
    return _open(arrival, outcome)


def _resume_and_choose(tree: ActivityTree, target: str) -> Outcome:
    """Go on with the suspended attempt on the course, and in it to the target; what was left stays suspended.

    A choice out of nothing would begin the whole course anew (DB.2.1, DB.2 step 5), and nothing that was reached would
    count any more. So the session begins as it does when the learner opens the course and chooses then.
    """
    if tree.suspended is not None and not tree.suspended.is_leaf:
        reopen_part(tree)
    else:
        outcome = overall_sequencing(tree, NavigationRequest.RESUME_ALL)
        if outcome.delivered is None:
            return outcome
        outcome.delivered.state.is_suspended = outcome.resumes  # nobody has played it: it is left as it was found
    return overall_sequencing(tree, NavigationRequest.CHOICE, target)


def supersede(session: Session, registration: Registration, now: datetime) -> None:
    """Conclude the newest session if it is open, and let none of the earlier ones write any more."""
    newest = store.newest_session(session, registration.id)
    if newest is None:
        return
    if newest.state in store.OPEN:
        playing = playing_of(session, registration, newest, now)
        conclude(playing, terminated=False)
        say(playing)
        keep_aside(playing)
    newest.state = SessionState.SUPERSEDED


def opening_of(
    session: Session, registration: Registration, course: Course, tree: ActivityTree, now: datetime
) -> playback.Opening:
    """Return how the tree's current activity is opened, and the newest attempt on it."""
    if tree.current is None:
        raise NotPlayable
    item_id = course.item_ids[tree.current.identifier]
    return playback.opening(session, registration.package_version_id, registration.id, item_id, now)


def waiting_elsewhere(session: Session, registration_id: UUID) -> int:
    """Tell how many batches the device of the last session has announced and not sent: what is still unsent there."""
    newest = store.newest_session(session, registration_id)
    return max(0, newest.announced_sequence - newest.last_sequence) if newest else 0


def deliver(
    session: Session,
    registration: Registration,
    course: Course,
    tree: ActivityTree,
    resumes: bool,
    how: How,
    now: datetime,
    opening: playback.Opening,
    own: store.Aside | None = None,
    follows: LaunchSession | None = None,
) -> Launch:
    """Open a session on the tree's current activity.

    `own` is what a visit that does not count has of its own, `follows` the session that this one takes the place of.
    """
    node = tree.current
    if node is None:
        raise NotPlayable
    item_id = course.item_ids[node.identifier]
    outlook, policy = look_ahead(tree), opening.policy
    strict = how.strict or policy.strict
    if own is not None:
        state = apart.state_of(session, registration.id, item_id, own, now)
        if how.mode is LaunchMode.BROWSE and not (resumes or play.is_1_2(course)):  # an attempt as learners begin it
            state.cmi, state.is_suspended = store.Data().text(), False
            state.completion, state.success = apart.UNKNOWN
    else:
        state = _state_for(session, registration, course, node, opening, resumes, now)
    item = course.items[node.identifier]
    data = store.data_of(state)
    start = visit.begin(
        item,
        how.person,
        previous=data.values if data.values else None,
        suspended=state.is_suspended or (resumes and item.standard == "2004" and own is None),
        mode=how.mode.value,
        objectives=transfer.objectives_of(tree, node),
        shared=transfer.shared_data_of(tree, node),
        navigation=transfer.navigation_of(outlook),
        total_seconds=state.total_seconds,
    )
    # What may be asked for is told to the content; kept it would be read and written again with every commit.
    kept = {name: value for name, value in start.values.items() if not name.startswith(transfer.REQUEST_VALID)}
    person = [how.person.id, how.person.name]
    cmi = store.Data(kept, data.said, [], start.access, strict, person, as_settings(policy)).text()
    launched = LaunchSession(
        id=uuid7(),
        registration_id=registration.id,
        package_item_id=item_id,
        attempt_number=state.attempt_number,
        mode=how.mode,
        launched_at=now,
    )
    if own is None:
        openings.keep(session, launched, state, cmi, registration, play.text_of(tree), follows, now)
        play.keep_shared(session, registration, course, tree, now)
    else:
        state.cmi, state.updated_at = cmi, now
        registration.started_at = registration.started_at or now
        registration.last_activity_at = now
        if follows is not None:
            follows.state = SessionState.SUPERSEDED
        session.add(launched)
        session.flush()
    if how.mode is LaunchMode.NORMAL:  # objectives the SCO is given
        given = [element for element in start.values if element.startswith(OBJECTIVES)]
        project(session, state, item.standard, start.values, given)
    if own is not None:
        play.keep(session, registration, course, tree, now, counts=False)
        apart.keep(launched, registration, state, own)
    if not node.definition.is_sco and how.mode is not LaunchMode.REVIEW:
        playing = playing_of(session, registration, launched, now, state)
        count_asset(playing, tree, node)
        play.keep(session, playing.registration, course, tree, now, counts=playing.counts)
        keep_aside(playing)
    return _launch(session, registration, course, node, launched, start, item, outlook, strict, opening)


def _state_for(
    session: Session,
    registration: Registration,
    course: Course,
    node: Node,
    opening: playback.Opening,
    resumes: bool,
    now: datetime,
) -> ScormItemState:
    """Return the row of the attempt that is played: the last one where it is resumed, else a new one.

    SCORM 1.2 knows no attempts: there an item keeps its data from visit to visit.
    """
    item_id = course.item_ids[node.identifier]
    if opening.may_go_on and (resumes or play.is_1_2(course)):
        last = store.find_state(session, registration.id, item_id, opening.attempts)
        if last is not None:
            return last
    return ScormItemState(
        id=uuid7(),
        registration_id=registration.id,
        package_item_id=item_id,
        attempt_number=opening.attempts + 1,
        cmi=store.Data().text(),
        total_seconds=Decimal(0),
        is_suspended=False,
        completion=Completion.UNKNOWN,
        success=Success.UNKNOWN,
        started_at=now,
        updated_at=now,
    )


def _launch(
    session: Session,
    registration: Registration,
    course: Course,
    node: Node,
    launched: LaunchSession,
    start: visit.Start,
    item: visit.Item,
    outlook: Outlook,
    strict: bool,
    opening: playback.Opening,
) -> Launch:
    path, policy = opening.path, opening.policy
    adapter_url = f"{addresses.known.content_origin}{path}__stoa__/adapter"
    url = course.manifest.url(node.definition) or ""
    resource = course.manifest.resources.get(node.definition.resource or "")
    is_elsewhere = resource is not None and resource.is_external
    document = {
        "session": str(launched.id),
        "registration": str(registration.id),
        "person": str(registration.user_id or registration.id),
        "item": str(course.item_ids[node.identifier]),
        "title": node.definition.title,
        "mode": launched.mode.value,
        "adapter_url": adapter_url,
        "content_origin": addresses.known.content_origin,
        "url": url if is_elsewhere else f"{path}{url}",
        "table": table(item.standard, item.edition),
        "is_sco": node.definition.is_sco,  # an asset need not communicate; one that does is heard
        "values": start.values,
        "access": start.access,
        "strict": strict,
        "log": registration.is_logged or registration.is_preview,
        "keep_log": registration.is_logged,
        "new_window": policy.window == "own"
        or (policy.window == "auto" and own_window.is_needed(course.findings, url)),
        "window_features": ",".join(
            f"{name}={pixels}"
            for name, pixels in (("width", policy.window_width), ("height", policy.window_height))
            if pixels is not None
        ),
        "wrap_up": policy.wrap_up or registration.is_preview,  # whoever tries a package wants to read its calls
        "close": {
            "url": f"{addresses.known.content_origin}/close",
            "token": addresses.close_token(organization_of(session), launched.id),
        },
        "navigation": controls(outlook, course.structure.edition),
    }
    return Launch(launched.id, document, adapter_url, outlook)


def controls(outlook: Outlook, edition: Edition) -> Document:
    """Tell which of the player's controls are shown and which of them lead somewhere.

    `finishes`: Next leads past the last activity, so it ends the attempt. `end` is Exit All: of use where SCORM 2004
    has several activities to begin anew; SCORM 1.2 knows no attempts.
    """
    end = _control(outlook, HiddenControl.EXIT_ALL, NavigationRequest.EXIT_ALL)
    is_one = edition is Edition.SCORM_1_2 or not outlook.has_several
    return {
        "previous": _control(outlook, HiddenControl.PREVIOUS, NavigationRequest.PREVIOUS),
        "next": _control(outlook, HiddenControl.CONTINUE, NavigationRequest.CONTINUE) | _finishing(outlook),
        "exit": {"enabled": True, "visible": True},
        "end": end | {"visible": end["visible"] and not is_one},
    }


def controls_without_activity(outlook: Outlook) -> Document:
    """Tell the same while no activity is delivered: nothing is hidden then, and what leads nowhere is not shown."""
    ways = {"previous": NavigationRequest.PREVIOUS, "next": NavigationRequest.CONTINUE}
    shown = {name: outlook.delivers(request) for name, request in ways.items()}
    controls = {name: {"enabled": leads, "visible": leads} for name, leads in shown.items()}
    return controls | {
        "next": controls["next"] | _finishing(outlook),
        "exit": {"enabled": True, "visible": True},
        "end": {"enabled": False, "visible": False},
    }


def _finishing(outlook: Outlook) -> Document:
    return {"finishes": outlook.finishes}


def _control(outlook: Outlook, control: HiddenControl, request: NavigationRequest) -> Document:
    return {"enabled": outlook.is_valid(request), "visible": outlook.shows(control)}
