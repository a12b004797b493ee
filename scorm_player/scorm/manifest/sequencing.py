"""`imsss:sequencing` and its ADL extensions (CAM 5, SN 3): from elements to the sequencing definition model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote

from scorm_player.scorm.manifest import values
from scorm_player.scorm.manifest.xml import Element, Source
from scorm_player.scorm.sequencing.definition import (
    Activity,
    ChildActivitySet,
    Combination,
    ConditionName,
    ConstrainedChoice,
    ControlModes,
    DeliveryControls,
    LimitConditions,
    Objective,
    ObjectiveMap,
    Randomization,
    Rollup,
    RollupAction,
    RollupCondition,
    RollupConsideration,
    RollupRule,
    RuleAction,
    RuleCondition,
    Selection,
    SequencingRule,
    SequencingRules,
    Timing,
)

MOST_ELEMENTS = 250_000  # a collection that thousands of items refer to is read once for each

PRE_ACTIONS = frozenset(
    {RuleAction.SKIP, RuleAction.DISABLED, RuleAction.HIDDEN_FROM_CHOICE, RuleAction.STOP_FORWARD_TRAVERSAL}
)
EXIT_ACTIONS = frozenset({RuleAction.EXIT})
POST_ACTIONS = frozenset(RuleAction) - PRE_ACTIONS - EXIT_ACTIONS

MEASURE_COMPARISONS = frozenset(
    {ConditionName.OBJECTIVE_MEASURE_GREATER_THAN, ConditionName.OBJECTIVE_MEASURE_LESS_THAN}
)


@dataclass(frozen=True)
class Parts:
    """The children of one `sequencing` element, those of the collection it refers to merged in."""

    source: Source
    elements: tuple[Element, ...]

    def first(self, name: str) -> Element | None:
        """Return the first element of this `family:local-name`."""
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Element]:
        """Yield all elements of this name."""
        return (e for e in self.elements if self.source.name(e).lower() == name.lower())


def collections(source: Source, manifest: Element) -> dict[str, Element]:
    """Return the sequencings of the manifest's `sequencingCollection`s by their ID (CAM 5.1.1)."""
    found: dict[str, Element] = {}
    for collection in (c for m in source.manifests(manifest) for c in source.children(m, "imsss:sequencingCollection")):
        for sequencing in source.children(collection, "imsss:sequencing"):
            if identifier := source.attributes(sequencing).get("id", "").strip():
                found.setdefault(identifier, sequencing)
    return found


def same_name(identifier: str | None) -> str:
    """Return the form in which objective ids are compared: they are URIs, so "%20obj%20 1" and "obj 1" are one."""
    return " ".join(unquote(identifier or "").split())


def sequenced(source: Source, activity: Activity, owner: Element, shared: dict[str, Element]) -> Activity:
    """Return the activity with what its element's `sequencing` child says; unchanged when there is none."""
    element = source.child(owner, "imsss:sequencing")
    if element is None:
        return activity
    parts = merged(source, element, shared)
    primary, objectives = objectives_of(parts)
    spelling = {same_name(one.identifier): one.identifier for one in (primary, *objectives) if one.identifier}
    selection, randomization = randomization_of(parts)
    return replace(
        activity,
        control=control_modes(parts),
        constrained_choice=constrained_choice(parts),
        rules=rules_of(parts, spelling),
        limits=limit_conditions(parts),
        rollup=rollup_of(parts),
        primary=primary,
        objectives=objectives,
        selection=selection,
        randomization=randomization,
        delivery=delivery_controls(parts),
    )


def merged(source: Source, element: Element, shared: dict[str, Element]) -> Parts:
    """Resolve IDRef: an element of one's own replaces the collection's element of that name, whole (CAM 5.1.1)."""
    own = [child for child in element if isinstance(child.tag, str)]
    reference = source.attributes(element).get("idref", "").strip()
    base = shared.get(reference)
    if reference and base is None:
        source.warn(
            "sequencing.idref",
            element,
            f"The sequencing refers to “{values.shortened(reference)}”, which no sequencingCollection holds.",
            "Correct the IDRef, or add the sequencing to the collection.",
        )
    tags = {child.tag for child in own}
    inherited = [child for child in base if child.tag not in tags] if base is not None else []
    elements = (*own, *(child for child in inherited if isinstance(child.tag, str)))
    source.elements_read += sum(1 for child in elements for _ in child.iter())
    if source.elements_read > MOST_ELEMENTS:
        raise source.refuse(
            "sequencing.too_large",
            element,
            "The sequencing of all items together is larger than any course needs.",
            "Use fewer items or a smaller sequencing collection.",
        )
    return Parts(source, elements)


def control_modes(parts: Parts) -> ControlModes:
    """`imsss:controlMode`."""
    element = parts.first("imsss:controlMode")
    if element is None:
        return ControlModes()
    source = parts.source
    return ControlModes(
        choice=values.boolean(source, element, "choice", True),
        choice_exit=values.boolean(source, element, "choiceExit", True),
        flow=values.boolean(source, element, "flow", False),
        forward_only=values.boolean(source, element, "forwardOnly", False),
        use_current_attempt_objective_info=values.boolean(source, element, "useCurrentAttemptObjectiveInfo", True),
        use_current_attempt_progress_info=values.boolean(source, element, "useCurrentAttemptProgressInfo", True),
    )


def constrained_choice(parts: Parts) -> ConstrainedChoice:
    """`adlseq:constrainedChoiceConsiderations`."""
    element = parts.first("adlseq:constrainedChoiceConsiderations")
    if element is None:
        return ConstrainedChoice()
    return ConstrainedChoice(
        constrain_choice=values.boolean(parts.source, element, "constrainChoice", False),
        prevent_activation=values.boolean(parts.source, element, "preventActivation", False),
    )


def rules_of(parts: Parts, spelling: dict[str, str]) -> SequencingRules:
    """`imsss:sequencingRules`: a rule that cannot mean anything is left out and reported.

    `spelling` tells how the activity's own objectives write the ids that conditions refer to.
    """
    element = parts.first("imsss:sequencingRules")
    if element is None:
        return SequencingRules()
    source = parts.source
    return SequencingRules(
        pre=tuple(rules(source, element, "imsss:preConditionRule", PRE_ACTIONS, spelling)),
        post=tuple(rules(source, element, "imsss:postConditionRule", POST_ACTIONS, spelling)),
        exit=tuple(rules(source, element, "imsss:exitConditionRule", EXIT_ACTIONS, spelling)),
    )


def rules(
    source: Source, parent: Element, name: str, actions: frozenset[RuleAction], spelling: dict[str, str]
) -> Iterator[SequencingRule]:
    """Yield the rules of one kind in document order."""
    for element in source.children(parent, name):
        action_element = source.child(element, "imsss:ruleAction")
        word = source.attributes(action_element).get("action") if action_element is not None else None
        action = values.find_word(RuleAction, word)
        if action not in actions or action is None:
            useless_rule(
                source, element, f"its action “{values.shortened(word or '')}” is not one of this kind of rule"
            )
            continue
        conditions = source.child(element, "imsss:ruleConditions")
        read = read_conditions(source, conditions, "imsss:ruleCondition")
        if conditions is None or not read:
            useless_rule(source, element, "it has no condition that is known")
            continue
        yield SequencingRule(
            action,
            tuple(
                RuleCondition(
                    condition,
                    negated=is_negated(source, one),
                    referenced_objective=referenced(source, one, spelling),
                    measure_threshold=values.decimal(source, one, "measureThreshold", 0.0, -1, 1),
                )
                for condition, one in read
            ),
            values.word(source, conditions, "conditionCombination", Combination.ALL),
        )


def read_conditions(source: Source, parent: Element | None, name: str) -> list[tuple[ConditionName, Element]]:
    """Return a rule's conditions; none at all when one is unknown, since the rule would then say another thing."""
    if parent is None:
        return []
    found: list[tuple[ConditionName, Element]] = []
    for element in source.children(parent, name):
        condition = values.find_word(ConditionName, source.attributes(element).get("condition"))
        if condition is None:
            return []
        found.append((condition, element))
    return found


def referenced(source: Source, condition: Element, spelling: dict[str, str]) -> str | None:
    """`referencedObjective`, as the objective itself spells it."""
    name = " ".join(source.attributes(condition).get("referencedobjective", "").split())
    return spelling.get(same_name(name), name) or None


def is_negated(source: Source, condition: Element) -> bool:
    """`operator`: noOp or not."""
    return source.attributes(condition).get("operator", "").strip().lower() == "not"


def useless_rule(source: Source, element: Element, reason: str) -> None:
    """Report a rule that is left out."""
    source.warn(
        "sequencing.rule",
        element,
        f"This rule is left out: {reason}.",
        "Correct the rule's action and conditions, or remove it.",
    )


def limit_conditions(parts: Parts) -> LimitConditions:
    """`imsss:limitConditions`."""
    element = parts.first("imsss:limitConditions")
    if element is None:
        return LimitConditions()
    source = parts.source
    attributes = source.attributes(element)
    return LimitConditions(
        attempt_limit=values.count(source, element, "attemptLimit"),
        attempt_absolute_duration_limit=values.duration(source, element, "attemptAbsoluteDurationLimit"),
        attempt_experienced_duration_limit=values.duration(source, element, "attemptExperiencedDurationLimit"),
        activity_absolute_duration_limit=values.duration(source, element, "activityAbsoluteDurationLimit"),
        activity_experienced_duration_limit=values.duration(source, element, "activityExperiencedDurationLimit"),
        begin_time_limit=attributes.get("begintimelimit"),
        end_time_limit=attributes.get("endtimelimit"),
    )


def rollup_of(parts: Parts) -> Rollup:
    """`imsss:rollupRules` and `adlseq:rollupConsiderations`."""
    source = parts.source
    rollup = Rollup()
    element = parts.first("imsss:rollupRules")
    if element is not None:
        rollup = Rollup(
            rules=tuple(rollup_rules(source, element)),
            objective_satisfied=values.boolean(source, element, "rollupObjectiveSatisfied", True),
            progress_completion=values.boolean(source, element, "rollupProgressCompletion", True),
            objective_measure_weight=values.decimal(source, element, "objectiveMeasureWeight", 1.0, 0, 1),
        )
    considerations = parts.first("adlseq:rollupConsiderations")
    if considerations is None:
        return rollup
    always = RollupConsideration.ALWAYS
    return replace(
        rollup,
        required_for_satisfied=values.word(source, considerations, "requiredForSatisfied", always),
        required_for_not_satisfied=values.word(source, considerations, "requiredForNotSatisfied", always),
        required_for_completed=values.word(source, considerations, "requiredForCompleted", always),
        required_for_incomplete=values.word(source, considerations, "requiredForIncomplete", always),
        measure_satisfaction_if_active=values.boolean(source, considerations, "measureSatisfactionIfActive", True),
    )


def rollup_rules(source: Source, parent: Element) -> Iterator[RollupRule]:
    """Yield the rollup rules in document order."""
    for element in source.children(parent, "imsss:rollupRule"):
        action_element = source.child(element, "imsss:rollupAction")
        word = source.attributes(action_element).get("action") if action_element is not None else None
        action = values.find_word(RollupAction, word)
        if action is None:
            useless_rule(source, element, f"“{values.shortened(word or '')}” is no action of a rollup rule")
            continue
        conditions = source.child(element, "imsss:rollupConditions")
        read = read_conditions(source, conditions, "imsss:rollupCondition")
        if conditions is None or not read or any(condition in MEASURE_COMPARISONS for condition, _ in read):
            useless_rule(source, element, "it has no condition that is known in rollup")
            continue
        yield RollupRule(
            action,
            tuple(RollupCondition(condition, negated=is_negated(source, one)) for condition, one in read),
            values.word(source, conditions, "conditionCombination", Combination.ANY),
            values.word(source, element, "childActivitySet", ChildActivitySet.ALL),
            values.count(source, element, "minimumCount") or 0,
            values.decimal(source, element, "minimumPercent", 0.0, 0, 1),
        )


def objectives_of(parts: Parts) -> tuple[Objective, tuple[Objective, ...]]:
    """`imsss:objectives` with `adlseq:objectives`: the primary objective and the others."""
    source = parts.source
    primary = Objective()
    others: dict[str, Objective] = {}  # by the name that is compared
    element = parts.first("imsss:objectives")
    if element is not None:
        for one in source.children(element, "imsss:primaryObjective"):
            primary = objective(source, one)
        for one in source.children(element, "imsss:objective"):
            local = objective(source, one)
            name = same_name(local.identifier)
            if not name or name in others or name == same_name(primary.identifier):
                source.warn(
                    "sequencing.objective_id",
                    one,
                    "This objective is left out: it has no objectiveID, or one that another objective has.",
                    "Give each objective of an activity its own objectiveID.",
                )
                continue
            others[name] = local
    for extension in parts.all("adlseq:objectives"):
        for one in source.children(extension, "adlseq:objective"):
            maps = tuple(adl_maps(source, one))
            name = same_name(source.attributes(one).get("objectiveid"))
            if name == same_name(primary.identifier):
                primary = replace(primary, maps=primary.maps + maps)
            elif name in others:
                others[name] = replace(others[name], maps=others[name].maps + maps)
            else:
                source.warn(
                    "sequencing.objective_extension",
                    one,
                    f"adlseq:objective names “{values.shortened(name)}”, which is no objective here.",
                    "Use the objectiveID of an imsss:objective of the same activity.",
                )
    return primary, tuple(others.values())


def objective(source: Source, element: Element) -> Objective:
    """One `imsss:primaryObjective` or `imsss:objective`."""
    minimum = source.text(element, "imsss:minNormalizedMeasure")
    measure = values.number_in(source, element, "minNormalizedMeasure", minimum, -1, 1) if minimum else None
    return Objective(
        identifier=" ".join(source.attributes(element).get("objectiveid", "").split()) or None,
        satisfied_by_measure=values.boolean(source, element, "satisfiedByMeasure", False),
        min_normalized_measure=1.0 if measure is None else measure,
        maps=tuple(ims_maps(source, element)),
    )


def ims_maps(source: Source, parent: Element) -> Iterator[ObjectiveMap]:
    """`imsss:mapInfo`: status and measure."""
    for element in source.children(parent, "imsss:mapInfo"):
        if target := target_of(source, element):
            yield ObjectiveMap(
                target,
                read_satisfied_status=values.boolean(source, element, "readSatisfiedStatus", True),
                read_normalized_measure=values.boolean(source, element, "readNormalizedMeasure", True),
                write_satisfied_status=values.boolean(source, element, "writeSatisfiedStatus", False),
                write_normalized_measure=values.boolean(source, element, "writeNormalizedMeasure", False),
            )


def adl_maps(source: Source, parent: Element) -> Iterator[ObjectiveMap]:
    """`adlseq:mapInfo` of the 4th Edition: scores, completion, progress."""
    for element in source.children(parent, "adlseq:mapInfo"):
        if target := target_of(source, element):
            yield ObjectiveMap(
                target,
                read_raw_score=values.boolean(source, element, "readRawScore", True),
                read_min_score=values.boolean(source, element, "readMinScore", True),
                read_max_score=values.boolean(source, element, "readMaxScore", True),
                read_completion_status=values.boolean(source, element, "readCompletionStatus", True),
                read_progress_measure=values.boolean(source, element, "readProgressMeasure", True),
                write_raw_score=values.boolean(source, element, "writeRawScore", False),
                write_min_score=values.boolean(source, element, "writeMinScore", False),
                write_max_score=values.boolean(source, element, "writeMaxScore", False),
                write_completion_status=values.boolean(source, element, "writeCompletionStatus", False),
                write_progress_measure=values.boolean(source, element, "writeProgressMeasure", False),
            )


def target_of(source: Source, element: Element) -> str | None:
    """Return the global objective a map names, in the form in which ids are compared, or report that it names none."""
    target = same_name(source.attributes(element).get("targetobjectiveid"))
    if not target:
        source.warn(
            "sequencing.map_target",
            element,
            "This objective map is left out: it has no targetObjectiveID.",
            "Name the global objective that the map is about.",
        )
    return target or None


def randomization_of(parts: Parts) -> tuple[Selection, Randomization]:
    """`imsss:randomizationControls`: which children, and in which order."""
    element = parts.first("imsss:randomizationControls")
    if element is None:
        return Selection(), Randomization()
    source = parts.source
    return (
        Selection(
            timing=values.word(source, element, "selectionTiming", Timing.NEVER),
            count=values.count(source, element, "selectCount"),
        ),
        Randomization(
            timing=values.word(source, element, "randomizationTiming", Timing.NEVER),
            reorder_children=values.boolean(source, element, "reorderChildren", False),
        ),
    )


def delivery_controls(parts: Parts) -> DeliveryControls:
    """`imsss:deliveryControls`."""
    element = parts.first("imsss:deliveryControls")
    if element is None:
        return DeliveryControls()
    return DeliveryControls(
        tracked=values.boolean(parts.source, element, "tracked", True),
        completion_set_by_content=values.boolean(parts.source, element, "completionSetByContent", False),
        objective_set_by_content=values.boolean(parts.source, element, "objectiveSetByContent", False),
    )
