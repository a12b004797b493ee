"""The editor's forms for a draft's sections and modules, and for whom a module trusts."""

from typing import Any
from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from catalog.routes import reading
from catalog.routes.blueprint import bp
from catalog.routes.courses import submit
from catalog.services import courses, drafts, modules
from core import clock
from core.db import Session
from core.errors import Invalid, Problem
from core.http import requires

STEPS = {"up": -1, "down": 1}
SETTINGS = ("title", "is_required", "weight", "passing_score")
PACKAGE = ("package_version_id",)
LINK = ("title", "external_url", "activity_iri")


@bp.post("/courses/<uuid:course_id>/sections")
@requires("course.write")
def add_section(course_id: UUID) -> ResponseReturnValue:
    """Add a section at the end of the draft."""
    values = reading.fields(("title",), "section-")

    def add(session: Session) -> None:
        course = courses.get(session, course_id)
        if course.draft_version_id is None:
            raise Invalid(problems=[Problem("title", "There is no draft.", "Open a new draft first.")])
        drafts.add_section(session, course.draft_version_id, values["title"])

    return submit(course_id, "new-section", values, add, "new-section")


@bp.post("/courses/<uuid:course_id>/sections/<uuid:section_id>")
@requires("course.write")
def rename_section(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Give a section another title."""
    values = reading.fields(("title",), f"{section_id}-")
    return submit(
        course_id, f"section-{section_id}", values,
        lambda session: drafts.rename_section(session, section_id, values["title"]), f"section-{section_id}",
    )  # fmt: skip


@bp.post("/courses/<uuid:course_id>/sections/<uuid:section_id>/move")
@requires("course.write")
def move_section(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Move a section one place up or down."""
    by = STEPS.get(request.form.get("by", ""), 0)
    return submit(
        course_id, "", {}, lambda session: drafts.move_section(session, section_id, by), f"section-{section_id}"
    )


@bp.post("/courses/<uuid:course_id>/sections/<uuid:section_id>/remove")
@requires("course.write")
def remove_section(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Take a section with its modules out of the draft."""
    return submit(course_id, "", {}, lambda session: drafts.remove_section(session, section_id), "content")


@bp.post("/courses/<uuid:course_id>/sections/<uuid:section_id>/packages")
@requires("course.write")
def add_package(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Add a module that plays an imported package."""
    values = reading.fields(PACKAGE, f"{section_id}-")
    facts = {"module_type": "package", **values}
    return submit(
        course_id, f"package-{section_id}", values,
        lambda session: drafts.add_module(session, section_id, facts), f"section-{section_id}",
    )  # fmt: skip


@bp.post("/courses/<uuid:course_id>/sections/<uuid:section_id>/links")
@requires("course.write")
def add_link(course_id: UUID, section_id: UUID) -> ResponseReturnValue:
    """Add a module that lies elsewhere and is completed by statement."""
    values = reading.fields(LINK, f"{section_id}-link-")
    facts = {"module_type": "external_link", **values}
    return submit(
        course_id, f"link-{section_id}", values,
        lambda session: drafts.add_module(session, section_id, facts), f"section-{section_id}",
    )  # fmt: skip


@bp.post("/courses/<uuid:course_id>/modules/<uuid:module_id>")
@requires("course.write")
def edit_module(course_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Change a module's settings."""
    prefix = f"{module_id}-"
    names = [name for name in (*SETTINGS, *PACKAGE, *LINK, "completion") if prefix + name in request.form]
    values = reading.fields(dict.fromkeys(("is_required", *names)), prefix)
    facts: dict[str, Any] = reading.as_facts(
        values, numbers=[name for name in ("weight", "passing_score") if name in values], flags=("is_required",)
    )
    if (completion := facts.pop("completion", None)) is not None:
        facts["completion_criteria"] = {"type": completion}
    return submit(
        course_id, f"module-{module_id}", values,
        lambda session: drafts.edit_module(session, module_id, facts), f"module-{module_id}",
    )  # fmt: skip


@bp.post("/courses/<uuid:course_id>/modules/<uuid:module_id>/move")
@requires("course.write")
def move_module(course_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Move a module one place up or down."""
    by = STEPS.get(request.form.get("by", ""), 0)
    return submit(course_id, "", {}, lambda session: drafts.move_module(session, module_id, by), f"module-{module_id}")


@bp.post("/courses/<uuid:course_id>/modules/<uuid:module_id>/remove")
@requires("course.write")
def remove_module(course_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Take a module out of the draft."""
    return submit(course_id, "", {}, lambda session: drafts.remove_module(session, module_id), "content")


@bp.post("/courses/<uuid:course_id>/modules/<uuid:module_id>/sources")
@requires("course.publish")
def trust_source(course_id: UUID, module_id: UUID) -> ResponseReturnValue:
    """Let a credential's statements count for a module."""
    values = reading.fields(("credential_id",), f"{module_id}-")

    def trust(session: Session) -> None:
        try:
            credential_id = UUID(values["credential_id"])
        except ValueError as error:
            raise Invalid(problems=[Problem("credential_id", "Choose a credential.")]) from error
        modules.trust(session, module_id, credential_id, now=clock.now())

    return submit(course_id, f"sources-{module_id}", values, trust, f"module-{module_id}")


@bp.post("/courses/<uuid:course_id>/modules/<uuid:module_id>/sources/<uuid:credential_id>/remove")
@requires("course.publish")
def distrust_source(course_id: UUID, module_id: UUID, credential_id: UUID) -> ResponseReturnValue:
    """Let a credential's statements no longer count for a module."""
    return submit(
        course_id, "", {},
        lambda session: modules.distrust(session, module_id, credential_id, now=clock.now()), f"module-{module_id}",
    )  # fmt: skip
