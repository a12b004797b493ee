"""The content of a draft: sections and modules, added, changed, put in order, taken out.

Every change locks the course, so that nobody publishes what somebody else is writing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from catalog import rules, tables
from catalog.errors import VersionIsFinal
from catalog.services.courses import Section, open_course
from catalog.services.facts import changed, plain, tidy
from catalog.services.modules import Module, as_module
from catalog.store import content as store
from catalog.store import courses as course_store
from catalog.tables import ModuleType, VersionState
from core import audit
from core.db import Session, uuid7
from core.errors import Invalid, NotFound, Problem
from scorm_player.services import packages


def open_draft(session: Session, version_id: UUID) -> tables.CourseVersion:
    """Return a draft to change it; its course is locked. Raises NotFound, VersionIsFinal, CourseIsArchived."""
    found = course_store.find_version(session, version_id)
    if found is None:
        raise NotFound("There is no such version.")
    open_course(session, found.course_id)
    version = course_store.find_version(session, version_id)  # again: it may have been published while we waited
    if version is None:
        raise NotFound("There is no such version.")
    if version.state is not VersionState.DRAFT:
        raise VersionIsFinal
    return version


def add_section(session: Session, version_id: UUID, title: str) -> Section:
    """Add a section at the end. Raises Invalid, and what `open_draft` raises."""
    version = open_draft(session, version_id)
    row = tables.Section(
        course_version_id=version.id,
        stable_key=uuid7(),
        title=_title(title),
        sort_order=_after(store.sections(session, version_id)),
    )
    session.add(row)
    session.flush()
    audit.record(session, "section.added", "section", row.id, new={"title": row.title, "version": str(version_id)})
    return Section(row.id, row.stable_key, row.title, ())


def rename_section(session: Session, section_id: UUID, title: str) -> UUID:
    """Give a section another title; answer its course."""
    row, version = _section(session, section_id)
    old, row.title = row.title, _title(title)
    audit.record(session, "section.renamed", "section", row.id, old={"title": old}, new={"title": row.title})
    session.flush()
    return version.course_id


def remove_section(session: Session, section_id: UUID) -> UUID:
    """Take a section with all its modules out of the draft; answer its course."""
    row, version = _section(session, section_id)
    titles = [module.title for module, _version in store.modules(session, version.id) if module.section_id == row.id]
    audit.record(session, "section.removed", "section", row.id, old={"title": row.title, "modules": titles})
    session.delete(row)
    session.flush()
    return version.course_id


def move_section(session: Session, section_id: UUID, by: int) -> UUID:
    """Move a section up (-1) or down (1) one place; answer its course."""
    row, version = _section(session, section_id)
    order = [section.id for section in store.sections(session, version.id)]
    place = order.index(row.id)
    if 0 <= place + by < len(order):
        order.insert(place + by, order.pop(place))
        arrange_sections(session, version.id, order)
    return version.course_id


def arrange_sections(session: Session, version_id: UUID, order: Sequence[UUID]) -> None:
    """Put a version's sections in this order, which names each of them once. Raises Invalid."""
    open_draft(session, version_id)
    _arrange(store.sections(session, version_id), order)
    audit.record(session, "sections.arranged", "course_version", version_id, new={"order": [str(id) for id in order]})
    session.flush()


def add_module(session: Session, section_id: UUID, facts: Mapping[str, Any]) -> Module:
    """Add a module at the end of a section.

    `facts` has `module_type` and the fields of `catalog.rules.MODULE` for it. A package without a title takes the
    package's own. Raises Invalid with every field that is wrong, and what `open_draft` raises.
    """
    section, version = _section(session, section_id)
    values = tidy(facts)
    if problems := rules.check(rules.MODULE_TYPE, values):
        raise Invalid(problems=problems)
    kind = ModuleType(values["module_type"])
    criteria = {"type": "runtime" if kind is ModuleType.PACKAGE else "statement"}
    given = {name: value for name, value in values.items() if value is not None or name != "title"}
    checked = _checked(session, kind, {"completion_criteria": criteria, **given})
    siblings = [module for module, _version in store.modules(session, version.id) if module.section_id == section.id]
    row = tables.Module(
        **checked,
        section_id=section.id,
        course_version_id=version.id,
        stable_key=uuid7(),
        sort_order=_after(siblings),
    )
    session.add(row)
    session.flush()
    audit.record(session, "module.added", "module", row.id, new=plain(checked))
    return as_module(row, version)


def edit_module(session: Session, module_id: UUID, changes: Mapping[str, Any]) -> Module:
    """Change a module of a draft; its type stays. Raises Invalid with every field that is wrong."""
    row, version = _module(session, module_id)
    names = [name for name in rules.MODULE[row.module_type.value]["properties"] if hasattr(row, name)]
    before = {name: getattr(row, name) for name in (*names, "activity_iri")}
    writable = {name: before[name] for name in names}
    after = _checked(session, row.module_type, tidy({**writable, **changes}))
    for name, value in after.items():
        setattr(row, name, value)
    old, new = changed(before, after)
    if new:
        audit.record(session, "module.changed", "module", row.id, old=old, new=new)
    session.flush()
    return as_module(row, version)


def remove_module(session: Session, module_id: UUID) -> UUID:
    """Take a module out of the draft; answer its course."""
    row, version = _module(session, module_id)
    audit.record(session, "module.removed", "module", row.id, old={"title": row.title})
    session.delete(row)
    session.flush()
    return version.course_id


def move_module(session: Session, module_id: UUID, by: int) -> Module:
    """Move a module up (-1) or down (1) one place, at a section's end into the neighboring section."""
    row, version = _module(session, module_id)
    shelves = {section.id: list[UUID]() for section in store.sections(session, version.id)}
    for module, _version in store.modules(session, version.id):
        shelves[module.section_id].append(module.id)
    shelf = shelves[row.section_id]
    place = shelf.index(row.id)
    if 0 <= place + by < len(shelf):
        shelf.insert(place + by, shelf.pop(place))
        arrange_modules(session, row.section_id, shelf)
    else:
        _move_over(session, row, list(shelves), by)
    return as_module(row, version)


def arrange_modules(session: Session, section_id: UUID, order: Sequence[UUID]) -> None:
    """Put a section's modules in this order, which names each of them once. Raises Invalid."""
    section, version = _section(session, section_id)
    here = [module for module, _version in store.modules(session, version.id) if module.section_id == section.id]
    _arrange(here, order)
    audit.record(session, "modules.arranged", "section", section_id, new={"order": [str(id) for id in order]})
    session.flush()


def _move_over(session: Session, row: tables.Module, sections: list[UUID], by: int) -> None:
    place = sections.index(row.section_id) + by
    if not 0 <= place < len(sections):
        return
    target = sections[place]
    there = [m for m, _version in store.modules(session, row.course_version_id) if m.section_id == target]
    old = row.section_id
    row.section_id, row.sort_order = target, _after(there)
    if by > 0:
        for order, module in enumerate([row, *there], start=1):
            module.sort_order = order
    audit.record(session, "module.moved", "module", row.id, old={"section": str(old)}, new={"section": str(target)})
    session.flush()


def _section(session: Session, section_id: UUID) -> tuple[tables.Section, tables.CourseVersion]:
    found = store.find_section(session, section_id)
    if found is None:
        raise NotFound("There is no such section.")
    version = open_draft(session, found.course_version_id)
    row = store.find_section(session, section_id)
    if row is None:
        raise NotFound("There is no such section.")
    return row, version


def _module(session: Session, module_id: UUID) -> tuple[tables.Module, tables.CourseVersion]:
    found = store.find_module(session, module_id)
    if found is None:
        raise NotFound("There is no such module.")
    version = open_draft(session, found[1].id)
    placed = store.find_module(session, module_id)
    if placed is None:
        raise NotFound("There is no such module.")
    return placed[0], version


def _checked(session: Session, kind: ModuleType, values: dict[str, Any]) -> dict[str, Any]:
    """Return what a module's row says, with what its package adds. Raises Invalid."""
    problems = rules.check(rules.MODULE[kind.value], values)
    checked = {**values, "module_type": kind}
    if kind is ModuleType.PACKAGE and not any(problem.where == "package_version_id" for problem in problems):
        try:
            package = packages.version(session, UUID(values["package_version_id"]))
        except NotFound:
            problems.append(Problem("package_version_id", "There is no such package.", "Choose one that is ready."))
        else:
            checked["package_version_id"], checked["activity_iri"] = package.id, package.activity_iri
            checked.setdefault("title", package.title[:255])
    if problems:
        raise Invalid(problems=problems)
    return checked


def _title(title: str) -> str:
    values = tidy({"title": title})
    if problems := rules.check(rules.TITLE, values):
        raise Invalid(problems=problems)
    return str(values["title"])


def _after(rows: Sequence[tables.Section] | Sequence[tables.Module]) -> int:
    return max((row.sort_order for row in rows), default=0) + 1


def _arrange(rows: Sequence[tables.Section] | Sequence[tables.Module], order: Sequence[UUID]) -> None:
    if sorted(order) != sorted(row.id for row in rows):
        raise Invalid(problems=[Problem("order", "The order names each of them once, and nothing else.")])
    place: Callable[[UUID], int] = list(order).index
    for row in rows:
        row.sort_order = place(row.id) + 1
