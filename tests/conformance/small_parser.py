"""A small reader of the cases' manifests, until the real parser is here."""

from xml.etree import ElementTree

from scorm_player.scorm.sequencing import definition as d


def local(e):
    return e.tag.rpartition("}")[2]


def children(e, tag):
    return [c for c in e if local(c) == tag] if e is not None else []


def child(e, tag):
    found = children(e, tag)
    return found[0] if found else None


def attrs(e):
    return {k.rpartition("}")[2]: v for k, v in e.attrib.items()} if e is not None else {}


def flag(e, name, default):
    v = attrs(e).get(name)
    return default if v is None else v.strip() == "true"


def parse(path):
    root = ElementTree.parse(path).getroot()
    collection = {}
    for sc in children(root, "sequencingCollection"):
        for s in sc:
            collection[attrs(s)["ID"].strip()] = s
    orgs = child(root, "organizations")
    org = child(orgs, "organization")
    resources = {attrs(r)["identifier"]: attrs(r) for r in children(child(root, "resources"), "resource")}
    return d.CourseStructure(
        activity(org, collection, resources, True),
        d.Edition.FOURTH,
        flag(org, "objectivesGlobalToSystem", True),
        flag(org, "sharedDataGlobalToSystem", True),
    )


def merged(e, collection):
    seq = child(e, "sequencing")
    if seq is None:
        return {}
    parts = {}
    ref = attrs(seq).get("IDRef")
    if ref:
        for c in collection[ref.strip()]:
            parts[local(c) + ns(c)] = c
    for c in seq:
        parts[local(c) + ns(c)] = c
    return parts


def ns(c):
    return ":adl" if "adlseq" in c.tag else ""


def conditions(e, cls, combo):
    rc = child(e, "ruleConditions") if cls is d.RuleCondition else child(e, "rollupConditions")
    out = []
    for c in rc if rc is not None else []:
        a = attrs(c)
        kw = dict(name=d.ConditionName(a["condition"]), negated=a.get("operator") == "not")
        if cls is d.RuleCondition:
            kw["referenced_objective"] = a.get("referencedObjective")
            kw["measure_threshold"] = float(a.get("measureThreshold", 0))
        out.append(cls(**kw))
    return tuple(out), d.Combination(attrs(rc).get("conditionCombination", combo))


def rules(parts):
    s = parts.get("sequencingRules")
    r = {"pre": (), "post": (), "exit": ()}
    for k, tag in (("pre", "preConditionRule"), ("post", "postConditionRule"), ("exit", "exitConditionRule")):
        lst = []
        for e in children(s, tag):
            conds, comb = conditions(e, d.RuleCondition, "all")
            lst.append(d.SequencingRule(d.RuleAction(attrs(child(e, "ruleAction"))["action"]), conds, comb))
        r[k] = tuple(lst)
    return d.SequencingRules(**r)


def rollup(parts):
    s = parts.get("rollupRules")
    lst = []
    for e in children(s, "rollupRule"):
        conds, comb = conditions(e, d.RollupCondition, "any")
        a = attrs(e)
        lst.append(
            d.RollupRule(
                d.RollupAction(attrs(child(e, "rollupAction"))["action"]),
                conds,
                comb,
                d.ChildActivitySet(a.get("childActivitySet", "all")),
                int(a.get("minimumCount", 0)),
                float(a.get("minimumPercent", 0)),
            )
        )
    c = attrs(parts.get("rollupConsiderations:adl"))
    con = lambda n: d.RollupConsideration(c.get(n, "always"))
    return d.Rollup(
        tuple(lst),
        flag(s, "rollupObjectiveSatisfied", True),
        flag(s, "rollupProgressCompletion", True),
        float(attrs(s).get("objectiveMeasureWeight", 1)),
        con("requiredForSatisfied"),
        con("requiredForNotSatisfied"),
        con("requiredForCompleted"),
        con("requiredForIncomplete"),
        c.get("measureSatisfactionIfActive", "true") == "true",
    )


NAMES = {
    "readSatisfiedStatus": ("read_satisfied_status", True),
    "readNormalizedMeasure": ("read_normalized_measure", True),
    "writeSatisfiedStatus": ("write_satisfied_status", False),
    "writeNormalizedMeasure": ("write_normalized_measure", False),
}
ADL = {
    "readRawScore": ("read_raw_score", True),
    "readMinScore": ("read_min_score", True),
    "readMaxScore": ("read_max_score", True),
    "readCompletionStatus": ("read_completion_status", True),
    "readProgressMeasure": ("read_progress_measure", True),
    "writeRawScore": ("write_raw_score", False),
    "writeMinScore": ("write_min_score", False),
    "writeMaxScore": ("write_max_score", False),
    "writeCompletionStatus": ("write_completion_status", False),
    "writeProgressMeasure": ("write_progress_measure", False),
}


def maps(e, names):
    out = []
    for m in children(e, "mapInfo"):
        a = attrs(m)
        kw = {field: (a[n].strip() == "true" if n in a else default) for n, (field, default) in names.items()}
        out.append(d.ObjectiveMap(a["targetObjectiveID"].strip(), **kw))
    return tuple(out)


def objectives(parts):
    extra = {}
    for o in children(parts.get("objectives:adl"), "objective"):
        extra[attrs(o)["objectiveID"]] = maps(o, ADL)
    prim, others = d.Objective(), []
    s = parts.get("objectives")
    for o in s if s is not None else []:
        ident = attrs(o).get("objectiveID")
        m = child(o, "minNormalizedMeasure")
        obj = d.Objective(
            ident,
            flag(o, "satisfiedByMeasure", False),
            float(m.text) if m is not None else 1.0,
            maps(o, NAMES) + extra.get(ident, ()),
        )
        if local(o) == "primaryObjective":
            prim = obj
        else:
            others.append(obj)
    return prim, tuple(others)


def activity(e, collection, resources, is_root=False):
    a = attrs(e)
    parts = merged(e, collection)
    cm = parts.get("controlMode")
    cc = parts.get("constrainedChoiceConsiderations:adl")
    lim = attrs(parts.get("limitConditions"))
    dc = parts.get("deliveryControls")
    prim, others = objectives(parts)
    pres = child(child(e, "presentation"), "navigationInterface")
    th = child(e, "completionThreshold")
    ta = attrs(th)
    text = lambda n: child(e, n).text if child(e, n) is not None else None
    rnd = attrs(parts.get("randomizationControls"))
    return d.Activity(
        identifier=a["identifier"].strip(),
        title=(text("title") or "").strip(),
        children=tuple(activity(c, collection, resources) for c in children(e, "item")),
        resource=a.get("identifierref"),
        parameters=a.get("parameters", ""),
        is_visible=a.get("isvisible", "true") == "true",
        is_sco=True,
        hidden_controls=frozenset(d.HiddenControl(h.text.strip()) for h in children(pres, "hideLMSUI")),
        control=d.ControlModes(
            flag(cm, "choice", True),
            flag(cm, "choiceExit", True),
            flag(cm, "flow", False),
            flag(cm, "forwardOnly", False),
            flag(cm, "useCurrentAttemptObjectiveInfo", True),
            flag(cm, "useCurrentAttemptProgressInfo", True),
        ),
        constrained_choice=d.ConstrainedChoice(
            flag(cc, "constrainChoice", False), flag(cc, "preventActivation", False)
        ),
        rules=rules(parts),
        limits=d.LimitConditions(
            int(lim["attemptLimit"]) if "attemptLimit" in lim else None, lim.get("attemptAbsoluteDurationLimit")
        ),
        rollup=rollup(parts),
        primary=prim,
        objectives=others,
        selection=d.Selection(
            d.Timing(rnd.get("selectionTiming", "never")), int(rnd["selectCount"]) if "selectCount" in rnd else None
        ),
        randomization=d.Randomization(
            d.Timing(rnd.get("randomizationTiming", "never")), rnd.get("reorderChildren") == "true"
        ),
        delivery=d.DeliveryControls(
            flag(dc, "tracked", True),
            flag(dc, "completionSetByContent", False),
            flag(dc, "objectiveSetByContent", False),
        ),
        completion_threshold=d.CompletionThreshold(
            ta.get("completedByMeasure") == "true",
            float(ta.get("minProgressMeasure", 1)),
            float(ta.get("progressWeight", 1)),
        ),
        time_limit_action=text("timeLimitAction"),
        data_from_lms=text("dataFromLMS"),
        data_maps=tuple(
            d.DataMap(attrs(m)["targetID"], flag(m, "readSharedData", True), flag(m, "writeSharedData", True))
            for m in children(child(e, "data"), "map")
        ),
    )
