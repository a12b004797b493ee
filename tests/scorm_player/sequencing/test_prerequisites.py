"""SCORM 1.2 prerequisites: the aicc_script grammar, and what it makes of an activity."""

import pytest

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.scorm.sequencing.prerequisites import ScriptError, are_prerequisites_met, parse, status
from tests.scorm_player.sequencing.trees import cluster, leaf, tree

# What is known of the activities: completion, success, attempts.
KNOWN = {
    "passed": (True, True, 1),
    "failed": (True, False, 1),
    "done": (True, None, 1),
    "begun": (False, None, 1),
    "new": (None, None, 0),
}


def course(script=None):
    activities = tree(cluster("root", *KNOWN, leaf("x", prerequisites=script)), Edition.SCORM_1_2)
    for identifier, (completed, satisfied, attempts) in KNOWN.items():
        node = activities.nodes[identifier]
        node.state.attempt_count = attempts
        objectives.set_completed(activities, node, node.primary, completed)
        objectives.set_satisfied(activities, node, node.primary, satisfied)
    return activities


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("passed", "passed"),
        ("failed", "failed"),
        ("done", "completed"),
        ("begun", "incomplete"),
        ("new", "not attempted"),
        ("nowhere", None),
    ],
)
def test_lesson_status(identifier, expected):
    assert status(course(), identifier) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("passed", True),
        ("done", True),
        ("failed", False),
        ("new", False),
        ("nowhere", True),
        ("passed & done", True),
        ("passed&new", False),
        ("new | done", True),
        ("new|begun", False),
        ("~new", True),
        ("~~done", True),
        ("~passed | done & new", False),
        ("(passed | new) & ~(begun)", True),
        ('failed="failed"', True),
        ("failed=failed", True),
        ("failed = f", True),
        ('passed<>"passed"', False),
        ("begun<>c", True),
        ('new="not attempted"', True),
        ("nowhere=passed", True),
        ("2*{passed, done, new}", True),
        ("3*{passed,done,new}", False),
        ("1*{new | done}", True),
        (None, True),
        ("", True),
        ("passed &", True),
        ("this is not a script", True),
    ],
)
def test_scripts(script, expected):
    activities = course(script)

    assert are_prerequisites_met(activities, activities.nodes["x"]) is expected


@pytest.mark.parametrize(
    "script", ["", "&", "a &", "a b", "(a", "a)", "2*{a", "2*{}", "a=", "a <", "2*a", '"a"', "a = ,"]
)
def test_what_does_not_follow_the_grammar_is_refused(script):
    with pytest.raises(ScriptError):
        parse(script)
