"""What moves between run-time data and activity state: at launch into the SCO's data, at Terminate out of them.

The run-time speaks of `cmi` values, sequencing of objectives and attempts; nobody else translates (RTE 4.2, SN 4.2.1).
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from scorm_player.scorm.cmi import number, records
from scorm_player.scorm.sequencing import objectives, overall
from scorm_player.scorm.sequencing.definition import Edition
from scorm_player.scorm.sequencing.requests import NavigationRequest
from scorm_player.scorm.sequencing.state import PRIMARY
from scorm_player.scorm.sequencing.tree import ActivityTree, LocalObjective, Node, Trial, normalized
from scorm_player.scorm.sequencing.validity import Entry, Outlook, look_ahead
from scorm_player.scorm.visit import Item, Objective, Outcome, SharedData

_EDITIONS: Mapping[Edition, Any] = {
    Edition.SCORM_1_2: "",
    Edition.SECOND: "2nd",
    Edition.THIRD: "3rd",
    Edition.FOURTH: "4th",
}
REQUEST_VALID = "adl.nav.request_valid."
_SUCCESS = {"passed": True, "failed": False}
_COMPLETION = {"completed": True, "incomplete": False, "not attempted": False}
_SCORES = {"score.raw": "raw_score", "score.min": "min_score", "score.max": "max_score"}


# --- at launch --------------------------------------------------------------------------------------------------------


def item_of(tree: ActivityTree, node: Node) -> Item:
    """Answer what the manifest tells the run-time of this activity."""
    definition = node.definition
    threshold, primary = definition.completion_threshold, definition.primary
    return Item(
        standard="1.2" if tree.structure.edition is Edition.SCORM_1_2 else "2004",
        edition=_EDITIONS[tree.structure.edition],
        launch_data=definition.data_from_lms,
        max_time_allowed=definition.limits.attempt_absolute_duration_limit,
        time_limit_action=definition.time_limit_action,
        completion_threshold=real(threshold.min_progress_measure) if threshold.by_measure else None,
        scaled_passing_score=real(primary.min_normalized_measure) if primary.satisfied_by_measure else None,
        mastery_score=None if definition.mastery_score is None else real(definition.mastery_score),
    )


def objectives_of(tree: ActivityTree, node: Node) -> list[Objective]:
    """Answer the activity's objectives that have an identifier, the one that rolls up first, with what is known."""
    return [
        _objective(tree, node, objective) for objective in node.objectives.values() if objective.definition.identifier
    ]


def _objective(tree: ActivityTree, node: Node, objective: LocalObjective) -> Objective:
    satisfied = objectives.is_satisfied(tree, node, objective)
    completed = objectives.recorded_completion(tree, node, objective)
    return Objective(
        id=normalized(objective.definition.identifier or ""),
        success_status=None if satisfied is None else "passed" if satisfied else "failed",
        completion_status=None if completed is None else "completed" if completed else "incomplete",
        progress_measure=_maybe(objectives.progress_measure_of(tree, node, objective)),
        scaled=_maybe(objectives.measure_of(tree, node, objective)),
        raw=_maybe(objectives.score_of(tree, node, objective, "raw_score")),
        min=_maybe(objectives.score_of(tree, node, objective, "min_score")),
        max=_maybe(objectives.score_of(tree, node, objective, "max_score")),
    )


def shared_data_of(tree: ActivityTree, node: Node) -> list[SharedData]:
    """Answer the data stores the activity maps, with what they hold (4th Edition)."""
    return [
        SharedData(item.target, tree.state.shared_data.get(item.target), item.read_shared_data, item.write_shared_data)
        for item in node.definition.data_maps
    ]


def navigation_of(outlook: Outlook) -> dict[str, str]:
    """Answer `adl.nav.request_valid.…` with "true" or "false" for every request a SCO may ask about."""
    values = {
        f"{REQUEST_VALID}{request}": _truth(outlook.is_valid(request))
        for request in (NavigationRequest.CONTINUE, NavigationRequest.PREVIOUS)
    }
    for kind, targets in (("choice", outlook.choices), ("jump", outlook.jumps)):
        for target, exception in targets.items():
            values[f"{REQUEST_VALID}{kind}.{{target={target}}}"] = _truth(exception is None)
    return values


def real(value: float) -> str:
    """Write a number as `real(10,7)`, with at least one decimal place."""
    text = f"{value:.7f}".rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def _maybe(value: float | None) -> str | None:
    return None if value is None else real(value)


def _truth(value: bool) -> str:
    return "true" if value else "false"


# --- at Terminate -----------------------------------------------------------------------------------------------------


Request = tuple[NavigationRequest, str | None]
ABANDONING = (NavigationRequest.ABANDON, NavigationRequest.ABANDON_ALL)


def conclude(
    tree: ActivityTree, outcome: Outcome, set_by_content: Collection[str], asked: Request | None = None
) -> overall.Outcome | None:
    """End the session of the current activity, and navigate: as the learner `asked`, else as the content does.

    Answers None when nobody asks for anything; then the activity stays current, and the learner chooses what is next.
    An abandoned attempt brings nothing with it (SN 4.5.3).
    """
    request = asked or navigation_request(outcome)
    node = tree.current
    if node is not None and (request is None or request[0] not in ABANDONING):
        take_over(tree, node, outcome, set_by_content)
    return overall.overall_sequencing(tree, *request) if request else None


def outlook_with(tree: ActivityTree, outcome: Outcome, set_by_content: Collection[str]) -> Outlook:
    """Answer what would be valid if the session of the current activity ended like this; for use after a commit."""
    current = tree.current
    if current is None:
        return look_ahead(tree)

    def contents() -> list[Entry]:
        with Trial(tree):
            take_over(tree, current, outcome, set_by_content)
            return outlook.contents

    with Trial(tree):
        take_over(tree, current, outcome, set_by_content)
        outlook = look_ahead(tree)
    return replace(outlook, list_contents=contents)


def take_over(tree: ActivityTree, node: Node, outcome: Outcome, set_by_content: Collection[str]) -> None:
    """Record in the tree what a session told of its activity; before any navigation request is processed.

    `set_by_content` names the elements the SCO set in this session: what it was given and left alone is no news.
    An activity that is not active any more records nothing but shared data. One that is not tracked is suspended like
    others (that is activity state, AM.1.1), and records no more.
    """
    _keep_shared_data(tree, node, outcome)
    if not node.state.is_active:
        return
    node.state.is_suspended = outcome.suspended
    if not node.definition.delivery.tracked:
        return
    primary = _take_over_objectives(tree, node, outcome, set_by_content)
    _take_over_completion(tree, node, outcome, primary)
    _take_over_success(tree, node, outcome, primary)
    _take_over_score(tree, node, outcome)
    node.state.attempt_experienced_duration += float(outcome.seconds)
    node.state.activity_experienced_duration += float(outcome.seconds)


def _keep_shared_data(tree: ActivityTree, node: Node, outcome: Outcome) -> None:
    for item in node.definition.data_maps:
        if item.write_shared_data and item.target in outcome.shared:
            tree.state.shared_data[item.target] = outcome.shared[item.target]


def _take_over_objectives(
    tree: ActivityTree, node: Node, outcome: Outcome, set_by_content: Collection[str]
) -> dict[str, str]:
    """Record `cmi.objectives`; answer what the SCO set in the record of the objective that rolls up."""
    primary: dict[str, str] = {}
    for index, record in enumerate(records(outcome.values, "cmi.objectives")):
        objective = node.find_objective(record.get("id", ""))
        if objective is None:  # one that the SCO made up for itself
            continue
        news = {key: text for key, text in record.items() if f"cmi.objectives.{index}.{key}" in set_by_content}
        _take_over_record(tree, node, objective, news)
        if objective.key == PRIMARY:
            primary = news
    return primary


def _take_over_record(tree: ActivityTree, node: Node, objective: LocalObjective, news: Mapping[str, str]) -> None:
    if "success_status" in news:
        _set_success(tree, node, objective, news["success_status"])
    if "score.scaled" in news:
        objectives.set_measure(tree, node, objective, number(news["score.scaled"]))
    if "completion_status" in news and objective.key != PRIMARY:
        _set_completion(tree, node, objective, news["completion_status"])
    if "progress_measure" in news:
        objectives.set_progress_measure(tree, node, objective, number(news["progress_measure"]))
    for key, name in _SCORES.items():
        if key in news:
            objectives.set_score(tree, node, objective, name, number(news[key]))


def _set_success(tree: ActivityTree, node: Node, objective: LocalObjective, status: str) -> None:
    if status in _SUCCESS:
        objectives.set_satisfied(tree, node, objective, _SUCCESS[status])
    else:
        objectives.forget_satisfied(tree, node, objective)


def _set_completion(tree: ActivityTree, node: Node, objective: LocalObjective, status: str) -> None:
    if status in _COMPLETION:
        objectives.set_completed(tree, node, objective, _COMPLETION[status])
    else:
        objectives.forget_completed(tree, node, objective)


def _take_over_completion(tree: ActivityTree, node: Node, outcome: Outcome, primary: Mapping[str, str]) -> None:
    """RTE 4.2.4: the SCO's completion status; else that of its record for the objective that rolls up."""
    status = outcome.completion if outcome.completion_set else primary.get("completion_status")
    if status is not None:
        node.state.holds_back_completion = status == "unknown"
        _set_completion(tree, node, node.primary, status)
    if outcome.progress is not None:
        objectives.set_progress_measure(tree, node, node.primary, outcome.progress)


def _take_over_success(tree: ActivityTree, node: Node, outcome: Outcome, primary: Mapping[str, str]) -> None:
    """RTE 4.2.22: the record for the objective that rolls up, where the SCO set it; else the SCO's success status."""
    status = primary.get("success_status") or (outcome.success if outcome.success_set else None)
    if status is not None:
        node.state.holds_back_success = status == "unknown"
        _set_success(tree, node, node.primary, status)


def _take_over_score(tree: ActivityTree, node: Node, outcome: Outcome) -> None:
    if "scaled" in outcome.score:
        objectives.set_measure(tree, node, node.primary, outcome.score["scaled"])
    for name in ("raw", "min", "max"):
        if name in outcome.score:
            objectives.set_score(tree, node, node.primary, f"{name}_score", outcome.score[name])


def navigation_request(outcome: Outcome) -> Request | None:
    """Answer what the SCO asks for with its end: request and target; None when it asks for nothing."""
    text = outcome.navigation
    if text.startswith("{target="):
        target, _, kind = text.removeprefix("{target=").partition("}")
        return NavigationRequest(kind), target
    return None if text == "_none_" else (NavigationRequest(text), None)


def total_seconds(tree: ActivityTree, node: Node) -> Decimal:
    """Answer the time of the current attempt so far, for `cmi.total_time`."""
    return Decimal(str(node.state.attempt_experienced_duration))
