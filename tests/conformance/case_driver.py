"""Plays a case of the official suite: what the pages call, what the learner does, what must be delivered."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from scorm_player.findings import Findings
from scorm_player.scorm.cmi import records
from scorm_player.scorm.manifest.parse import parse
from scorm_player.scorm.sequencing.definition import HiddenControl
from scorm_player.scorm.sequencing.requests import NavigationRequest
from tests.conformance.plain_player import PlainPlayer, Shared
from tests.scorm_player import scorm_cases
from tests.scorm_player.test_runtime import judged

Request = tuple[NavigationRequest, str | None]

LEARNER_ACTS: dict[str, Request] = {
    "Continue": (NavigationRequest.CONTINUE, None),
    "Previous": (NavigationRequest.PREVIOUS, None),
    "Exit": (NavigationRequest.EXIT_ALL, None),
    "ExitCM09ba": (NavigationRequest.EXIT_ALL, None),
    "SuspendCM09ca": (NavigationRequest.SUSPEND_ALL, None),
    "TRIGExitAll": (NavigationRequest.EXIT_ALL, None),
}
LEAVES = ("Relaunch", "ExitCM", "SuspendCM")  # beginnings of instructions after which the learner launches again
LATE_PAGES = ("SingleDoTerminate", "OnUnload")  # pages that call Terminate only when the learner leaves them


def play(name: str, shared: Shared) -> list[str]:
    """Play the case for a learner with this past; answer what was not as expected."""
    case = scorm_cases.case(name)
    manifest = parse((scorm_cases.CASES / "manifests" / f"{name}.xml").read_bytes(), Findings())
    player = PlainPlayer(manifest, shared)
    start = None if case["start"] == "." else case["start"]
    player.launch(start)
    wrong: list[str] = []
    for step in case["steps"]:
        delivered = parse_qs(urlsplit(player.page).query).get("act", ["nothing"])[0]
        if delivered != step["activity"]:
            return [*wrong, f"{step['visit']}: {delivered} was delivered"]
        wrong += [f"{step['visit']}: {what}" for what in visit(player, step)]
        wrong += [f"{step['visit']}: {what}" for what in leave(player, step.get("next") or "", start)]
    return wrong


def visit(player: PlainPlayer, step: dict[str, Any]) -> list[str]:
    """Make the page's calls and answer the questions about the player; tell what was wrong."""
    calls = step.get("calls", [])
    if not calls or calls[0][0] != "Initialize":
        player.call("Initialize", "", "")
    found = [call(player, *expected) for expected in calls]
    found += [answer(player, question, expected) for question, expected in step.get("ui", [])]
    return [what for what in found if what]


def call(player: PlainPlayer, method: str, name: str, value: str | None, expected: str | None, error: str) -> str:
    assert player.runtime is not None
    if method == "CompareObjIds":
        present = {record["id"] for record in records(player.runtime.values, "cmi.objectives")}
        return "" if present == set(name.split(",")) else f"objectives {present}, not {name}"
    element = scorm_cases.resolve(name or "", player.runtime.values)
    given = player.call(method, element, value or "")
    code = player.runtime.get_last_error()
    if expected == "Returned a valid value or error code":
        return ""
    if judged(given, [method, name, value, expected, error], element) and error in (None, code):
        return ""
    return f"{method}({element}, {str(value)[:80]!r}) = {given[:80]!r}, {code}; not {expected!r:.80}, {error}"


def answer(player: PlainPlayer, question: str, expected: str) -> str:
    """Answer a question about the player's controls; a control that the manifest hides counts as disabled."""
    kind, _, title = question.partition("@")
    outlook = player.outlook
    assert outlook is not None
    if kind == "click.button":
        return ""
    control, _, state = kind.partition(".")
    if control in ("continue", "previous"):
        enabled = outlook.shows(HiddenControl(control)) and outlook.is_valid(NavigationRequest(control))
        found = enabled is (state == "enabled")
    elif kind == "toc.enabled":
        found = outlook.has_contents()
    else:
        entry = outlook.entry(player.identifier(title))
        found = entry.is_visible and (entry.is_selectable or kind == "toc.visible")
    return "" if found is (expected == "Y") else f"{question} is not {expected}"


def leave(player: PlainPlayer, instruction: str, start: str | None) -> list[str]:
    """End the visit as the page and the learner do; tell what was wrong."""
    assert player.runtime is not None
    request = request_of(player, instruction)
    is_late = any(name in player.page for name in LATE_PAGES)
    if player.runtime.state == "running":
        player.call("Terminate", "", "")
    player.finish(request if is_late else None)
    if request and not is_late and player.is_open:
        player.navigate(*request)
    if instruction in ("HasEnded", "AutoTest") and player.is_open:
        return ["the session has not ended"]
    if instruction.startswith(LEAVES):
        if player.is_open:
            player.navigate(NavigationRequest.EXIT_ALL)
        player.launch(start)
    return []


def request_of(player: PlainPlayer, instruction: str) -> Request | None:
    """What the learner asks the player for, if anything."""
    if instruction.startswith("Choice~"):
        return NavigationRequest.CHOICE, player.identifier(instruction.removeprefix("Choice~"))
    if instruction.startswith("DMIt"):
        return NavigationRequest.CHOICE, player.identifier(f"Data Model Implementation Test {instruction[-1]}")
    return LEARNER_ACTS.get(instruction)
