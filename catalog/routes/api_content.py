"""The content of a version over REST: sections, modules, their order, and whom a module trusts."""

from uuid import UUID

from flask import jsonify, url_for
from flask.typing import ResponseReturnValue

from catalog import rules
from catalog.routes import reading
from catalog.routes.answers import ModuleAnswer, SectionAnswer, Sections, TrustingModule
from catalog.routes.api_courses import described
from catalog.routes.blueprint import bp
from catalog.services import courses, drafts, modules
from core import clock, rest
from core.http import current_tenant, database, requires

ANY_MODULE: rules.Schema = {
    "type": "object", "oneOf": [dict(schema) for schema in rules.MODULE.values()], "required": ["module_type"]
}  # fmt: skip
MODULE_CHANGES: rules.Schema = {
    "type": "object",
    "properties": {
        name: part
        for schema in rules.MODULE.values()
        for name, part in schema["properties"].items()
        if name not in ("module_type", "completion_criteria")
    },
}


@bp.post("/api/v1/versions/<uuid:version_id>/sections")
@requires("course.write")
@rest.operation(body=rules.TITLE, answer=SectionAnswer, status=201, tag="content", example={"title": "Start here"})
def api_add_section(version_id: UUID) -> ResponseReturnValue:
    """Add a section at the end of a draft."""
    title = reading.body(rules.TITLE)["title"]
    with database().write(current_tenant()) as session:
        section = drafts.add_section(session, version_id, title)
    return jsonify(id=section.id, stable_key=section.stable_key, title=section.title, modules=[]), 201


@bp.post("/api/v1/versions/<uuid:version_id>/sections/reorder")
@requires("course.write")
@rest.operation(body=rules.ORDER, answer=Sections, tag="content")
def api_arrange_sections(version_id: UUID) -> ResponseReturnValue:
    """Put the sections of a draft in order."""
    order = [UUID(id) for id in reading.body(rules.ORDER)["order"]]
    with database().write(current_tenant()) as session:
        drafts.arrange_sections(session, version_id, order)
        return jsonify(items=[described(section) for section in courses.outline(session, version_id)])


@bp.patch("/api/v1/sections/<uuid:section_id>")
@requires("course.write")
@rest.operation(body=rules.TITLE, status=204, errors=(409,), tag="content")
def api_rename_section(section_id: UUID) -> ResponseReturnValue:
    """Give a section another title."""
    title = reading.body(rules.TITLE)["title"]
    with database().write(current_tenant()) as session:
        drafts.rename_section(session, section_id, title)
    return "", 204


@bp.delete("/api/v1/sections/<uuid:section_id>")
@requires("course.write")
@rest.operation(status=204, errors=(409,), tag="content")
def api_remove_section(section_id: UUID) -> ResponseReturnValue:
    """Take a section with its modules out of a draft."""
    with database().write(current_tenant()) as session:
        drafts.remove_section(session, section_id)
    return "", 204


@bp.post("/api/v1/sections/<uuid:section_id>/modules")
@requires("course.write")
@rest.operation(body=ANY_MODULE, answer=ModuleAnswer, status=201, tag="content")
def api_add_module(section_id: UUID) -> ResponseReturnValue:
    """Add a module at the end of a section."""
    facts = reading.body({"type": "object"})
    with database().write(current_tenant()) as session:
        module = drafts.add_module(session, section_id, facts)
    return jsonify(described(module)), 201, {"Location": url_for("catalog.api_show_module", module_id=module.id)}


@bp.post("/api/v1/sections/<uuid:section_id>/modules/reorder")
@requires("course.write")
@rest.operation(body=rules.ORDER, status=204, tag="content")
def api_arrange_modules(section_id: UUID) -> ResponseReturnValue:
    """Put the modules of a section in order."""
    order = [UUID(id) for id in reading.body(rules.ORDER)["order"]]
    with database().write(current_tenant()) as session:
        drafts.arrange_modules(session, section_id, order)
    return "", 204


@bp.get("/api/v1/content/modules/<uuid:module_id>")
@requires("course.write")
@rest.operation(answer=TrustingModule)
def api_show_module(module_id: UUID) -> ResponseReturnValue:
    """Answer a module and whom it trusts."""
    with database().read(current_tenant()) as session:
        module = modules.get(session, module_id)
        trusted = sorted(modules.trusted_sources(session, module_id))
    return jsonify(described(module) | {"trusted_sources": trusted})


@bp.put("/api/v1/content/modules/<uuid:module_id>")
@requires("course.write")
@rest.operation(body=MODULE_CHANGES, answer=ModuleAnswer, errors=(409,))
def api_edit_module(module_id: UUID) -> ResponseReturnValue:
    """Change a module of a draft; what is not named stays."""
    changes = reading.body({"type": "object"})
    with database().write(current_tenant()) as session:
        return jsonify(described(drafts.edit_module(session, module_id, changes)))


@bp.delete("/api/v1/content/modules/<uuid:module_id>")
@requires("course.write")
@rest.operation(status=204, errors=(409,))
def api_remove_module(module_id: UUID) -> ResponseReturnValue:
    """Take a module out of a draft."""
    with database().write(current_tenant()) as session:
        drafts.remove_module(session, module_id)
    return "", 204


@bp.put("/api/v1/content/modules/<uuid:module_id>/trusted-sources/<uuid:credential_id>")
@requires("course.publish")
@rest.operation(status=204, errors=(409,))
def api_trust_source(module_id: UUID, credential_id: UUID) -> ResponseReturnValue:
    """Let a credential's statements count for a module."""
    with database().write(current_tenant()) as session:
        modules.trust(session, module_id, credential_id, now=clock.now())
    return "", 204


@bp.delete("/api/v1/content/modules/<uuid:module_id>/trusted-sources/<uuid:credential_id>")
@requires("course.publish")
@rest.operation(status=204, errors=(409,))
def api_distrust_source(module_id: UUID, credential_id: UUID) -> ResponseReturnValue:
    """Let a credential's statements no longer count for a module."""
    with database().write(current_tenant()) as session:
        modules.distrust(session, module_id, credential_id, now=clock.now())
    return "", 204
