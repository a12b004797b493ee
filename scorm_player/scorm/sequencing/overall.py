"""The overall sequencing process (SN 4.3; OP.1): from a navigation request to the activity that follows from it."""

from dataclasses import dataclass

from scorm_player.scorm.sequencing.delivery import content_delivery_environment, delivery_request_process
from scorm_player.scorm.sequencing.navigation import navigation_request_process
from scorm_player.scorm.sequencing.requests import EXCEPTIONS, NavigationRequest
from scorm_player.scorm.sequencing.scope import forget_own
from scorm_player.scorm.sequencing.selection import prepare_clusters
from scorm_player.scorm.sequencing.sequencing import sequencing_request_process
from scorm_player.scorm.sequencing.termination import termination_request_process
from scorm_player.scorm.sequencing.tree import ActivityTree, Node


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a navigation request led to: an activity delivered, the session ended, or neither with the exception's code.

    `resumes`: the delivered activity goes on with a suspended attempt. `was_refused`: the request was not valid in the
    present state, and nothing at all has changed.
    """

    delivered: Node | None = None
    resumes: bool = False
    ends_session: bool = False
    exception: str | None = None
    was_refused: bool = False

    @property
    def reason(self) -> str | None:
        """The exception in words for a person."""
        return EXCEPTIONS.get(self.exception) if self.exception else None


def begin_session(tree: ActivityTree) -> Outcome:
    """Open the course: go on where it was suspended, else start it.

    A session that was left without a word is suspended first. What was suspended may be a whole part, or be disabled by
    now; then the course starts instead of ending there. When neither delivers anything, the learner chooses from the
    table of contents.
    """
    close_session(tree)
    if tree.suspended is not None:
        outcome = overall_sequencing(tree, NavigationRequest.RESUME_ALL)
        if outcome.delivered is not None:
            return outcome
    return overall_sequencing(tree, NavigationRequest.START)


def reopen_part(tree: ActivityTree) -> None:
    """Go on where an activity had ended before the course was left: in the part that holds it, nothing being delivered.

    Suspend All suspends that part (TB.2.3, step 5.2), and Resume All cannot deliver it (DB.1.1-1). A choice out of
    nothing would begin the attempt on it anew (DB.2.1); from here it goes on.
    """
    part = tree.suspended
    if part is None:
        return
    for activity in part.path()[1:]:
        activity.state.is_active, activity.state.is_suspended = True, False
    tree.current, tree.suspended = part, None


def close_session(tree: ActivityTree) -> None:
    """Close what is open: a window that was closed is an implicit suspend, and never a dead end."""
    if tree.current is not None and not overall_sequencing(tree, NavigationRequest.SUSPEND_ALL).ends_session:
        tree.current = None


def overall_sequencing(tree: ActivityTree, request: NavigationRequest, target: str | None = None) -> Outcome:
    """OP.1: process one navigation request to its end. `target` names the activity of a choice or jump."""
    if tree.current is None:
        prepare_clusters(tree)
    navigation = navigation_request_process(tree, request, target)
    if navigation.sequencing is None:
        return Outcome(exception=navigation.exception, was_refused=True)
    sequencing, chosen = navigation.sequencing, navigation.target
    if navigation.termination is not None:
        termination = termination_request_process(tree, navigation.termination)
        if termination.exception:
            return Outcome(exception=termination.exception)
        if termination.sequencing is not None:
            sequencing, chosen = termination.sequencing, None
    result = sequencing_request_process(tree, sequencing, chosen)
    if result.ends_session:
        tree.current = None
        forget_own(tree)
        return Outcome(ends_session=True, exception=result.exception)
    if result.delivery is None:
        return Outcome(exception=result.exception)
    return _deliver(tree, result.delivery)


def _deliver(tree: ActivityTree, activity: Node) -> Outcome:
    exception = delivery_request_process(tree, activity)
    resumes = activity.state.is_suspended
    exception = exception or content_delivery_environment(tree, activity)
    if exception:
        return Outcome(exception=exception)
    return Outcome(activity, resumes=resumes)
