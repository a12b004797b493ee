"""Plays a case of the official suite: what the pages call, what the learner does, what must be delivered."""

from typing import Any

from scorm_player.scorm.runtime import records
from scorm_player.scorm.sequencing.definition import HiddenControl
from scorm_player.scorm.sequencing.requests import NavigationRequest
from tests.conformance.plain_player import PlainPlayer, Shared
from tests.conformance.small_parser import parse
from tests.scorm_player import scorm_cases
from tests.scorm_player.test_runtime import judged

LEARNER_ACTS = {
    "Continue": (NavigationRequest.CONTINUE, None),
    "Previous": (NavigationRequest.PREVIOUS, None),
    "Exit": (NavigationRequest.EXIT_ALL, None),
    "TRIGExitAll": (NavigationRequest.EXIT_ALL, None),
}
LATE_PAGES = ("SingleDoTerminate", "OnUnload")  # they call Terminate only when the learner leaves


def play(name: str, shared: Shared) -> list[str]:
    """Play the case; answer what was not as expected."""
    case = scorm_cases.case(name)
    path = scorm_cases.CASES / "manifests" / f"{name}.xml"
    player = PlainPlayer(parse(path), shared)
    wrong: list[str] = []
    start = None if case["start"] == "." else case["start"]
    player.launch(start)
    for step in case["steps"]:
        if player.delivered is None or activity_number(player) != step["activity"]:
            found = activity_number(player) if player.delivered else "nothing"
            return [*wrong, f"{step['visit']}: {found} was delivered"]
        wrong += [f"{step['visit']}: {what}" for what in visit(player, step)]
        wrong += [f"{step['visit']}: {what}" for what in leave(player, step, start, page(path, player))]
    return wrong


def activity_number(player: PlainPlayer) -> str:
    parameters = player.tree().nodes[player.delivered or ""].definition.parameters
    return parameters.split("act=")[1].split("&")[0]


def page(path: Any, player: PlainPlayer) -> str:
    resource = player.tree().nodes[player.delivered or ""].definition.resource or ""
    text = path.read_text(encoding="utf-8", errors="replace")
    import re

    m = re.search(rf'<resource[^>]*identifier\s*=\s*"{re.escape(resource)}"[^>]*>', text)
    return m[0] if m else ""


def visit(player: PlainPlayer, step: dict[str, Any]) -> list[str]:
    wrong = []
    calls = step.get("calls", [])
    if not calls or calls[0][0] != "Initialize":
        player.call("Initialize", "", "")
    for call in calls:
        method, name, value, expected, error = call
        assert player.runtime
        element = scorm_cases.resolve(name or "", player.runtime.values)
        if method == "CompareObjIds":
            ids = {record["id"] for record in records(player.runtime.values, "cmi.objectives")}
            if ids != set(name.split(",")):
                wrong.append(f"objectives {ids}, not {name}")
            continue
        answer = player.call(method, element, value or "")
        if expected == "Returned a valid value or error code":
            continue
        if not (judged(answer, call, element) and error in (None, player.runtime.get_last_error())):
            found = f"{answer[:80]!r}, {player.runtime.get_last_error()}"
            wrong.append(f"{method}({element}, {str(value)[:80]!r}) = {found}; not {expected!r:.80}, {error}")
    return wrong + [found for question in step.get("ui", []) if (found := ask(player, *question))]


def ask(player: PlainPlayer, question: str, expected: str) -> str | None:
    kind, _, title = question.partition("@")
    outlook = player.outlook
    assert outlook
    if kind == "click.button":
        return None
    control, _, state = kind.partition(".")
    if control in ("continue", "previous"):
        request = NavigationRequest(control)
        shown, enabled = outlook.shows(HiddenControl(control)), outlook.is_valid(request)
        answer = (shown and enabled) is (state == "enabled")
    elif kind == "toc.enabled":
        answer = outlook.has_contents()
    else:
        entry = next(entry for entry in outlook.contents if entry.title.strip() == title.strip())
        answer = entry.is_visible if kind == "toc.visible" else entry.is_visible and entry.is_selectable
    return None if answer == (expected == "Y") else f"{question} is not {expected}"


def leave(player: PlainPlayer, step: dict[str, Any], start: str | None, page: str) -> list[str]:
    """End the visit as the page and the learner do."""
    act = step.get("next") or ""
    request = learner_request(player, act)
    terminates_late = any(name in page for name in LATE_PAGES)
    assert player.runtime
    if player.runtime.state == "running":
        player.call("Terminate", "", "")
    outcome = player.finish(request if terminates_late else None)
    if request and not terminates_late and not (outcome and outcome.ends_session):
        player.navigate(*request)
    if act in ("HasEnded", "AutoTest") and player.is_open:
        return ["the session has not ended"]
    if act.startswith("Relaunch") or act in ("ExitCM09ba", "SuspendCM09ca"):
        if player.is_open:
            player.navigate(NavigationRequest.EXIT_ALL)
        player.launch(start)
    return []


def learner_request(player: PlainPlayer, act: str) -> tuple[NavigationRequest, str | None] | None:
    if act.startswith("Choice~"):
        return NavigationRequest.CHOICE, player.identifier(act.removeprefix("Choice~"))
    if act.startswith("DMIt"):
        return NavigationRequest.CHOICE, player.identifier(f"Data Model Implementation Test {act[-1]}")
    if act == "ExitCM09ba":
        return NavigationRequest.EXIT_ALL, None
    if act == "SuspendCM09ca":
        return NavigationRequest.SUSPEND_ALL, None
    return LEARNER_ACTS.get(act)
