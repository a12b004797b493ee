from uuid import uuid4

import pytest

from catalog.services import courses, drafts
from core.errors import Invalid, NotFound
from tests.catalog.conftest import built, course, ready_package

LINK = {
    "module_type": "external_link",
    "title": "Simulator",
    "external_url": "https://sim.example/fire?step=1",
    "activity_iri": "urn:sim:fire",
}


def titles(session, version_id):
    return {
        section.title: [module.title for module in section.modules] for section in courses.outline(session, version_id)
    }


def test_a_package_module_takes_the_packages_title_and_activity(db, now):
    made = course(db, now)
    section = drafts.add_section(db, made.draft_version_id, "Start here")

    module = drafts.add_module(
        db, section.id, {"module_type": "package", "package_version_id": ready_package(db, now, "Fire basics")}
    )

    assert (module.title, module.completion_criteria) == ("Fire basics", {"type": "runtime"})
    assert module.activity_iri.startswith("https://app.example/packages/")


def test_a_link_is_completed_by_statement(db, now):
    made = built(db, now)

    module = drafts.add_module(db, made.section_id, LINK)

    assert (module.module_type, module.completion_criteria) == ("external_link", {"type": "statement"})
    assert (module.external_url, module.activity_iri) == (LINK["external_url"], LINK["activity_iri"])


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        pytest.param({"module_type": "video"}, {"module_type"}, id="a type that does not exist"),
        pytest.param({}, {"module_type"}, id="no type"),
        pytest.param({"module_type": "package"}, {"package_version_id"}, id="no package"),
        pytest.param(
            {"module_type": "package", "package_version_id": "none"}, {"package_version_id"}, id="not a package's id"
        ),
        pytest.param(
            {"module_type": "package", "package_version_id": uuid4(), "weight": 0},
            {"package_version_id", "weight"},
            id="an unknown package without weight",
        ),
        pytest.param(
            {"module_type": "external_link"}, {"title", "external_url", "activity_iri"}, id="a link with nothing"
        ),
        pytest.param(
            LINK | {"external_url": "javascript:alert(1)", "activity_iri": "no iri"},
            {"external_url", "activity_iri"},
            id="a script for an address",
        ),
        pytest.param(LINK | {"completion_criteria": {"type": "runtime"}}, {"completion_criteria.type"}, id="criteria"),
        pytest.param(LINK | {"completion_criteria": "done"}, {"completion_criteria"}, id="criteria that are no object"),
        pytest.param(LINK | {"package_version_id": uuid4()}, {"package_version_id"}, id="a link with a package"),
    ],
)
def test_a_wrong_module_is_refused_naming_every_field(db, now, facts, fields):
    made = built(db, now)

    with pytest.raises(Invalid) as refused:
        drafts.add_module(db, made.section_id, facts)

    assert {problem.where for problem in refused.value.problems} == fields


def test_a_module_keeps_what_an_edit_does_not_name(db, now):
    made = built(db, now)

    module = drafts.edit_module(db, made.module_id, {"is_required": False, "completion_criteria": {"type": "score"}})

    assert (module.title, module.is_required, module.completion_criteria) == ("Fire safety", False, {"type": "score"})
    assert module.package_version_id == made.package_version_id


def test_a_modules_type_stays(db, now):
    made = built(db, now)

    with pytest.raises(Invalid):
        drafts.edit_module(db, made.module_id, {"module_type": "external_link"})


def test_modules_move_within_a_section_and_over_its_edge(db, now):
    made = built(db, now)
    link = drafts.add_module(db, made.section_id, LINK)
    after = drafts.add_section(db, made.version_id, "Afterwards")
    last = drafts.add_module(db, after.id, LINK | {"title": "Check"})

    drafts.move_module(db, link.id, -1)
    assert titles(db, made.version_id) == {"Start here": ["Simulator", "Fire safety"], "Afterwards": ["Check"]}
    drafts.move_module(db, link.id, -1)
    assert titles(db, made.version_id) == {"Start here": ["Simulator", "Fire safety"], "Afterwards": ["Check"]}
    drafts.move_module(db, made.module_id, 1)
    assert titles(db, made.version_id) == {"Start here": ["Simulator"], "Afterwards": ["Fire safety", "Check"]}
    drafts.move_module(db, made.module_id, 1)
    drafts.move_module(db, last.id, -1)
    assert titles(db, made.version_id) == {"Start here": ["Simulator", "Check"], "Afterwards": ["Fire safety"]}


def test_sections_move_and_are_arranged(db, now):
    made = built(db, now)
    second = drafts.add_section(db, made.version_id, "Second")

    drafts.move_section(db, second.id, -1)
    assert list(titles(db, made.version_id)) == ["Second", "Start here"]
    drafts.arrange_sections(db, made.version_id, [made.section_id, second.id])
    assert list(titles(db, made.version_id)) == ["Start here", "Second"]


def test_an_order_that_misses_one_is_refused(db, now):
    made = built(db, now)
    drafts.add_section(db, made.version_id, "Second")

    with pytest.raises(Invalid):
        drafts.arrange_sections(db, made.version_id, [made.section_id])


def test_a_removed_section_takes_its_modules_along(db, now):
    made = built(db, now)

    drafts.remove_section(db, made.section_id)

    assert courses.outline(db, made.version_id) == []
    with pytest.raises(NotFound):
        drafts.edit_module(db, made.module_id, {"title": "Gone"})
