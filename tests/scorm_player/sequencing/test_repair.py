"""Repairs for a learner who is stuck."""

from scorm_player.scorm.sequencing import objectives, repair
from scorm_player.scorm.sequencing.overall import begin_session
from scorm_player.scorm.sequencing.state import ActivityState
from tests.scorm_player.sequencing.trees import cluster, go, start, tree


def test_a_released_course_starts_anew_with_all_that_is_tracked():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "continue")
    go(activities, "suspendAll")

    repair.release(activities)

    assert begin_session(activities).delivered is activities.nodes["a"]
    assert activities.nodes["b"].state.attempt_count == 1


def test_a_reset_part_is_as_new_and_the_rest_rolls_up():
    activities = start(tree(cluster("root", cluster("one", "a"), "b")))
    go(activities, "continue")
    go(activities, "exitAll")
    assert objectives.is_completed(activities, activities.root, activities.root.primary)

    repair.reset(activities, activities.nodes["one"])

    assert activities.nodes["a"].state == ActivityState()
    assert activities.state.activities["one"] is activities.nodes["one"].state
    assert objectives.is_completed(activities, activities.nodes["b"], activities.nodes["b"].primary)


def test_a_reset_clears_the_suspended_activity_in_it():
    activities = start(tree(cluster("root", "a", "b")))
    go(activities, "suspendAll")

    repair.reset(activities, activities.root)

    assert activities.suspended is None
    assert begin_session(activities).delivered is activities.nodes["a"]


def test_a_status_that_was_decided_rolls_up():
    activities = tree(cluster("root", "a"))
    node = activities.nodes["a"]

    repair.set_status(activities, node, completed=True)
    repair.set_status(activities, node, satisfied=False)

    assert objectives.is_completed(activities, activities.root, activities.root.primary) is True
    assert objectives.is_satisfied(activities, activities.root, activities.root.primary) is False
