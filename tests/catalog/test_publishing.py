import hashlib
from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from catalog.errors import CannotPublish, CourseIsArchived, VersionIsFinal
from catalog.services import courses, drafts, modules, publishing
from core.errors import Conflict, Invalid, NotFound
from core.tables import AuditLog, DomainEvent
from tests.catalog.conftest import built, course, credential, published, ready_package


def test_a_published_course_is_in_the_catalog(db, now):
    made = built(db, now)
    assert courses.published(db) == []

    version = publishing.publish(db, made.course_id, by=None, now=now, change_note=" First ")

    assert [one.id for one in courses.published(db)] == [made.course_id]
    assert (version.state, version.version_number, version.change_note) == ("published", "1", "First")
    assert courses.get(db, made.course_id).current_version_id == made.version_id


def test_publishing_is_announced_and_audited(db, now):
    made = published(db, now)

    event = db.scalars(select(DomainEvent).where(DomainEvent.event_type == "CoursePublished")).one()
    assert event.payload == {"course_id": str(made.course_id), "course_version_id": str(made.version_id)}
    assert db.scalars(select(AuditLog).where(AuditLog.action == "course.published")).one().entity_id == made.course_id


def test_an_empty_course_is_refused_with_the_reason(db, now):
    made = course(db, now)

    with pytest.raises(CannotPublish) as refused:
        publishing.publish(db, made.id, by=None, now=now)

    assert [problem.what for problem in refused.value.problems] == ["The course is empty."]


def test_everything_that_is_missing_is_said_at_once(db, now):
    made = built(db, now)
    drafts.add_section(db, made.version_id, "Later")
    link = {"title": "Simulator", "external_url": "https://sim.example/", "activity_iri": "https://sim.example/fire"}
    drafts.add_module(db, made.section_id, {"module_type": "external_link", **link})

    with pytest.raises(CannotPublish) as refused:
        publishing.publish(db, made.course_id, by=None, now=now)

    assert {(problem.where, problem.what) for problem in refused.value.problems} == {
        ("Later", "This section is empty."),
        ("Simulator", "Nobody's statements could complete it."),
    }


def test_the_next_draft_copies_content_keys_and_trust(db, now):
    made = built(db, now)
    simulator = credential(db, now)
    modules.trust(db, made.module_id, simulator, now=now)
    publishing.publish(db, made.course_id, by=None, now=now)

    draft = publishing.new_draft(db, made.course_id, now=now)

    [old], [new] = courses.outline(db, made.version_id), courses.outline(db, draft.id)
    assert (old.stable_key, old.title) == (new.stable_key, new.title)
    assert old.id != new.id
    assert old.modules[0].stable_key == new.modules[0].stable_key
    assert modules.trusted_sources(db, new.modules[0].id) == {simulator}
    assert publishing.new_draft(db, made.course_id, now=now).id == draft.id


def test_publishing_again_retires_the_version_before_and_keeps_it_readable(db, now):
    made = published(db, now)
    draft = publishing.new_draft(db, made.course_id, now=now)
    drafts.rename_section(db, courses.outline(db, draft.id)[0].id, "Begin here")

    publishing.publish(db, made.course_id, by=None, now=now)

    assert [(one.version_number, one.state) for one in courses.versions(db, made.course_id)] == [
        ("2", "published"),
        ("1", "retired"),
    ]
    assert courses.outline(db, made.version_id)[0].title == "Start here"
    assert modules.by_package_version(db, made.package_version_id)[0].course_version_id == made.version_id
    assert len(modules.by_package_version(db, made.package_version_id)) == 2


def test_a_version_says_what_it_means_for_people_of_earlier_ones(db, now):
    made = published(db, now)
    publishing.new_draft(db, made.course_id, now=now)

    again = publishing.publish(
        db, made.course_id, by=None, now=now, for_people="retake", due_on="2026-04-30", change_note="Another law"
    )

    assert (again.for_people, again.due_on) == ("retake", date(2026, 4, 30))
    assert [one.for_people for one in courses.versions(db, made.course_id)] == ["retake", "leave"]
    required = courses.retake(db, made.course_id)
    assert (required.version, required.outdated) == (again, {made.version_id})
    line = db.scalars(select(AuditLog).where(AuditLog.action == "course.published").order_by(AuditLog.seq)).all()[-1]
    assert (line.new_values["for_people"], line.new_values["due_on"]) == ("retake", "2026-04-30")


@pytest.mark.parametrize(
    ("choice", "wrong"),
    [
        pytest.param({"for_people": "everybody"}, {"for_people": "This is one of leave, switch, retake."}, id="word"),
        pytest.param({"for_people": "retake", "due_on": "soon"}, {"due_on": "This is not a day."}, id="no day"),
        pytest.param(
            {"for_people": "retake", "due_on": "2026-03-01"}, {"due_on": "This day has passed."}, id="yesterday"
        ),
        pytest.param(
            {"for_people": "retake", "due_on": "2066-03-01"}, {"due_on": "This day is too far away."}, id="far away"
        ),
        pytest.param(
            {"for_people": "switch", "due_on": "2026-04-30"}, {"due_on": "A day is for a retake only."}, id="no retake"
        ),
    ],
)
def test_a_choice_for_people_that_makes_no_sense_is_refused_by_field(db, now, choice, wrong):
    made = published(db, now)
    publishing.new_draft(db, made.course_id, now=now)

    with pytest.raises(Invalid) as refused:
        publishing.publish(db, made.course_id, by=None, now=now, **choice)

    assert {problem.where: str(problem.what) for problem in refused.value.problems} == wrong
    assert courses.get(db, made.course_id).current_version_id == made.version_id


@pytest.mark.parametrize("choice", ["switch", "retake"])
def test_a_first_version_has_nobody_to_decide_about(db, now, choice):
    made = built(db, now)

    with pytest.raises(Invalid) as refused:
        publishing.publish(db, made.course_id, by=None, now=now, for_people=choice)

    assert [problem.where for problem in refused.value.problems] == ["for_people"]


def test_the_same_content_has_the_same_hash_and_other_content_another(db, now):
    made = published(db, now)
    publishing.new_draft(db, made.course_id, now=now)
    again = publishing.publish(db, made.course_id, by=None, now=now)
    draft = publishing.new_draft(db, made.course_id, now=now)
    drafts.edit_module(db, courses.outline(db, draft.id)[0].modules[0].id, {"weight": 2})
    other = publishing.publish(db, made.course_id, by=None, now=now)

    first = courses.version(db, made.version_id)
    assert len(first.content_hash) == hashlib.sha256().digest_size * 2
    assert first.content_hash == again.content_hash != other.content_hash


def test_the_hash_changes_with_the_package(db, now):
    made = published(db, now)
    draft = publishing.new_draft(db, made.course_id, now=now)
    newer = ready_package(db, now, edition="second")
    drafts.edit_module(db, courses.outline(db, draft.id)[0].modules[0].id, {"package_version_id": newer})

    version = publishing.publish(db, made.course_id, by=None, now=now)

    assert version.content_hash != courses.version(db, made.version_id).content_hash


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda db, made: drafts.add_section(db, made.version_id, "More"), id="add a section"),
        pytest.param(lambda db, made: drafts.rename_section(db, made.section_id, "Other"), id="rename a section"),
        pytest.param(lambda db, made: drafts.remove_section(db, made.section_id), id="remove a section"),
        pytest.param(lambda db, made: drafts.move_section(db, made.section_id, 1), id="move a section"),
        pytest.param(lambda db, made: drafts.edit_module(db, made.module_id, {"weight": 3}), id="edit a module"),
        pytest.param(lambda db, made: drafts.remove_module(db, made.module_id), id="remove a module"),
        pytest.param(lambda db, made: drafts.move_module(db, made.module_id, -1), id="move a module"),
    ],
)
def test_a_published_version_is_refused_every_change(db, now, change):
    made = published(db, now)

    with pytest.raises(VersionIsFinal):
        change(db, made)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("UPDATE modules SET weight = 5 WHERE course_version_id = :version", id="change a module"),
        pytest.param("DELETE FROM modules WHERE course_version_id = :version", id="delete a module"),
        pytest.param("UPDATE sections SET title = 'x' WHERE course_version_id = :version", id="change a section"),
        pytest.param("DELETE FROM sections WHERE course_version_id = :version", id="delete a section"),
        pytest.param(
            "INSERT INTO sections (organization_id, id, course_version_id, stable_key, title, sort_order) "
            "SELECT organization_id, gen_random_uuid(), id, gen_random_uuid(), 'x', 9 FROM course_versions "
            "WHERE id = :version",
            id="add a section",
        ),
        pytest.param(
            "UPDATE course_versions SET state = 'draft', published_at = NULL, content_hash = NULL WHERE id = :version",
            id="make it a draft again",
        ),
        pytest.param("UPDATE course_versions SET content_hash = 'x' WHERE id = :version", id="change its hash"),
        pytest.param(
            "UPDATE course_versions SET switches_not_started = true, requires_retake = true WHERE id = :version",
            id="ask for a retake afterwards",
        ),
        pytest.param("DELETE FROM course_versions WHERE id = :version", id="delete the version"),
    ],
)
def test_the_database_itself_refuses_to_change_what_was_published(db, now, sql):
    made = published(db, now)

    with pytest.raises(IntegrityError, match="never changed"), db.begin_nested():
        db.execute(text(sql), {"version": made.version_id})


def test_a_module_of_a_draft_cannot_be_slipped_into_a_published_version(db, now):
    made = published(db, now)
    draft = publishing.new_draft(db, made.course_id, now=now)
    sql = "UPDATE modules SET course_version_id = :old, section_id = :section WHERE course_version_id = :draft"

    with pytest.raises(IntegrityError, match="never changed"), db.begin_nested():
        db.execute(text(sql), {"old": made.version_id, "section": made.section_id, "draft": draft.id})


def test_a_course_has_one_published_version_even_by_sql(db, now):
    made = published(db, now)
    draft = publishing.new_draft(db, made.course_id, now=now)
    sql = "UPDATE course_versions SET state = 'published', published_at = now(), content_hash = 'x' WHERE id = :id"

    with pytest.raises(IntegrityError, match="one_published_version"), db.begin_nested():
        db.execute(text(sql), {"id": draft.id})


def test_a_discarded_draft_leaves_nothing_and_the_published_version_stays(db, now):
    made = published(db, now)
    draft = publishing.new_draft(db, made.course_id, now=now)

    publishing.discard_draft(db, made.course_id)

    with pytest.raises(NotFound):
        courses.version(db, draft.id)
    assert courses.outline(db, draft.id) == []
    assert courses.get(db, made.course_id).current_version_id == made.version_id
    assert publishing.new_draft(db, made.course_id, now=now).version_number == "2"


def test_the_first_draft_cannot_be_discarded(db, now):
    made = built(db, now)

    with pytest.raises(Conflict):
        publishing.discard_draft(db, made.course_id)


def test_there_is_nothing_to_publish_twice(db, now):
    made = published(db, now)

    with pytest.raises(VersionIsFinal):
        publishing.publish(db, made.course_id, by=None, now=now)


def test_an_archived_course_leaves_the_catalog_and_comes_back(db, now):
    made = published(db, now)

    courses.archive(db, made.course_id, now=now)

    assert courses.published(db) == []
    with pytest.raises(NotFound):
        courses.in_catalog(db, made.course_id)
    with pytest.raises(CourseIsArchived):
        publishing.new_draft(db, made.course_id, now=now)
    assert courses.restore(db, made.course_id).status == "published"
    assert [one.id for one in courses.published(db)] == [made.course_id]
