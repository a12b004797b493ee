"""The sample courses against a small learning system that remembers, as SCORM 1.2 asks, what they set."""

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.site.looking import complaints, faults, page_of

pytestmark = pytest.mark.browser

PACKAGES = Path(__file__).resolve().parents[2] / "packages"
ANSWERS = {"fire-triangle": "b", "first-action": "c", "elevator": "f", "extinguisher": "d", "smoke": "a"}

# The learning system: one object above the course, its memory in session storage so that it outlives the course.
LMS = """<!doctype html><title>LMS</title><style>iframe{border:0;width:100%;height:95vh}</style><script>
const data = JSON.parse(sessionStorage.getItem("data") ?? "{}"), calls = [];
window.calls = calls;
const keep = () => sessionStorage.setItem("data", JSON.stringify(data));
const note = (name, argument) => { calls.push(argument === undefined ? name : `${name} ${argument}`); };
window.API = {
  LMSInitialize() { note("initialize"); return "true"; },
  LMSGetValue(element) {
    if (element === "cmi.student_data.mastery_score") return "80";
    if (element === "cmi.interactions._count") {
      const numbers = Object.keys(data).map(key => key.match(/interactions\\.(\\d+)/)?.[1]);
      return String(new Set(numbers.filter(Boolean)).size);
    }
    return data[element] ?? (element === "cmi.core.lesson_status" ? "not attempted" : "");
  },
  LMSSetValue(element, value) { data[element] = value; return "true"; },
  LMSCommit() { note("commit"); keep(); return String(!window.down); },
  LMSFinish() { note("finish", data["cmi.core.exit"]); keep(); return "true"; },
  LMSGetLastError() { return "0"; }, LMSGetErrorString() { return ""; }, LMSGetDiagnostic() { return ""; },
};
</script>"""


class Handler(SimpleHTTPRequestHandler):
    """The courses, and pages that hold them in a frame: /lms/<course>, and one frame deeper, /deep/<course>."""

    def do_GET(self) -> None:
        for place, inner in (("/lms/", "/{}/index.html"), ("/deep/", "/frame/{}"), ("/frame/", "/{}/index.html")):
            if self.path.startswith(place):
                frame = f"<iframe title=course src={inner.format(self.path.removeprefix(place))}></iframe>"
                return self._page((LMS if place != "/frame/" else "<!doctype html><title>Frame</title>") + frame)
        return super().do_GET()

    def _page(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def courses() -> Iterator[str]:
    """The address under which the courses are."""
    handler = functools.partial(Handler, directory=str(PACKAGES))
    server = ThreadingHTTPServer(("localhost", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def course(page: Page) -> FrameLocator:
    """The frame with the course."""
    return page.frame_locator("iframe")


def answer(frame: FrameLocator, **changed: str) -> None:
    """Answer all questions, right unless changed, and hand in."""
    for question, letter in (ANSWERS | {name.replace("_", "-"): value for name, value in changed.items()}).items():
        frame.locator(f"input[name={question}][value={letter}]").check()
    frame.get_by_role("button", name="See my result").click()


def open_quiz(frame: FrameLocator) -> None:
    """Go to the quiz by the contents."""
    frame.get_by_text("Contents").click()
    frame.get_by_role("button", name="Quiz").click()


def kept(page: Page) -> dict[str, str]:
    """What the learning system remembers."""
    remembered: dict[str, str] = json.loads(page.evaluate("sessionStorage.getItem('data')"))
    return remembered


def test_axe_finds_nothing_on_any_page_and_nothing_scrolls_sideways(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        heard = complaints(page)
        page.goto(f"{courses}/fire-safety/index.html")
        for number in range(1, 13):
            expect(page.locator("#place")).to_have_text(f"Page {number} of 12")
            assert faults(page) == []
            if number < 12:
                page.get_by_role("button", name="Next").click()
                expect(page.locator("h1:visible")).to_be_focused()
        assert heard == []


def test_axe_finds_nothing_in_the_course_of_2004_before_and_after_its_answers(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        heard = complaints(page)
        for name, button in (("check", "Show what comes next"), ("final", "See my result")):
            page.goto(f"{courses}/privacy/{name}.html")
            expect(page.locator("fieldset")).to_have_count(4)
            assert faults(page) == []
            for question in page.locator("fieldset").all():
                question.locator("input").first.check()
            page.get_by_role("button", name=button).click()
            expect(page.locator("#verdict")).to_be_focused()
            assert faults(page) == []
        page.goto(f"{courses}/privacy/lesson.html")
        for number in range(1, 6):
            expect(page.locator("#place")).to_have_text(f"Page {number} of 5")
            assert faults(page) == []
            if number < 5:
                page.get_by_role("button", name="Next").click()
        assert heard == []


def test_a_course_is_left_in_the_middle_and_resumed_there(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        for _ in range(6):
            course(page).get_by_role("button", name="Next").click()
        page.reload()

        expect(course(page).locator("h1:visible")).to_have_text("Which extinguisher")
        remembered = kept(page)
        assert remembered["cmi.core.lesson_location"] == "extinguishers"
        assert remembered["cmi.core.lesson_status"] == "incomplete"
        assert remembered["cmi.core.exit"] == "suspend"
        assert len(json.loads(remembered["cmi.suspend_data"])["seen"]) == 7
        assert remembered["cmi.core.session_time"].startswith("0000:00:")


def test_the_course_ends_its_session_when_it_is_closed(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        expect(course(page).locator("#place")).to_have_text("Page 1 of 12")
        page.evaluate("document.querySelector('iframe').remove()")

        calls = page.evaluate("calls")
        assert calls[0] == "initialize"
        assert calls[-1] == "finish suspend"
        assert calls.count("finish suspend") == 1


def test_a_failed_quiz_names_the_pages_to_read_and_can_be_passed_again(courses, browser: Browser):
    with page_of(browser, 390) as page:
        page.goto(f"{courses}/lms/fire-safety")
        frame = course(page)
        open_quiz(frame)
        answer(frame, first_action="a", extinguisher="a")

        expect(frame.locator("#score")).to_have_text("60 of 100")
        expect(frame.locator("#topics-list")).to_contain_text("Which extinguisher")
        failed = kept(page)
        assert (failed["cmi.core.lesson_status"], failed["cmi.core.score.raw"]) == ("failed", "60")
        assert failed["cmi.interactions.1.student_response"] == "a"
        assert failed["cmi.interactions.1.correct_responses.0.pattern"] == "c"
        assert failed["cmi.interactions.1.result"] == "wrong"
        assert failed["cmi.interactions.2.type"] == "true-false"

        frame.get_by_role("button", name="Try again").click()
        answer(frame, extinguisher="a")

        expect(frame.locator("#verdict")).to_have_text("You passed.")
        expect(frame.locator("#verdict")).to_be_focused()
        passed = kept(page)
        assert (passed["cmi.core.lesson_status"], passed["cmi.core.score.raw"]) == ("passed", "80")
        assert (passed["cmi.core.score.min"], passed["cmi.core.score.max"]) == ("0", "100")
        assert passed["cmi.interactions.9.id"] == "smoke"

        frame.get_by_role("button", name="Finish the course").click()
        expect(frame.locator("#goodbye")).to_be_focused()
        assert page.evaluate("calls").count("finish ") == 1


def test_questions_without_an_answer_are_pointed_out(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        frame = course(page)
        open_quiz(frame)
        frame.locator("input[name=fire-triangle][value=b]").check()
        frame.get_by_role("button", name="See my result").click()

        expect(frame.locator("#missing")).to_have_text("4 questions have no answer yet.")
        expect(frame.locator("input[name=first-action]").first).to_be_focused()
        assert "cmi.core.score.raw" not in kept(page)


def test_answers_given_before_a_break_are_still_there(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        open_quiz(course(page))
        course(page).locator("input[name=smoke][value=a]").check()
        page.reload()

        expect(course(page).locator("input[name=smoke][value=a]")).to_be_checked()


def test_a_result_is_shown_again_after_a_break_and_a_new_try_is_not_mistaken_for_one(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        open_quiz(course(page))
        answer(course(page), first_action="a", extinguisher="a")
        expect(course(page).locator("#score")).to_have_text("60 of 100")
        page.reload()
        expect(course(page).locator("#score")).to_have_text("60 of 100")
        course(page).get_by_role("button", name="Try again").click()
        page.reload()

        expect(course(page).get_by_role("button", name="See my result")).to_be_visible()
        assert kept(page)["cmi.core.lesson_status"] == "failed"


def test_the_quiz_is_passed_with_the_keyboard_alone(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        frame = course(page)
        expect(frame.locator("#place")).to_have_text("Page 1 of 12")
        frame.locator("#next").focus()
        for number in range(2, 13):
            page.keyboard.press("Enter")
            expect(frame.locator("#place")).to_have_text(f"Page {number} of 12")
            if number < 12:
                frame.locator("#next").focus()
        for letter in ANSWERS.values():
            page.keyboard.press("Tab")
            page.keyboard.press("Space")
            for _ in range("tf".index(letter) if letter in "tf" else "abcd".index(letter)):
                page.keyboard.press("ArrowDown")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")

        expect(frame.locator("#score")).to_have_text("100 of 100")


@pytest.mark.parametrize("place", ["lms", "deep"])
def test_the_smallest_course_begins_and_ends_a_session_and_does_nothing_else(courses, browser: Browser, place):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/{place}/hello-scorm12")
        innermost = course(page) if place == "lms" else course(page).frame_locator("iframe")
        expect(innermost.locator("#said")).to_have_text("The session has begun.")
        page.evaluate("document.querySelector('iframe').remove()")

        assert page.evaluate("calls") == ["initialize", "finish"]


def test_a_course_in_its_own_window_finds_the_system_that_opened_it(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/hello-scorm12")
        page.evaluate("document.querySelector('iframe').remove(); calls.length = 0")
        with page.expect_popup() as opened:
            page.evaluate("void window.open('/fire-safety/index.html')")

        page.wait_for_function("calls.length > 0")  # the note below is hidden from the start, it proves nothing alone
        assert page.evaluate("calls")[0] == "initialize"
        expect(opened.value.locator("#offline")).to_be_hidden()


def test_the_course_says_when_its_work_could_not_be_saved(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        page.evaluate("window.down = true")
        course(page).get_by_role("button", name="Next").click()

        expect(course(page).locator("#unsaved")).to_be_visible()


def test_timespans_are_written_as_the_data_model_asks(courses, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{courses}/lms/fire-safety")
        written = page.evaluate(
            "async () => { const {timespan} = await import('/fire-safety/js/runtime.js');"
            " return [0, 1234, 3_723_450, 36_000_000_000].map(timespan); }"
        )

        assert written == ["0000:00:00.00", "0000:00:01.23", "0001:02:03.45", "9999:00:00.00"]
