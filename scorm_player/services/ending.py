"""The end of a session: what stands is taken over into the learner's tree and told."""

from decimal import Decimal

from scorm_player import statements
from scorm_player.scorm import cmi, transfer, visit
from scorm_player.scorm.sequencing.tree import ActivityTree, Node
from scorm_player.scorm.visit import Learner as Learner
from scorm_player.services import documents, play
from scorm_player.services.playing import Playing, announce, promote, say, source_of
from scorm_player.services.standing import tell_standing
from scorm_player.store import runtime as store
from scorm_player.tables import (
    Completion,
    SessionState,
)

KEPT_PLACES = 5
LESSON_STATUS = "cmi.core.lesson_status"
GIVEN_STATUS = "given lesson_status"
"""Key in what has been said: the status that a 1.2 lesson has is not its own, but what a closed window left."""
BOOKMARKS = {"1.2": "cmi.core.lesson_location", "2004": "cmi.location"}


def conclude(
    playing: Playing, *, terminated: bool, abandons: bool = False, ended_by_learner: bool = False
) -> visit.Outcome:
    """End the session: what stands is taken over into the learner's tree and told.

    `ended_by_learner`: they have ended the attempt, so content that has not called Terminate is not to be resumed.
    An attempt that is abandoned, by the learner or by the content itself, brings nothing with it (SN 4.5.3).
    """
    launched, data, state = playing.launched, playing.data, playing.state
    outcome = _outcome(playing, terminated, ended_by_learner)
    launched.state = SessionState.TERMINATED if terminated else SessionState.CLOSED
    launched.ended_at = playing.now
    _note_whose_status(playing, terminated)
    data.values = dict(outcome.values)
    keep_place(playing)
    state.is_suspended = outcome.suspended
    state.total_seconds = min(state.total_seconds + outcome.seconds, cmi.LONGEST_TOTAL)
    promote(playing)
    if playing.counts:
        source = source_of(playing)
        stage = statements.Stage.OVER if terminated else statements.Stage.LEFT
        playing.made += statements.changed(source, data.values, data.said, playing.now, stage=stage)
        if launched.initialized_at is not None:
            playing.made.append(statements.closed(source, outcome, playing.now))
    asked = transfer.navigation_request(outcome)
    take_over(playing, outcome, abandons=abandons or (asked is not None and asked[0] in transfer.ABANDONING))
    if playing.policy.suspend_data == "clear_when_completed" and outcome.completion == "completed":
        data.values.pop("cmi.suspend_data", None)
    if outcome.navigation != "_none_":
        data.values["adl.nav.request"] = (
            outcome.navigation
        )  # until the player has followed it; the next launch forgets it
    state.cmi = data.text()
    documents.left(playing, outcome.shared)
    return outcome


def _note_whose_status(playing: Playing, terminated: bool) -> None:
    """Remember whether the content has ever set its lesson status: LMSFinish concludes from its silence (RTE 3.4.4)."""
    data = playing.data
    if terminated or LESSON_STATUS in data.set_by_content:
        data.said.pop(GIVEN_STATUS, None)
    elif playing.item.standard == "1.2" and LESSON_STATUS not in data.values:
        data.said[GIVEN_STATUS] = "incomplete"


def keep_place(playing: Playing) -> None:
    """Keep where the learner is, where that is news: the last few places are what a repair can go back to."""
    suspend_data = playing.data.values.get("cmi.suspend_data", "")
    if not playing.counts or not suspend_data:
        return
    last = store.newest_snapshot(playing.session, playing.state)
    if last is None or last.suspend_data != suspend_data:
        bookmark = playing.data.values.get(BOOKMARKS[playing.item.standard], "")
        store.add_snapshot(playing.session, playing.state, suspend_data, bookmark, playing.now, KEPT_PLACES)


def _outcome(playing: Playing, terminated: bool, ended_by_learner: bool = False) -> visit.Outcome:
    """Conclude from the values, as the session's policy says: the one place where it does."""
    values = playing.data.values
    if GIVEN_STATUS in playing.data.said and LESSON_STATUS not in playing.data.set_by_content:
        values = {element: value for element, value in values.items() if element != LESSON_STATUS}
    return visit.end(
        playing.item,
        values,
        terminated=terminated,
        measured_seconds=playing.launched.seconds,
        mode=playing.launched.mode.value,
        strict=playing.data.strict,
        empty_exit_suspends=playing.policy.empty_exit == "suspend",
        silent_finish=playing.policy.silent_finish,
        ended_by_learner=ended_by_learner,
    )


def conclude_again(playing: Playing, *, terminated: bool) -> None:
    """Take over what arrived after the window had gone: nothing ends twice, but what stands may have changed.

    Content may call Terminate as late as when its page is unloaded; that decides then what the closed window left open.
    """
    outcome = _outcome(playing, terminated)
    if terminated and playing.launched.state is SessionState.CLOSED:
        _decide(playing, outcome)
    keep_place(playing)
    take_over(playing, _without_time(outcome))


def _decide(playing: Playing, outcome: visit.Outcome) -> None:
    """Let a session that was left end with Terminate all the same; its time has been counted."""
    data, state = playing.data, playing.state
    playing.launched.state = SessionState.TERMINATED
    _note_whose_status(playing, terminated=True)
    data.values = dict(outcome.values)
    state.is_suspended = state.is_suspended and outcome.suspended
    promote(playing)
    if playing.counts:
        stage = statements.Stage.OVER
        playing.made += statements.changed(source_of(playing), data.values, data.said, playing.now, stage=stage)
    state.cmi = data.text()


def _without_time(outcome: visit.Outcome) -> visit.Outcome:
    return visit.Outcome(**{**vars(outcome), "seconds": Decimal(0)})


def take_over(playing: Playing, outcome: visit.Outcome, *, abandons: bool = False) -> None:
    tree = playing.tree()
    node = tree.nodes[playing.node_identifier]
    if not abandons:
        transfer.take_over(tree, node, outcome, playing.data.set_by_content)
    playing.data.set_by_content = []
    play.keep(playing.session, playing.registration, playing.course, tree, playing.now, counts=playing.counts)
    tell_standing(playing, tree, has_ended=not outcome.suspended)


def count_asset(playing: Playing, tree: ActivityTree, node: Node) -> None:
    """An asset does not communicate: opened is seen, so its attempt is as good as completed."""
    outcome = visit.end(visit.Item(), {"cmi.completion_status": "completed", "cmi.exit": "normal"}, terminated=True)
    transfer.take_over(tree, node, outcome, ["cmi.completion_status"])
    playing.data.values["cmi.completion_status"] = "completed"
    playing.state.completion = Completion.COMPLETED
    if playing.counts:
        source, told = source_of(playing), {"cmi.completion_status": "completed"}
        playing.made.append(statements.opened(source, "", playing.now))
        playing.made += statements.changed(source, told, playing.data.said, playing.now)
    playing.state.cmi = playing.data.text()
    if not playing.counts:
        return
    tell_standing(playing, tree, has_ended=True)
    say(playing)
    announce(playing)
