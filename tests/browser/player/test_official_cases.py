"""Some of the official SCORM 2004 cases, played in a real browser from import to the last call. All of them are played
in plain Python; here the browser's run-time, the messages, the server and the player's controls are judged together.
"""

import os
import re

import pytest
from playwright.sync_api import Error, expect

from tests.browser.player.conftest import SCO
from tests.scorm_player import scorm_cases, zips
from tests.scorm_player.scorm_cases import needs_cases
from tests.scorm_player.test_runtime import judged

CASES = [
    "DMI", "CM-09ca", "CM-16", "CO-01", "CO-04b", "CT-02", "CT-07", "OB-10a", "OB-13c", "RU-05a", "RU-13e", "SX-02",
    "SX-08a", "MS-01", "MS-07", "T-01a", "T-01b",
]  # fmt: skip
"""Two of each group (of DMI there is one); STOA_EVERY_CASE=1 plays all that are given."""
ENDING = ("exitAll", "abandonAll", "suspendAll")  # requests of content after which it is over
LEAVES = ("Relaunch", "ExitCM", "SuspendCM")  # beginnings of instructions after which the learner launches again
# Pages that act only when the learner takes them away, and what they do then.
LATE = {
    "exitAllOnUnload": 'api.SetValue("adl.nav.request", "exitAll");',
    "suspendAllOnUnload": 'api.SetValue("adl.nav.request", "suspendAll");',
    "tarAct4OnUnload": 'api.SetValue("adl.nav.request", "{target=activity_4}choice");',
    "SequencingTestSingleDoTerminate": "",
}

CALLS = """calls => calls.map(([method, name, value]) => {
  const resolved = (name ?? "").replace(/^(.*)\\.&([^&]*)&/, (_, collection, id) => {
    const count = Number(api.GetValue(`${collection}._count`));
    for (let n = 0; n < count; n += 1) if (api.GetValue(`${collection}.${n}.id`) === id) return `${collection}.${n}`;
    return `${collection}.${count}`;
  });
  if (method === "CompareObjIds") return [resolved, "", ""];
  const given = method === "Initialize" ? [""] : method === "SetValue" ? [resolved, value ?? ""] : [resolved];
  return [resolved, api[method](...given), api.GetLastError()];
})"""


def package(name):
    """The case's manifest with pages that do what a test tells them."""
    manifest = (scorm_cases.CASES / "manifests" / f"{name}.xml").read_bytes()
    text = manifest.decode("utf-8", "replace")
    pages = re.findall(r'<file\s+href="([^"]+\.htm)"', text) + re.findall(r'href="([^"]+\.htm)', text)
    bases = ["", *re.findall(r'xml:base="([^"]+)"', text)]
    return zips.zipped(
        {"imsmanifest.xml": manifest, **{base + page: content(page) for page in pages for base in bases}}
    )


def content(page):
    late = next((act for name, act in LATE.items() if name in page), None)
    if late is None:
        return SCO
    return f"""{SCO}<script>addEventListener("pagehide", () => {{ {late} api.Terminate(""); }});</script>"""


@needs_cases
@pytest.mark.conformance
@pytest.mark.parametrize("name", scorm_cases.names() if "STOA_EVERY_CASE" in os.environ else CASES)
def test_a_case_is_played_as_expected(stage, sit_down, play, name):
    case = scorm_cases.case(name)
    lesson = play(sit_down(), stage.registered_for(package(name)), "?strict=1")
    wrong, address = [], lesson.page.url
    if case["start"] != "." and not delivered(lesson, case["steps"][0]["activity"], seconds=3):
        choose(lesson, case["start"])
    for step in case["steps"]:
        assert delivered(lesson, step["activity"]), f"{step['visit']}: {[f.url for f in lesson.page.frames]}"
        wrong += [f"{step['visit']}: {found}" for found in visit(lesson, step)]
        leave(lesson, step, address)

    assert wrong == []


def delivered(lesson, activity, seconds=30):
    """Wait until the page of this activity is showing and has found its API."""
    for _ in range(int(seconds * 20)):
        for frame in lesson.page.frames:
            if re.search(rf"[?&]act={activity}(&|$)", frame.url):
                try:
                    frame.wait_for_function("typeof api === 'object' && !window.visited")
                except Error:  # the frame was on its way out
                    break
                return True
        lesson.page.wait_for_timeout(50)
    return False


def frame_of(lesson, activity):
    return next(frame for frame in lesson.page.frames if re.search(rf"[?&]act={activity}(&|$)", frame.url))


def visit(lesson, step):
    frame = frame_of(lesson, step["activity"])
    calls = step.get("calls", [])
    if not calls or calls[0][0] != "Initialize":
        frame.evaluate("api.Initialize('')")
    answers = frame.evaluate(CALLS, calls)
    wrong = []
    for call, (element, answer, error) in zip(calls, answers, strict=True):
        if call[0] == "CompareObjIds" or call[3] == "Returned a valid value or error code":
            continue
        if call[1] == "cmi.learner_name":
            continue
        if not (judged(answer, call, element) and call[4] in (None, error)):
            asked = f"{call[0]}({element}, {str(call[2])[:40]!r})"
            wrong.append(f"{asked} = {answer[:40]!r}, {error}; not {call[3]!r:.40}, {call[4]}")
    for question, expected in step.get("ui", []):
        control, _, state = question.partition(".")
        if control in ("continue", "previous"):
            button = lesson.page.get_by_role("button", name={"continue": "Next", "previous": "Previous"}[control])
            is_so = (button.is_visible() and button.is_enabled()) is (state == "enabled")
            if is_so is not (expected == "Y"):
                wrong.append(f"{question} is not {expected}")
    frame.evaluate("window.visited = true")
    if not any(name in frame.url for name in LATE):
        frame.evaluate("api.Terminate('')")
    return wrong


def leave(lesson, step, address):
    """Do what the learner does after this visit."""
    act = step.get("next") or ""
    asked = [call[2] for call in step.get("calls", []) if call[1] == "adl.nav.request"]
    if any(name in frame.url for frame in lesson.page.frames for name in LATE):
        asked = []  # the page itself asks when it is taken away
    if asked and asked[-1] == "exit":
        expect(lesson.page.locator("#stoa-message")).to_be_visible()
    if act in ("Continue", "Previous"):
        lesson.saved()
        lesson.page.get_by_role("button", name={"Continue": "Next", "Previous": "Previous"}[act]).click()
    elif act.startswith("Choice~"):
        choose(lesson, act.removeprefix("Choice~"))
    elif act.startswith("DMIt"):
        choose(lesson, f"Data Model Implementation Test {act[-1]}")
    elif act in ("Exit", "TRIGExitAll"):
        lesson.page.get_by_role("button", name="End", exact=True).click()
        lesson.page.wait_for_url("**/left")
    elif act.startswith(LEAVES):
        if not (asked and asked[-1] in ENDING):
            button = "Suspend" if act.startswith("Suspend") else "End"
            lesson.page.get_by_role("button", name=button, exact=True).click()
        lesson.page.wait_for_url("**/left")
        lesson.page.goto(address)
    elif act in ("HasEnded", "AutoTest"):
        lesson.page.wait_for_url("**/left")


def choose(lesson, title):
    if not lesson.page.locator("body[data-player=choosing]").count():
        lesson.saved()
    lesson.page.get_by_role("button", name=title, exact=True).click()
