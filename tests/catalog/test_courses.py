from decimal import Decimal

import pytest
from sqlalchemy import select

from catalog.errors import CodeTaken
from catalog.services import courses
from core.errors import Invalid, PreconditionFailed
from core.tables import AuditLog
from tests.catalog.conftest import course, published


def test_a_new_course_is_a_draft_with_an_empty_first_version(db, now):
    made = course(db, now, code=" fire-1 ", passing_score=72.5)

    assert (made.code, made.status, made.passing_score) == ("FIRE-1", "draft", Decimal("72.50"))
    assert made.current_version_id is None
    assert courses.outline(db, made.draft_version_id) == []


@pytest.mark.parametrize(
    ("facts", "fields"),
    [
        pytest.param({"code": "", "title": " "}, {"code", "title"}, id="nothing given"),
        pytest.param({"code": "a b"}, {"code"}, id="a code with a blank"),
        pytest.param({"title": "x" * 256}, {"title"}, id="a title too long"),
        pytest.param({"title": "a\x00b"}, {"title"}, id="a control character"),
        pytest.param({"estimated_minutes": "soon"}, {"estimated_minutes"}, id="a word for a number"),
        pytest.param({"estimated_minutes": 1.5}, {"estimated_minutes"}, id="half a minute"),
        pytest.param({"passing_score": 101, "validity_months": 0}, {"passing_score", "validity_months"}, id="ranges"),
        pytest.param({"language": "english"}, {"language"}, id="no language tag"),
        pytest.param({"color": "red", "is_certified": "yes"}, {"color", "is_certified"}, id="an unknown field"),
    ],
)
def test_wrong_facts_are_refused_naming_every_field(db, now, facts, fields):
    with pytest.raises(Invalid) as refused:
        course(db, now, **facts)

    assert {problem.where for problem in refused.value.problems} == fields


def test_a_code_belongs_to_one_course_whatever_its_case(db, now):
    course(db, now)

    with pytest.raises(CodeTaken) as refused:
        course(db, now, code="fire-1", title="Another")

    assert refused.value.problems[0].where == "code"
    assert [one.title for one in courses.page(db)[0]] == ["Fire safety"]


def test_an_edit_changes_what_it_names_and_is_audited_with_old_and_new(db, now):
    made = course(db, now, estimated_minutes=20)

    edited = courses.edit(db, made.id, {"title": "Fire and smoke"})

    assert (edited.title, edited.estimated_minutes, edited.row_version) == ("Fire and smoke", 20, 2)
    row = db.scalars(select(AuditLog).where(AuditLog.action == "course.changed")).one()
    assert (row.old_values, row.new_values) == ({"title": "Fire safety"}, {"title": "Fire and smoke"})


def test_an_edit_made_for_an_older_state_is_refused(db, now):
    made = course(db, now)
    courses.edit(db, made.id, {"title": "Fire and smoke"}, expected=1)

    with pytest.raises(PreconditionFailed):
        courses.edit(db, made.id, {"title": "Smoke"}, expected=1)


def test_an_edit_that_changes_nothing_leaves_no_trace(db, now):
    made = course(db, now)

    assert courses.edit(db, made.id, {"title": "Fire safety "}).row_version == 1


def test_the_catalog_is_searched_by_title_code_and_description_literally(db, now):
    published(db, now, code="FIRE-1", title="Fire safety", description="Smoke, 100% covered")
    published(db, now, code="LIFT", title="Manual handling")

    def found(search):
        return [one.code for one in courses.published(db, search)]

    assert found("") == ["FIRE-1", "LIFT"]
    assert found("FIRE") == found("smoke") == found("100%") == ["FIRE-1"]
    assert found("_") == []


def test_the_list_is_paged_and_counts_by_status(db, now):
    for number in range(3):
        course(db, now, code=f"C-{number}", title=f"Course {number}")
    made = published(db, now)
    courses.archive(db, made.course_id, now=now)

    found, total = courses.page(db, offset=1, limit=1)

    assert ([one.title for one in found], total) == (["Course 1"], 3)
    assert courses.counts(db) == {"draft": 3, "published": 0, "archived": 1}
