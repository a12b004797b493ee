from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from core.errors import Invalid, NotFound
from core.tables import DomainEvent
from tests.training import stage
from tests.training.stage import NOW, TASK, about, said
from tests.training.test_progress import passed
from training.errors import NotPublished
from training.rules.assignments import AssignmentType, Standing
from training.services import assignments, enrollments, progress
from training.store.assignments import Filter
from training.tables import AssignmentStatus, CourseEnrollment, ModuleRegistration, TrainingAssignment


def assign(session, course, *people, **more):
    return assignments.assign(session, course_id=course.id, user_ids=people, now=more.pop("now", NOW), **more)


def announced(session):
    query = select(func.count()).select_from(DomainEvent).where(DomainEvent.event_type == "AssignmentCreated")
    return session.scalar(query)


def test_an_open_assignment_is_answered_and_not_made_again(db, cast):
    course = stage.course(db)

    first, second = assign(db, course, cast.ana, cast.ben), assign(db, course, cast.ben, cast.cem, cast.cem)

    assert set(first.created) == {cast.ana, cast.ben}
    assert set(second.created) == {cast.cem}
    assert second.already == {cast.ben: first.created[cast.ben]}
    assert announced(db) == 3


@pytest.mark.parametrize(
    ("more", "due_at"),
    [
        pytest.param({}, datetime(2026, 5, 31, 21, 59, 59, tzinfo=UTC), id="90 days by custom"),
        pytest.param(
            {"kind": AssignmentType.REMEDIAL}, datetime(2026, 3, 16, 22, 59, 59, tzinfo=UTC), id="by its kind"
        ),
        pytest.param({"due": date(2026, 3, 2)}, datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC), id="today is a day"),
    ],
)
def test_it_is_due_at_the_end_of_a_day_where_the_organization_is(db, cast, more, due_at):
    course = stage.course(db)
    db.execute(text("RESET ROLE"))
    db.execute(text("UPDATE organizations SET default_timezone = 'Europe/Berlin'"))
    db.execute(text("SET ROLE stoa_app"))
    db.expire_all()

    assign(db, course, cast.ana, **more)

    assert db.scalars(select(TrainingAssignment.due_at)).one() == due_at


def test_everything_wrong_with_it_is_named_at_once(db, cast):
    course = stage.course(db)

    with pytest.raises(Invalid) as refused:
        assign(db, course, due=date(2026, 3, 1))

    assert [problem.where for problem in refused.value.problems] == ["user_ids", "due_on"]


def test_people_and_courses_of_others_are_not_there(db, cast):
    course = stage.course(db)

    with pytest.raises(NotFound):
        assign(db, course, cast.ana, cast.zoe)
    assert db.scalar(select(func.count()).select_from(TrainingAssignment)) == 0


def test_a_draft_cannot_be_assigned(db, cast):
    draft = stage.courses.create(db, {"code": "NEW", "title": "New"}, now=NOW)

    with pytest.raises(NotPublished):
        assignments.assign(db, course_id=draft.id, user_ids=[cast.ana], now=NOW)


def test_whoever_holds_a_valid_completion_is_left_alone_until_it_expires(db, cast):
    course = stage.course(db)
    _, registration = stage.playing(db, course, cast.ana)
    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)
    after = datetime(2030, 1, 1, tzinfo=UTC)

    assert assign(db, course, cast.ana).valid == {cast.ana}
    again = assign(db, course, cast.ana, now=after)

    assert set(again.created) == {cast.ana}
    assert db.scalars(select(TrainingAssignment.cycle_number)).one() == 2
    renewed = enrollments.start(db, course.id, cast.ana, after)
    assert (renewed.cycle_number, renewed.status) == (2, "enrolled")


def test_whoever_has_begun_alone_goes_on_in_the_same_enrollment(db, cast):
    course = stage.course(db)
    enrollment, _ = stage.playing(db, course, cast.ana)

    made = assign(db, course, cast.ana)

    row = assignments.get(db, made.created[cast.ana])
    assert enrollment.assignment_id == row.id
    assert (row.status, row.cycle_number) == (AssignmentStatus.IN_PROGRESS, enrollment.cycle_number)


def test_an_assignment_follows_its_enrollment_to_the_end(db, cast):
    course = stage.course(db, stage.external_module())
    made = assign(db, course, cast.ana)
    row = assignments.get(db, made.created[cast.ana])

    stage.enrollments.start(db, course.id, cast.ana, NOW)
    assert row.status is AssignmentStatus.IN_PROGRESS
    progress.record(db, stage.store_as(db, course.app, said("completed", TASK, actor=about(cast.ana))), NOW)

    assert row.status is AssignmentStatus.COMPLETED
    (line,), total = assignments.page(db, Filter(standing=Standing.COMPLETED), NOW)
    assert (line.person.user_id, line.percent, total) == (cast.ana, 100, 1)


@pytest.mark.parametrize(
    ("later", "standing"),
    [(0, Standing.NOT_STARTED), (80, Standing.NOT_STARTED), (85, Standing.DUE_SOON), (91, Standing.OVERDUE)],
)
def test_the_database_and_the_rules_agree_how_things_stand(db, cast, later, standing):
    assign(db, stage.course(db), cast.ana)
    now = NOW + timedelta(days=later)

    (line,), _ = assignments.page(db, Filter(), now)

    assert line.standing is standing
    assert {name for name, number in assignments.counts(db, now).items() if number} == {standing}
    assert assignments.page(db, Filter(standing=standing), now)[1] == 1


def test_ten_clicks_at_once_open_one_enrollment_and_one_registration(database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        assign(session, course, cast.ana)

    def click(_):
        with database.write(cast.northwind) as session:
            enrollment = enrollments.start(session, course.id, cast.ana, NOW)
            return enrollment.id, enrollments.registration(session, enrollment, course.modules[0], NOW)

    with ThreadPoolExecutor(8) as threads:
        opened = set(threads.map(click, range(10)))

    assert len(opened) == 1
    with database.read(cast.northwind) as session:
        for table in (CourseEnrollment, ModuleRegistration):
            assert session.scalar(select(func.count()).select_from(table)) == 1


def test_assigning_at_once_from_two_places_makes_one_assignment_each(database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session)

    def click(_):
        with database.write(cast.northwind) as session:
            return assign(session, course, cast.ana, cast.ben, cast.cem)

    with ThreadPoolExecutor(6) as threads:
        done = list(threads.map(click, range(6)))

    assert sum(len(one.created) for one in done) == 3
    assert all(set(one.created) | set(one.already) == {cast.ana, cast.ben, cast.cem} for one in done)


def test_an_enrollment_stays_on_the_version_it_began_with(db, cast):
    course = stage.course(db)
    enrollment, registration = stage.playing(db, course, cast.ana)
    draft = stage.publishing.new_draft(db, course.id, now=NOW)
    section = stage.courses.outline(db, draft.id)[0]
    stage.drafts.add_module(db, section.id, stage.package_module(db, "more"))
    stage.publishing.publish(db, course.id, by=None, now=NOW)

    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)

    assert enrollment.course_version_id == course.version_id
    assert enrollment.status == "completed"
    assert enrollments.start(db, course.id, cast.ben, NOW).course_version_id != course.version_id
