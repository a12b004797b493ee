"""What no schema can see: rules about objectives that do not exist, maps that contradict each other, dead ends.

All of these packages play; the findings tell an author why they may play otherwise than meant.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from scorm_player.scorm.manifest.model import Manifest
from scorm_player.scorm.manifest.reading import short
from scorm_player.scorm.manifest.values import shortened
from scorm_player.scorm.manifest.xml import Element, Source, line_of
from scorm_player.scorm.sequencing import prerequisites
from scorm_player.scorm.sequencing.definition import Activity, Edition, Objective, ObjectiveMap

OPERAND = re.compile(r'<>\s*"?[^&|~,(){}]*|=\s*"?[^&|~,(){}]*|\d+\s*\*|[&|~,(){}\s"]+')

Reader = Callable[[ObjectiveMap], bool]
READS: tuple[tuple[str, Reader], ...] = (
    ("satisfied status", lambda m: m.read_satisfied_status),
    ("measure", lambda m: m.read_normalized_measure),
    ("raw score", lambda m: m.read_raw_score),
    ("completion status", lambda m: m.read_completion_status),
    ("progress measure", lambda m: m.read_progress_measure),
)
WRITES: tuple[tuple[str, Reader], ...] = (
    ("satisfied status", lambda m: m.write_satisfied_status),
    ("measure", lambda m: m.write_normalized_measure),
    ("raw score", lambda m: m.write_raw_score),
    ("completion status", lambda m: m.write_completion_status),
    ("progress measure", lambda m: m.write_progress_measure),
)


def check(source: Source, root: Element, manifest: Manifest) -> None:
    """Report what the manifest's author will want to know about its activities."""
    lines = {
        short(source.attributes(e).get("identifier", "")): line_of(e) for e in reversed(list(elements(source, root)))
    }
    for organization in manifest.organizations:
        activities = list(organization.structure.root.walk())
        known = {activity.identifier for activity in activities}
        for activity in activities:
            report = Report(source, activity, lines.get(activity.identifier, 0))
            check_references(report)
            check_maps(report)
            check_cluster(report, manifest.edition)
            check_prerequisites(report, known)


def elements(source: Source, root: Element) -> Iterable[Element]:
    """Yield the organizations and items, for their lines."""
    return (e for e in root.iter() if isinstance(e.tag, str) and source.name(e) in ("cp:organization", "cp:item"))


class Report:
    """Reports about one activity."""

    def __init__(self, source: Source, activity: Activity, line: int) -> None:
        self.source = source
        self.activity = activity
        self.line = line

    def warn(self, rule: str, message: str, remedy: str) -> None:
        """Report something about the activity."""
        text = f"“{shortened(self.activity.title)}”: {message}"
        self.source.findings.warn(rule, text, remedy, file=self.source.file, line=self.line)


def check_references(report: Report) -> None:
    """A rule about an objective that the activity does not have is evaluated for the primary one."""
    activity = report.activity
    known = {objective.identifier for objective in (activity.primary, *activity.objectives)}
    for rule in (*activity.rules.pre, *activity.rules.post, *activity.rules.exit):
        for condition in rule.conditions:
            if condition.referenced_objective is not None and condition.referenced_objective not in known:
                report.warn(
                    "sequencing.referenced_objective",
                    f"a rule refers to the objective “{shortened(condition.referenced_objective)}”, "
                    "which the activity does not have.",
                    "Correct referencedObjective, or add the objective.",
                )


def check_maps(report: Report) -> None:
    """SN 3.10: one source for what a local objective reads, one writer for what a global one receives."""
    activity = report.activity
    objectives: tuple[Objective, ...] = (activity.primary, *activity.objectives)
    for objective in objectives:
        for what, reads in READS:
            if sum(1 for m in objective.maps if reads(m)) > 1:
                report.warn(
                    "sequencing.map_reads",
                    f"the objective “{shortened(objective.identifier or 'primary')}” reads its {what} from "
                    "more than one global objective.",
                    "Set the read flags of all but one map to false.",
                )
    for what, writes in WRITES:
        writers = Counter(m.target for objective in objectives for m in objective.maps if writes(m))
        for target in [target for target, number in writers.items() if number > 1]:
            report.warn(
                "sequencing.map_writes",
                f"more than one objective writes its {what} to “{shortened(target)}”.",
                "Let one objective of an activity write to a global objective.",
            )


def check_cluster(report: Report, edition: Edition) -> None:
    """A cluster into which neither flow nor choice leads is a dead end."""
    activity = report.activity
    if not activity.children or edition is Edition.SCORM_1_2:
        return
    if not activity.control.flow and not activity.control.choice:
        report.warn(
            "sequencing.unreachable",
            "neither flow nor choice is allowed, so nothing below can be reached.",
            "Set flow or choice of its controlMode to true.",
        )
    if activity.selection.count is not None and activity.selection.count > len(activity.children):
        report.warn(
            "sequencing.select_count",
            f"selectCount is {activity.selection.count}, but there are {len(activity.children)} items.",
            "Correct selectCount, or leave it out.",
        )


def check_prerequisites(report: Report, known: set[str]) -> None:
    """SCORM 1.2: prerequisites follow the grammar of their script language, and the names in them are items."""
    script = report.activity.prerequisites
    if not script:
        return
    try:
        prerequisites.parse(script)
    except prerequisites.ScriptError as problem:
        report.warn(
            "manifest.prerequisites",
            f"its prerequisites “{shortened(script)}” cannot be read, so they keep nobody out "
            f"({shortened(str(problem))}).",
            "Write them in AICC's script language, such as I1&(I2|~I3).",
        )
        return
    for name in OPERAND.split(script):
        if name and name not in known:
            report.warn(
                "manifest.prerequisites",
                f"its prerequisites name “{shortened(name)}”, which is no item.",
                "Use the identifiers of items in prerequisites.",
            )
