from datetime import date

import pytest

from accounts.services import audiences, members
from core import clock
from tests.catalog.conftest import published
from tests.training import stage
from tests.training.test_progress import passed
from training.services import assignments
from training.store import assignments as store
from training.tables import AssignmentStatus


@pytest.fixture
def assigned(database, cast, now):
    with database.write(cast.northwind) as session:
        course = published(session, now)
        made = assignments.assign(
            session, course_id=course.course_id, user_ids=[cast.ana], due=date(2030, 3, 1), now=clock.now()
        )
        return made.created[cast.ana]


def status(database, cast, assignment_id):
    with database.read(cast.northwind) as session:
        row = store.find(session, assignment_id)
        return row.status, row.cancel_reason


def stand(database, cast, standing):
    with database.write(cast.northwind) as session:
        members.set_standing(session, cast.ana, standing, clock.now(), may_assign_roles=True)


def test_open_assignments_end_with_a_reason_when_somebody_leaves(database, cast, assigned, run_jobs):
    stand(database, cast, "left")
    run_jobs()

    assert status(database, cast, assigned) == (AssignmentStatus.CANCELLED, "left the organization")


def test_coming_back_takes_up_where_they_were(database, cast, assigned, run_jobs):
    stand(database, cast, "left")
    run_jobs()
    stand(database, cast, "active")
    run_jobs()

    assert status(database, cast, assigned) == (AssignmentStatus.ASSIGNED, None)


def test_leaving_and_returning_before_the_worker_looks_changes_nothing(database, cast, assigned, run_jobs):
    stand(database, cast, "left")
    stand(database, cast, "active")
    run_jobs()

    assert status(database, cast, assigned) == (AssignmentStatus.ASSIGNED, None)


def test_an_audience_may_ask_for_a_completed_course(database, cast, now, run_jobs):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        rule = {"all": [{"field": "completed_course", "op": "ever", "value": [str(course.id)]}]}
        done = audiences.add(session, name="Done", description="", rule=rule, now=now)
        assert audiences.get(session, done).member_count == 0
        _, registration = stage.playing(session, course, cast.ana)
        stage.store_own(session, *passed(cast.ana, registration))
    run_jobs()

    with database.read(cast.northwind) as session:
        assert [one.person.user_id for one in audiences.members(session, done)[0]] == [cast.ana]
