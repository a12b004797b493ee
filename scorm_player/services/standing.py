"""What the whole course has come to: brought up to date after each change, and said when it is news."""

from decimal import Decimal

from scorm_player import statements
from scorm_player.scorm import transfer, visit
from scorm_player.scorm.sequencing.tree import ActivityTree, Trial
from scorm_player.scorm.visit import Learner as Learner
from scorm_player.services import play
from scorm_player.services.playing import Playing, source_of, storable
from scorm_player.store import runtime as store
from scorm_player.tables import (
    Completion,
    Success,
)


def tell_standing(playing: Playing, tree: ActivityTree | None, *, has_ended: bool) -> None:
    """Bring the course's own status up to date, and say what has become known of it.

    Without a `tree` the session goes on: what it has told so far is tried out, and nothing of it is kept in the tree.
    """
    if not playing.counts:
        return
    if tree is not None:
        _settle(playing, _standing(playing, tree, has_ended))
        return
    tree = playing.tree()
    node = tree.nodes[playing.node_identifier]
    with Trial(tree, node):
        outcome = visit.end(playing.item, playing.data.values, terminated=False, strict=playing.data.strict)
        transfer.take_over(tree, node, outcome, playing.data.set_by_content)
        standing = _standing(playing, tree, has_ended)
    _settle(playing, standing)


def _standing(playing: Playing, tree: ActivityTree, has_ended: bool) -> play.Standing:
    newest, identifier = store.newest_told(playing.session, playing.registration.id), playing.course.identifier
    return play.standing(
        tree,
        tree.nodes[playing.node_identifier],
        has_ended=has_ended,
        told={identifier(item_id): (one.completion, one.success) for item_id, one in newest.items()},
        begun={
            identifier(item_id): float(one.progress_measure)
            for item_id, one in newest.items()
            if one.progress_measure is not None
        },
    )


def _settle(playing: Playing, standing: play.Standing) -> None:
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
            source, measure = source_of(playing), float(registration.progress_measure)
            playing.made.append(statements.course_progressed(source, measure, playing.now))
    if standing.score and is_better:
        registration.score_scaled = play.rounded(standing.score.get("scaled"), 5)
        registration.score_raw, registration.score_min, registration.score_max = (
            storable(standing.score.get(name)) for name in ("raw", "min", "max")
        )
    source = source_of(playing)
    playing.made += [
        statements.course_changed(source, verb, standing.score, registration.total_seconds, playing.now)
        for verb in verbs
    ]
