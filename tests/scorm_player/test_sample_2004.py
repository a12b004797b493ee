"""The sample course of SCORM 2004: what its manifest makes of a learner's answers, in plain Python."""

from pathlib import Path

import pytest

from scorm_player.findings import Findings
from scorm_player.scorm.manifest.parse import parse
from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.requests import NavigationRequest
from tests.conformance.plain_player import PlainPlayer

COURSE = Path(__file__).resolve().parents[2] / "packages" / "privacy"
TOPICS = ("recognize", "share")


@pytest.fixture
def player() -> PlainPlayer:
    manifest = parse((COURSE / "imsmanifest.xml").read_bytes(), Findings())
    opened = PlainPlayer(manifest, strict=False)
    opened.launch()
    return opened


def play(player: PlainPlayer, *, known: tuple[str, ...] = (), scaled: float | None = None, **values: str) -> None:
    """Do what the SCO's script does, up to its request to go on."""
    assert player.call("Initialize", "", "") == "true"
    records = {player.call("GetValue", f"cmi.objectives.{n}.id", ""): n for n in range(3)}
    told = {"cmi.completion_status": "completed", "cmi.exit": "normal", "adl.nav.request": "continue"} | values
    if scaled is not None:
        told |= {"cmi.score.min": "0", "cmi.score.max": "100", "cmi.score.raw": str(scaled * 100)}
        if player.delivered == "final":
            told["cmi.score.scaled"] = str(scaled)
        for topic in TOPICS:
            status = "passed" if topic in known else "failed"
            told[f"cmi.objectives.{records[f'topic-{topic}']}.success_status"] = status
    for element, value in told.items():
        assert player.call("SetValue", element, value) == "true", element
    player.call("Terminate", "", "")
    player.finish()


def standing(player: PlainPlayer) -> tuple[bool | None, bool | None, float | None]:
    tree = player.tree()
    root = tree.root
    return (
        objectives.is_completed(tree, root, root.primary),
        objectives.is_satisfied(tree, root, root.primary),
        objectives.measure_of(tree, root, root.primary),
    )


def test_whoever_knows_both_topics_goes_from_the_check_to_the_final_test(player):
    assert player.delivered == "check"

    play(player, scaled=1.0, known=TOPICS)

    assert player.delivered == "final"
    play(player, scaled=0.75, known=TOPICS, **{"cmi.success_status": "passed"})
    assert not player.is_open
    assert standing(player) == (True, True, 0.75)


def test_one_open_topic_brings_the_lesson_which_sees_what_is_known(player):
    play(player, scaled=0.5, known=("share",))

    assert player.delivered == "lesson"
    assert standing(player)[2] is None  # the check is no part of the score
    player.call("Initialize", "", "")
    seen = {
        player.call("GetValue", f"cmi.objectives.{n}.id", ""): player.call(
            "GetValue", f"cmi.objectives.{n}.success_status", ""
        )
        for n in range(3)
    }
    assert (seen["topic-recognize"], seen["topic-share"]) == ("failed", "passed")


def test_a_failed_final_test_flows_back_to_the_lesson_and_may_be_passed_later(player):
    play(player, scaled=0.25, known=())
    play(player)
    assert player.delivered == "final"

    play(player, scaled=0.5, known=("share",), **{"cmi.success_status": "failed"})

    assert player.delivered == "lesson"
    play(player)
    assert player.delivered == "final"
    play(player, scaled=1.0, known=TOPICS, **{"cmi.success_status": "passed"})
    assert not player.is_open
    assert standing(player) == (True, True, 1.0)


def test_a_lesson_that_was_skipped_comes_back_when_the_final_test_fails(player):
    play(player, scaled=1.0, known=TOPICS)

    play(player, scaled=0.25, known=("recognize",), **{"cmi.success_status": "failed"})

    assert player.delivered == "lesson"
    assert standing(player)[1] is False


def test_a_suspended_course_is_resumed_in_its_lesson(player):
    play(player, scaled=0.0)
    player.call("Initialize", "", "")
    player.call("SetValue", "cmi.location", "need")
    player.call("SetValue", "cmi.exit", "suspend")
    player.call("Terminate", "", "")
    player.finish((NavigationRequest.SUSPEND_ALL, None))
    assert not player.is_open

    player.launch()

    assert player.delivered == "lesson"
    player.call("Initialize", "", "")
    assert player.call("GetValue", "cmi.location", "") == "need"
