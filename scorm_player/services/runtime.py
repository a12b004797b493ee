"""Playing: taking what an open activity sets, ending its session, and going where the learner or it asks.

Everything that changes a registration locks its row first, so that launches, commits and beacons of one learner in one
course follow one another, in whatever order they arrive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.db import Session
from core.errors import BadRequest, Gone, NotFound
from scorm_player.errors import Superseded
from scorm_player.scorm import transfer
from scorm_player.scorm.sequencing.overall import overall_sequencing
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.tree import ActivityTree
from scorm_player.scorm.sequencing.validity import look_ahead
from scorm_player.scorm.visit import Learner as Learner
from scorm_player.services import documents, limits, play, playback, reasons
from scorm_player.services.ending import conclude, conclude_again
from scorm_player.services.launching import (
    How,
    controls,
    controls_without_activity,
    deliver,
    identifier_of,
    opening_of,
)
from scorm_player.services.launching import Launch as Launch  # what callers open and take: re-exported on purpose
from scorm_player.services.launching import Refused as Refused
from scorm_player.services.launching import Waiting as Waiting
from scorm_player.services.launching import choose as choose
from scorm_player.services.launching import launch as launch
from scorm_player.services.launching import waiting_elsewhere as waiting_elsewhere
from scorm_player.services.playing import (
    ENDED,
    Playing,
    announce,
    keep_aside,
    playing_of,
    promoted,
    say,
)
from scorm_player.services.projection import project
from scorm_player.services.standing import tell_standing
from scorm_player.services.taking import Batch as Batch
from scorm_player.services.taking import batch_of as batch_of
from scorm_player.services.taking import follow, take
from scorm_player.store import registrations as registration_store
from scorm_player.store import runtime as store
from scorm_player.tables import (
    Completion,
    LaunchSession,
    Registration,
    SessionState,
    Success,
)

CLOSING = timedelta(seconds=10)  # beacons of one closing window arrive within


@dataclass(frozen=True)
class Ended:
    """The learner has left the course; `suspended` says that it goes on where it was left."""

    suspended: bool


@dataclass(frozen=True)
class Between:
    """The activity has ended and nothing else is delivered: the learner chooses how to go on.

    `offers` says whether there is anything to choose, `only` what it is where the outline has no other line,
    `navigation` which of the player's controls lead somewhere, `reason` why what was asked for leads nowhere, if that
    is why.
    """

    reason: str | None
    offers: bool
    only: str | None
    navigation: Mapping[str, Any]


@dataclass(frozen=True)
class Committed:
    """How far a session's batches are applied, and where content asked to go at its end, if it did.

    When statuses have changed, or the session has ended and content asks for nothing: `navigation`, which of the
    player's controls lead somewhere now, and `valid`, what `adl.nav.request_valid` answers now; None where that cannot
    have changed since it was told last.
    """

    saved: int
    applied: int
    follow: tuple[str, str | None] | None
    has_ended: bool
    navigation: Mapping[str, Any] | None = None
    valid: Mapping[str, str] | None = None


def commit(
    session: Session,
    launch_session_id: UUID,
    batches: Sequence[Batch],
    *,
    announced: int = 0,
    closing: bool = False,
    replay: bool = False,
    by: UUID | None = None,
    now: datetime,
) -> Committed:
    """Apply a session's batches in order, each once, with the statements they imply, in this one transaction.

    Batches that were applied before are passed over; behind a gap nothing is applied until the missing one arrives.
    `announced` is the highest number the window has given, so that another device can say what is unsent there.
    `closing`: the window is going away; without Terminate that is an implicit suspend. `replay`: a journal brings what
    a window could not send; that may still come in while the session that follows has not been touched. `by` is whose
    session it has to be. Raises NotFound, and Superseded when a later session has taken over; not for a repeat that
    was slower than the session's end and brings nothing.
    """
    highest = max((batch.sequence for batch in batches), default=None)
    playing = _open(session, launch_session_id, now, by=by, replay=replay, highest=highest)
    launched = playing.launched
    first = launched.last_sequence
    before = promoted(playing.state)
    was_over, was_begun = launched.state not in store.OPEN, launched.initialized_at is not None
    taken = take(playing, batches, announced)
    if launched.initialized_at is not None and not was_begun:
        documents.begun(session, [playing], now)
    ended = taken.terminated
    if playing.counts:
        project(session, playing.state, playing.item.standard, playing.data.values, taken.elements)
    if ended and not was_over:
        conclude(playing, terminated=True)
    elif was_over and (ended or promoted(playing.state) != before):
        conclude_again(playing, terminated=ended or launched.state is SessionState.TERMINATED)
    elif closing and not was_over:
        conclude(playing, terminated=False)
    elif promoted(playing.state) != before:
        tell_standing(playing, None, has_ended=False)
    if was_over and taken.elements:
        documents.left(playing)
    say(playing)
    keep_aside(playing)
    if promoted(playing.state) != before or (launched.state in ENDED and not was_over):
        announce(playing)
    done = Committed(launched.last_sequence, launched.last_sequence - first, follow(playing), launched.state in ENDED)
    is_news = promoted(playing.state) != before or (launched.state in ENDED and not was_over)
    stays = done.follow is None and launched.state is not SessionState.SUPERSEDED
    return _with_ways(playing, done) if is_news and stays else done


def _with_ways(playing: Playing, done: Committed) -> Committed:
    """Tell with a commit where the learner may go now: what the activity says of itself may open other ones.

    In a steady course, while the activity is the current one, that is where it was when the window was told last.
    """
    tree = playing.tree()
    node = tree.nodes[playing.node_identifier]
    if tree.is_steady and tree.current is node and node.state.is_active:
        return done
    outlook = play.outlook(tree, playing.item, None if done.has_ended else playing.data)
    ways = controls(outlook, playing.course.structure.edition)
    return replace(done, navigation=ways, valid=transfer.navigation_of(outlook))


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


def _open(
    session: Session,
    launch_session_id: UUID,
    now: datetime,
    *,
    by: UUID | None,
    replay: bool = False,
    highest: int | None = None,
) -> Playing:
    """Lock the registration, and read what belongs to its session; `by`: whose it has to be, None for nobody's.

    `highest`: the last batch that is brought, if one is. Raises NotFound, and Superseded.
    """
    rows = store.lock_counting(session, launch_session_id)
    if rows is not None:
        registration, launched, state = rows
    else:
        found = store.get_session(session, launch_session_id)
        registration = registration_store.get(session, found.registration_id, lock=True)
        launched, state = store.get_session(session, launch_session_id, fresh=True), None
    if by is not None and registration.user_id != by:
        raise NotFound("There is no such session.")
    is_over = launched.state is SessionState.SUPERSEDED
    is_repeat = highest is not None and highest <= launched.last_sequence
    if is_over and not is_repeat and not (replay and _is_followed_by_silence(session, launched)):
        raise Superseded("This course was opened in another window or on another device, and goes on there.")
    return playing_of(session, registration, launched, now, state)


def _is_followed_by_silence(session: Session, launched: LaunchSession) -> bool:
    """Whether the session that follows this one immediately is the newest, and nothing has happened in it."""
    newest, before = store.newest_two_sessions(session, launched.registration_id)
    return newest is not None and before is launched and newest.initialized_at is None and newest.last_sequence == 0


def navigate(
    session: Session,
    launch_session_id: UUID,
    request: str,
    target: str | None = None,
    *,
    by: UUID | None = None,
    now: datetime,
) -> Launch | Ended | Between | Refused:
    """End the session, process the navigation request, and open what it leads to.

    `request` is a word of `adl.nav.request`, or "leave": out of the course, which goes on where it was left unless it
    is completed. `target` is an activity's identifier or an item's id, `by` whose session it has to be.
    Raises Superseded, NotFound, BadRequest.
    """
    playing = _open(session, launch_session_id, now, by=by)
    asked = _request(request, playing.registration)
    if playing.launched.state in store.OPEN:
        conclude(
            playing,
            terminated=False,
            abandons=asked in transfer.ABANDONING,
            ended_by_learner=request in (NavigationRequest.EXIT, NavigationRequest.EXIT_ALL),
        )
        say(playing)
        announce(playing)
    registration, course = playing.registration, playing.course
    tree = playing.tree()
    if request == "leave":  # what has just ended may have completed the course
        asked = _request(request, registration)
    wanted = identifier_of(course, target) if target is not None else None
    outcome = overall_sequencing(tree, asked, wanted)
    reason = reasons.of_outcome(tree, outcome, wanted)
    if outcome.was_refused:
        return _refused(playing, tree, reason or "This is not possible now.")
    if outcome.delivered is not None:
        opening = opening_of(session, registration, course, tree, now)
        if playing.counts and not outcome.resumes:
            refusal = limits.refusal(session, registration.id, course, tree.current, opening.policy.attempts)
            if refusal is not None:
                return _refused(playing, play.tree_of(session, registration, course, now), refusal)
        person = Learner(playing.data.learner[0], playing.data.learner[1])
        how = How(playing.launched.mode, playing.data.strict, person)
        keep_aside(playing)
        return deliver(
            session, registration, course, tree, outcome.resumes, how, now, opening, playing.aside, playing.launched
        )
    play.keep(session, registration, course, tree, now, counts=playing.counts)
    keep_aside(playing)
    if outcome.ends_session:
        if asked is not NavigationRequest.SUSPEND_ALL and playing.counts:
            tell_standing(playing, tree, has_ended=True)
            say(playing)
        return Ended(suspended=asked is NavigationRequest.SUSPEND_ALL)
    outlook = look_ahead(tree)
    navigation = controls_without_activity(outlook)
    leads = any(navigation[name]["enabled"] for name in ("previous", "next"))
    return Between(reason, leads or outlook.has_contents(), outlook.only(), navigation)


def _refused(playing: Playing, tree: ActivityTree, reason: str) -> Refused:
    """Say why nothing is opened, and whether there is anything to choose besides the activity that was left."""
    session, course, outlook = playing.session, playing.course, look_ahead(tree)
    most = playback.of_version(session, course.version_id).attempts if playing.counts else None
    used_up = limits.used_up(session, playing.registration.id, course, outlook, most)
    return Refused(reason, outlook.has_contents(besides={playing.node_identifier, *used_up}))


def _request(request: str, registration: Registration) -> NavigationRequest:
    if request == "leave":
        is_over = registration.completion is Completion.COMPLETED and registration.success is not Success.FAILED
        return NavigationRequest.EXIT_ALL if is_over else NavigationRequest.SUSPEND_ALL
    try:
        return NavigationRequest(request)
    except ValueError:
        raise BadRequest("This navigation request is not known.") from None
