"""The official SCORM 2004 cases as this project's tests read them: cases, and what a manifest says of its items."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scorm_player.scorm.cmi import records
from scorm_player.scorm.runtime import Runtime
from scorm_player.scorm.visit import Item, Learner, Objective, Outcome, SharedData, Start, begin, end

CASES = Path(__file__).parents[3] / "shared" / "conformance" / "scorm2004"
if not CASES.exists():  # a worktree lies elsewhere than the project
    CASES = next((p / "shared/conformance/scorm2004" for p in Path(__file__).parents if (p / "shared").exists()), CASES)

needs_cases = pytest.mark.skipif(not CASES.exists(), reason="the official cases are not in ../shared/conformance")


@dataclass(frozen=True)
class ManifestItem:
    """One deliverable item of a case's manifest, with the number by which the case names it."""

    identifier: str
    activity: str
    runtime: Item
    shared: list[SharedData]
    objectives: list[str]


def names() -> list[str]:
    return sorted(path.stem for path in (CASES / "cases").glob("*.json"))


def case(name: str) -> dict[str, Any]:
    return json.loads((CASES / "cases" / f"{name}.json").read_text(encoding="utf-8"))


def items(name: str) -> dict[str, ManifestItem]:
    """Read the items of a case's manifest by their activity numbers (`act=4` in the parameters)."""
    root = ElementTree.parse(CASES / "manifests" / f"{name}.xml").getroot()  # noqa: S314 our own test data
    return {item.activity: item for element in _local(root, "item") if (item := _item(element)) is not None}


def _item(element: ElementTree.Element) -> ManifestItem | None:
    parameters = element.get("parameters", "")
    if "act=" not in parameters:
        return None
    threshold = next(_local(element, "completionThreshold", own=True), None)
    measured = threshold is not None and threshold.get("completedByMeasure") == "true"
    primary = next(_local(element, "primaryObjective"), None)
    passing = None
    if primary is not None and primary.get("satisfiedByMeasure") == "true":
        passing = next((e.text for e in _local(primary, "minNormalizedMeasure")), "1.0")
    return ManifestItem(
        identifier=element.get("identifier", ""),
        activity=parameters.split("act=")[1].split("&")[0],
        runtime=Item(
            launch_data=next((e.text for e in _local(element, "dataFromLMS", own=True)), None),
            time_limit_action=next((e.text for e in _local(element, "timeLimitAction", own=True)), None),
            completion_threshold=threshold.get("minProgressMeasure", "1.0") if measured else None,
            scaled_passing_score=passing,
        ),
        shared=[
            SharedData(
                id=store.get("targetID", ""),
                readable=store.get("readSharedData", "true") == "true",
                writable=store.get("writeSharedData", "true") == "true",
            )
            for store in _local(element, "map", own=False)
        ],
        objectives=[
            identifier
            for tag in ("primaryObjective", "objective")
            for objective in _local(element, tag)
            if (identifier := objective.get("objectiveID"))
        ],
    )


def _local(element: ElementTree.Element, tag: str, *, own: bool = False) -> Iterator[ElementTree.Element]:
    found = element if own else element.iter()
    return (child for child in found if child.tag.rpartition("}")[2] == tag)


def resolve(element: str, values: dict[str, str]) -> str:
    """Replace `&ID&` in an element's name by the index of the record with that id."""
    if "&" not in element:
        return element
    before, identifier, after = element.split("&")
    collection = before.rstrip(".")
    found = [n for n, record in enumerate(records(values, collection)) if record.get("id") == identifier]
    return f"{before}{found[0] if found else len(records(values, collection))}{after}"


LEARNER = Learner("learner-1", "Ana Learner")

# What a course of choice without flow allows; when the engine plays a case, sequencing tells it.
NAVIGATION = {
    "adl.nav.request_valid.continue": "false",
    "adl.nav.request_valid.previous": "false",
    "adl.nav.request_valid.choice.{target=activity_2}": "true",
    "adl.nav.request_valid.jump.{target=activity_2}": "true",
}


@dataclass
class Visit:
    """One visit of a case, ready to be played: make its calls, and then `end` follows by itself."""

    name: str
    start: Start
    calls: list[list[Any]]
    runtime: Runtime


def visits(name: str, *, strict: bool = True) -> Iterator[Visit]:
    """Play a case visit by visit, without sequencing.

    In the DMI cases the next visit of an item finds what a suspended one has left; in the others only sequencing
    knows what a visit finds, so each starts afresh.
    """
    manifest, kept, stores = items(name), dict[str, Outcome](), dict[str, str]()
    for step in case(name)["steps"]:
        if not step.get("calls"):
            continue
        item = manifest[step["activity"]]
        start = opening(item, kept.get(step["activity"]), stores)
        visit = Visit(
            f"{name} {step['visit']}",
            start,
            step["calls"],
            Runtime("2004", "4th", start.values, start.access, strict=strict),
        )
        if visit.calls[0][0] != "Initialize":
            visit.calls = [["Initialize", None, None, "true", "0"], *visit.calls]
        yield visit
        outcome = end(item.runtime, visit.runtime.values, terminated=True, strict=strict)
        if name.startswith("DMI"):
            kept[step["activity"]], stores = outcome, stores | outcome.shared


def opening(item: ManifestItem, before: Outcome | None, stores: dict[str, str]) -> Start:
    return begin(
        item.runtime,
        LEARNER,
        previous=before.values if before and before.suspended else None,
        suspended=before is not None and before.suspended,
        objectives=[Objective(identifier) for identifier in item.objectives],
        shared=[replace(data, store=stores.get(data.id)) for data in item.shared],
        navigation=NAVIGATION,
    )


def answer(runtime: Runtime, method: str, element: str, value: str | None) -> str | None:
    """Make one call; None for what is no call of the API."""
    if method == "Initialize":
        return runtime.initialize("")
    if method == "GetValue":
        return runtime.get_value(element)
    if method == "SetValue":
        return runtime.set_value(element, value or "")
    return None


def answers() -> str:
    """Tell, as JSON, what Python answers to every call of every case, strict and lenient; the browser must agree."""
    told = []
    for name in names():
        for strict in (True, False):
            for visit in visits(name, strict=strict):
                calls = []
                for method, pattern, value, _, _ in visit.calls:
                    element = resolve(pattern or "", visit.runtime.values)
                    answered = answer(visit.runtime, method, element, value)
                    if answered is not None:
                        calls.append([method, element, value, answered, visit.runtime.get_last_error()])
                told.append(
                    {
                        "name": visit.name,
                        "strict": strict,
                        "values": visit.start.values,
                        "access": visit.start.access,
                        "calls": calls,
                    }
                )
    return json.dumps(told)
