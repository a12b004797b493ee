"""The sample course of SCORM 2004 in the real player: one learner who has to read, one who knows already."""

import io
from pathlib import Path

import pytest
from playwright.sync_api import FrameLocator, expect

from tests.browser.player.conftest import shows
from tools.pack import pack

COURSE = Path(__file__).resolve().parents[3] / "packages" / "privacy"
RIGHT = {
    "c-what": "b", "c-initials": "false", "c-caller": "c", "c-screen": "ac",
    "f-photo": "ad", "f-mosaic": "true", "f-mail": "b", "f-need": "d",
}  # fmt: skip
NEITHER_TOPIC = {"c-what": "a", "c-caller": "a", "f-photo": "a", "f-mail": "a"}


def answer(course: FrameLocator, test: str, changed: dict[str, str]) -> None:
    """Answer a test, "c" or "f": all right, unless changed."""
    for question, right in (RIGHT | changed).items():
        if question.startswith(test):
            letters = [right] if right in ("true", "false") else list(right)
            for letter in letters:
                course.locator(f"input[name={question}][value={letter}]").check()


@pytest.fixture
def course_of(stage, sit_down, play):
    """Open the course; answer its registration, the page, and the content's frame."""

    def opened():
        registration = stage.registered_for(io.BytesIO(pack(COURSE)))
        page = play(sit_down(), registration).page
        return registration, page, page.frame_locator("#stoa-content").frame_locator("iframe")

    return opened


def test_a_learner_who_fails_the_check_reads_the_lesson_is_sent_back_once_and_passes(stage, course_of):
    registration, page, course = course_of()
    heading = course.locator("h1:visible")
    shows(heading, "What do you know already?")
    answer(course, "c", NEITHER_TOPIC)
    course.get_by_role("button", name="Show what comes next").click()
    expect(course.locator("#verdict")).to_contain_text("The lesson comes next")
    course.get_by_role("button", name="Go on").click()

    for tried in ("failed", "passed"):
        shows(heading, "It does not take a name")
        for number in range(2, 6):
            course.get_by_role("button", name="Next").click()
            expect(course.locator("#place")).to_have_text(f"Page {number} of 5")
        course.get_by_role("button", name="To the final test").click()
        shows(heading, "Final test")
        answer(course, "f", NEITHER_TOPIC if tried == "failed" else {})
        course.get_by_role("button", name="See my result").click()
        if tried == "failed":
            expect(course.locator("#score")).to_have_text("50 of 100")
            course.get_by_role("button", name="Back to the lesson").click()
    course.get_by_role("button", name="Finish the course").click()

    page.wait_for_url(f"{stage.origin}/left")
    summary = stage.summary(registration)
    assert (summary.completion, summary.success, summary.score_scaled) == ("completed", "passed", 1.0)


def test_a_learner_who_passes_the_check_goes_straight_to_the_final_test(stage, course_of):
    registration, page, course = course_of()
    heading = course.locator("h1:visible")
    answer(course, "c", {})
    course.get_by_role("button", name="Show what comes next").click()
    expect(course.locator("#verdict")).to_contain_text("The lesson is skipped")
    course.get_by_role("button", name="Go on").click()

    shows(heading, "Final test")
    answer(course, "f", {"f-photo": "a"})
    course.get_by_role("button", name="See my result").click()
    course.get_by_role("button", name="Finish the course").click()

    page.wait_for_url(f"{stage.origin}/left")
    summary = stage.summary(registration)
    assert (summary.completion, summary.success, summary.score_scaled) == ("completed", "passed", 0.75)
    assert stage.values(registration, "Final test")["cmi.interactions.0.learner_response"] == "a"
