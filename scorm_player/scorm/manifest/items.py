"""`item`s (CAM 3): the tree of what a learner opens, with all that stands at each node."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from scorm_player.scorm.manifest import metadata, sequencing, values
from scorm_player.scorm.manifest.external_metadata import metadata_of
from scorm_player.scorm.manifest.model import Metadata, Resource
from scorm_player.scorm.manifest.reading import Reading, organizations_in, own_identifier, short, title_of, unique
from scorm_player.scorm.manifest.xml import Element, Source, text_of
from scorm_player.scorm.sequencing.definition import (
    Activity,
    CompletionThreshold,
    ControlModes,
    DataMap,
    HiddenControl,
    LimitConditions,
)

DEEPEST_ITEM = 60
TIME_LIMIT_ACTIONS = ("exit,message", "exit,no message", "continue,message", "continue,no message")


def items_of(reading: Reading, parent: Element, about: dict[str, Metadata], depth: int = 1) -> tuple[Activity, ...]:
    """Return the items below an organization or item that can be opened or hold something that can.

    No book says how deep items may lie. Those below DEEPEST_ITEM are lifted up to it, in their order, and play.
    """
    source = reading.source
    if depth < DEEPEST_ITEM:
        elements = ((element, True) for element in source.children(parent, "cp:item"))
    else:
        elements = ((element, False) for element in lifted(source, parent))
    found = (item_of(reading, element, about, depth, nests=nests) for element, nests in elements)
    return tuple(item for item in found if item is not None)


def lifted(source: Source, parent: Element) -> Iterator[Element]:
    """Yield all items below, however deep, in document order."""
    below = [element for element in parent.iterdescendants() if source.name(element).lower() == "cp:item"]
    if any(element.getparent() is not parent for element in below):
        source.warn(
            "manifest.too_deep",
            parent,
            f"Items are nested more than {DEEPEST_ITEM} deep; those below are shown at that depth, side by side.",
            "Flatten the course's structure.",
        )
    yield from below


def item_of(
    reading: Reading, element: Element, about: dict[str, Metadata], depth: int, *, nests: bool
) -> Activity | None:
    """Return one item with all below it, None when there is nothing in it to open. `nests`: whether it holds items."""
    source = reading.source
    identifier = own_identifier(reading, element, "item")
    inner = inner_organization(reading, element) if nests else None
    title = title_of(source, element) or (title_of(source, inner) if inner is not None else None)
    if title is None:
        source.note("manifest.title", element, f"The item “{identifier}” has no title.", "Give every item a title.")
    resource = resource_for(reading, element, identifier) if inner is None else None
    children = items_of(reading, element, about, depth + 1) if nests else ()
    if inner is not None:
        children += items_of(reading, inner, about, depth + 1)
    if resource is None and not children:
        if not nests and source.child(element, "cp:item") is not None:
            return None  # a heading of what was lifted out of it
        source.warn(
            "manifest.nothing_to_open",
            element,
            f"The item “{values.shortened(title or identifier)}” has nothing to open; it is left out.",
            "Refer to a resource with an href, or remove the item.",
        )
        return None
    activity = described(reading, element, Activity(identifier=identifier, title=title or identifier), inner)
    parameters = source.attributes(element).get("parameters", "")
    if (told := metadata_of(reading, element)) != metadata.NOTHING:
        about[identifier] = told
    if resource is not None and children:
        return replace(activity, children=(own_page(reading, element, activity, resource, parameters), *children))
    if resource is not None:
        return replace(activity, resource=resource.identifier, parameters=parameters, is_sco=resource.is_sco)
    return replace(activity, children=children, is_sco=False)


def inner_organization(reading: Reading, element: Element) -> Element | None:
    """Return the default organization of the manifest inside of this one that the item stands for, once; else None."""
    reference = short(reading.source.attributes(element).get("identifierref", ""))
    inner = reading.inner.pop(reference, None) if reference not in reading.resources else None
    if inner is None:
        return None
    return next(iter(organizations_in(reading.source, inner)[0]), None)


def resource_for(reading: Reading, element: Element, identifier: str) -> Resource | None:
    """Return the resource an item refers to, None, with a finding, when it cannot be opened."""
    source = reading.source
    reference = short(source.attributes(element).get("identifierref", ""))
    if not reference:
        return None
    resource = reading.resources.get(reference)
    if resource is None:
        source.warn(
            "manifest.identifierref",
            element,
            f"The item “{identifier}” refers to “{values.shortened(reference)}”, which is no resource.",
            "Correct the item's identifierref, or add the resource.",
        )
        return None
    if resource.href is None:
        source.warn(
            "manifest.resource_without_href",
            element,
            f"The item “{identifier}” refers to the resource “{reference}”, which has nothing to open.",
            "Give the resource an href.",
        )
        return None
    return resource


def own_page(reading: Reading, element: Element, item: Activity, resource: Resource, parameters: str) -> Activity:
    """Return the first child of an item that has both a resource and items below it: SCORM opens leaves only."""
    reading.source.note(
        "manifest.cluster_with_resource",
        element,
        f"The item “{values.shortened(item.title)}” has a page and items below it; the page becomes its first item.",
        "Give the page an item of its own.",
    )
    return Activity(
        identifier=unique(reading, f"{item.identifier}.page"),
        title=item.title,
        resource=resource.identifier,
        parameters=parameters,
        is_sco=resource.is_sco,
        is_visible=item.is_visible,
        hidden_controls=item.hidden_controls,
        limits=item.limits,
        completion_threshold=item.completion_threshold,
        time_limit_action=item.time_limit_action,
        data_from_lms=item.data_from_lms,
        data_maps=item.data_maps,
        mastery_score=item.mastery_score,
    )


def described(reading: Reading, element: Element, activity: Activity, inner: Element | None) -> Activity:
    """Return the activity with what its item says beside title, resource and children.

    `inner`: the organization that the item stands for; its sequencing counts where the item has none.
    """
    source = reading.source
    activity = replace(
        activity,
        is_visible=values.boolean(source, element, "isvisible", True),
        time_limit_action=time_limit_action(source, element),
        data_from_lms=raw_text(source, element, "adlcp:dataFromLMS"),
    )
    if reading.is_scorm_12:
        return replace(
            activity,
            control=ControlModes(choice=True, flow=True),
            prerequisites=prerequisites(source, element),
            mastery_score=mastery_score(source, element),
            limits=LimitConditions(attempt_absolute_duration_limit=max_time_allowed(source, element)),
        )
    owner = element if inner is None or source.child(element, "imsss:sequencing") is not None else inner
    activity = sequencing.sequenced(source, activity, owner, reading.sequencings)
    return replace(
        activity,
        completion_threshold=completion_threshold(source, element),
        hidden_controls=hidden_controls(source, element),
        data_maps=data_maps(source, element),
    )


def raw_text(source: Source, element: Element, name: str) -> str | None:
    """Return a child's text exactly as it stands."""
    child = source.child(element, name)
    return text_of(child) if child is not None else None


def time_limit_action(source: Source, element: Element) -> str | None:
    """`adlcp:timeLimitAction`, one of four words."""
    text = source.text(element, "adlcp:timeLimitAction")
    if text is None:
        return None
    word = re.sub(r"\s*,\s*", ",", " ".join(text.lower().split()))
    if word in TIME_LIMIT_ACTIONS:
        return word
    values.bad_value(source, element, "timeLimitAction", text, "one of “" + "”, “".join(TIME_LIMIT_ACTIONS) + "”")
    return None


def prerequisites(source: Source, element: Element) -> str | None:
    """SCORM 1.2 `adlcp:prerequisites`, in AICC's script language."""
    child = source.child(element, "adlcp:prerequisites")
    if child is None:
        return None
    kind = source.attributes(child).get("type", "aicc_script").strip().lower()
    if kind != "aicc_script":
        values.bad_value(source, child, "type of prerequisites", kind, "aicc_script")
    return text_of(child).strip() or None


def mastery_score(source: Source, element: Element) -> float | None:
    """SCORM 1.2 `adlcp:masteryscore`, 0 to 100."""
    text = source.text(element, "adlcp:masteryscore")
    return values.number_in(source, element, "masteryscore", text, 0, 100) if text else None


def max_time_allowed(source: Source, element: Element) -> str | None:
    """SCORM 1.2 `adlcp:maxtimeallowed`, HHHH:MM:SS.SS, as it stands."""
    text = source.text(element, "adlcp:maxtimeallowed")
    if text is not None and values.seconds(text) is None:
        values.bad_value(source, element, "maxtimeallowed", text, "a time such as 0001:30:00")
        return None
    return text


def completion_threshold(source: Source, element: Element) -> CompletionThreshold:
    """`adlcp:completionThreshold`: attributes in the 4th Edition, a bare number before."""
    child = source.child(element, "adlcp:completionThreshold")
    if child is None:
        return CompletionThreshold()
    text = text_of(child).strip()
    attributes = source.attributes(child)
    if text and "minprogressmeasure" not in attributes:
        minimum = values.number_in(source, child, "completionThreshold", text, 0, 1)
        return CompletionThreshold(
            by_measure=minimum is not None, min_progress_measure=1.0 if minimum is None else minimum
        )
    return CompletionThreshold(
        by_measure=values.boolean(source, child, "completedByMeasure", False),
        min_progress_measure=values.decimal(source, child, "minProgressMeasure", 1.0, 0, 1),
        progress_weight=values.decimal(source, child, "progressWeight", 1.0, 0, 1),
    )


def hidden_controls(source: Source, element: Element) -> frozenset[HiddenControl]:
    """`adlnav:presentation`: controls the player must not show."""
    found: set[HiddenControl] = set()
    for presentation in source.children(element, "adlnav:presentation"):
        for interface in source.children(presentation, "adlnav:navigationInterface"):
            for child in source.children(interface, "adlnav:hideLMSUI"):
                control = values.find_word(HiddenControl, text_of(child))
                if control is None:
                    values.bad_value(source, child, "hideLMSUI", text_of(child), "one of " + ", ".join(HiddenControl))
                else:
                    found.add(control)
    return frozenset(found)


def data_maps(source: Source, element: Element) -> tuple[DataMap, ...]:
    """`adlcp:data` of the 4th Edition: shared data stores."""
    found: dict[str, DataMap] = {}
    for data in source.children(element, "adlcp:data"):
        for child in source.children(data, "adlcp:map"):
            target = source.attributes(child).get("targetid", "").strip()
            if not target or target in found:
                values.bad_value(source, child, "targetID", target, "given, and different in each map of an item")
                continue
            found[target] = DataMap(
                target,
                read_shared_data=values.boolean(source, child, "readSharedData", True),
                write_shared_data=values.boolean(source, child, "writeSharedData", True),
            )
    return tuple(found.values())
