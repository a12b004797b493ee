"""The official SCORM 2004 cases as this project's tests read them: cases, and what a manifest says of its items."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from scorm_player.scorm.runtime import Item, SharedData, records

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
