"""A retake that was a mistake is taken back, from one person or from everybody; a restored course catches up."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from accounts.services import members
from core import clock
from core.errors import NotFound
from core.tables import AuditLog
from tests.training import stage
from tests.training.test_progress import passed
from tests.training.test_republishing import (
    DAY,
    LATER,
    completed,
    move_on,
    next_version,
    open_assignments,
    opened,
    replaced,
)
from training.errors import StillWorking
from training.rules.certificates import CertificateStanding
from training.services import (
    assignments,
    cancelling,
    certificates,
    enrollments,
    home,
    progress,
    republishing,
    retakes,
    taking_back,
)
from training.services.rebuild import rebuild
from training.services.sources import Sources
from training.store import enrollments as enrollment_store
from training.tables import AssignmentStatus, TrainingAssignment, TrainingCompletion

AFTER = LATER + timedelta(days=1)


def take_back(session, version_id, by, reason="A typo only", now=AFTER):
    """Take a version's retake back, and do what the job does."""
    taking_back.take_back(session, version_id, reason, now, by=by)
    while (found := republishing.go_on(session, version_id, now)).state == "working":
        pass
    return found


def test_taken_back_from_one_person_they_stand_as_before(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    completed(db, course, cast.ben)
    new = next_version(db, course, "retake")
    move_on(db, new)
    again = open_assignments(db)[cast.ana]

    cancelling.cancel(db, [again.id], "She wrote it", AFTER, by=cast.cem)

    assert set(open_assignments(db)) == {cast.ben}
    assert home.to_do(db, cast.ana, AFTER, Sources(db)) == []
    completion = db.scalars(select(TrainingCompletion).where(TrainingCompletion.user_id == cast.ana)).one()
    proof = certificates.of_completions(db, [completion.id], AFTER)[completion.id]
    assert (completion.voided_at, proof.standing) == (None, CertificateStanding.VALID)


def test_from_whom_it_was_taken_back_is_not_asked_by_itself_again_but_by_a_later_version(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    move_on(db, next_version(db, course, "retake"))
    cancelling.cancel(db, [open_assignments(db)[cast.ana].id], "She wrote it", AFTER, by=cast.cem)
    members.set_standing(db, cast.ana, "left", AFTER, may_assign_roles=True)
    members.set_standing(db, cast.ana, "active", AFTER, may_assign_roles=True)

    retakes.after_return(db, cast.ana, AFTER)
    retakes.after_restoring(db, course.id, None, 10, AFTER)

    assert open_assignments(db) == {}
    later = AFTER + timedelta(days=1)
    third = next_version(db, course, "retake", now=later)
    assert republishing.concerned(db, third, later).completed == 1
    assert move_on(db, third, later).assigned == 1


def test_somebody_may_still_assign_it_to_them(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    move_on(db, next_version(db, course, "retake"))
    cancelling.cancel(db, [open_assignments(db)[cast.ana].id], "Not her", AFTER, by=cast.cem)

    made = assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=AFTER)

    assert assignments.get(db, made.created[cast.ana]).cycle_number == 2


def test_what_was_done_in_the_new_cycle_stays_and_its_completion_counts(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    new = next_version(db, course, "retake")
    move_on(db, new)
    again = open_assignments(db)[cast.ana]
    taken = opened(db, replaced(db, course, new), cast.ana)
    registration = next(iter(enrollment_store.registrations(db, taken.id)))
    cancelling.cancel(db, [again.id], "Not her", AFTER, by=cast.cem)
    assert home.earlier_version(db, cast.ana, stage.courses.get(db, course.id)) is None, "nobody asks"

    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), AFTER)

    assert [row.cycle_number for row in db.scalars(select(TrainingCompletion).order_by("cycle_number"))] == [1, 2]
    assert assignments.get(db, again.id).status is AssignmentStatus.CANCELLED
    assert rebuild(db).differences == ()


def test_an_enrollment_that_nobody_asks_for_does_not_hide_a_person_from_the_next_retake(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    new = next_version(db, course, "retake")
    move_on(db, new)
    taken = opened(db, replaced(db, course, new), cast.ana)
    cancelling.cancel(db, [taken.assignment_id], "Not her", AFTER, by=cast.cem)
    later = AFTER + timedelta(days=1)

    assert move_on(db, next_version(db, course, "retake", now=later), later).assigned == 1

    assert enrollments.start(db, course.id, cast.ana, later).id == taken.id, "it goes on where she was"
    assert (
        taken.assignment_id
        == db.scalars(select(TrainingAssignment.id).where(TrainingAssignment.status == "in_progress")).one()
    )


def test_taken_back_from_everybody_earlier_completions_are_enough_again(db, cast):
    course = stage.course(db)
    for person in (cast.ana, cast.ben):
        completed(db, course, person)
    late = opened(db, course, cast.cem)
    new = next_version(db, course, "retake", due_on=DAY)
    move_on(db, new)
    completed(db, replaced(db, course, new), cast.ben, LATER)

    found = take_back(db, new, cast.cem)

    assert (found.state, found.cancelled, found.taken_back) == ("done", 1, "A typo only")
    assert open_assignments(db) == {}
    ended = db.scalars(select(TrainingAssignment).where(TrainingAssignment.status == "cancelled")).one()
    assert (ended.user_id, ended.cancelled_by, ended.cancel_reason) == (cast.ana, cast.cem, "A typo only")
    assert assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=AFTER).valid == {cast.ana}
    registration = next(iter(enrollment_store.registrations(db, late.id)))
    progress.record(db, stage.store_own(db, *passed(cast.cem, registration)), AFTER)
    cems = select(TrainingCompletion.id).where(TrainingCompletion.user_id == cast.cem)
    retakes.after_completion(db, db.scalars(cems).one(), AFTER)
    assert open_assignments(db) == {}, "who finishes the earlier version is not asked either"
    assert rebuild(db).differences == ()


def test_taking_back_twice_is_once_and_only_the_version_that_asks_now(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    second = next_version(db, course, "retake")
    with pytest.raises(StillWorking):
        taking_back.take_back(db, second, "Why not", AFTER, by=cast.cem)
    move_on(db, second)
    third = next_version(db, course, "retake", now=AFTER)
    move_on(db, third, AFTER)
    with pytest.raises(NotFound):
        taking_back.take_back(db, second, "Why not", AFTER, by=cast.cem)

    assert take_back(db, third, cast.cem).cancelled == 0, "Ana owes the second still"
    assert take_back(db, third, cast.cem, "Once more").taken_back == "A typo only"

    assert set(open_assignments(db)) == {cast.ana}
    assert take_back(db, second, cast.cem).cancelled == 1
    told = select(func.count()).where(AuditLog.action == "course.retake_taken_back")
    assert db.scalar(told) == 2


def test_a_course_out_of_the_archive_asks_who_was_not_asked_meanwhile(database, cast, app, run_jobs):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        completed(session, course, cast.ana, clock.now())
        late = opened(session, course, cast.ben)
        registration = next(iter(enrollment_store.registrations(session, late.id)))
        next_version(session, course, "retake", now=clock.now())
        stage.courses.archive(session, course.id, now=clock.now())
    run_jobs()
    with database.write(cast.northwind) as session:
        stage.store_own(session, *passed(cast.ben, registration))
    run_jobs()
    with database.write(cast.northwind) as session:
        assert open_assignments(session) == {}, "an archived course asks nobody"
        stage.courses.restore(session, course.id)
    run_jobs()
    with database.write(cast.northwind) as session:
        assert set(open_assignments(session)) == {cast.ana, cast.ben}
        stage.courses.archive(session, course.id, now=clock.now())
        stage.courses.restore(session, course.id)
    run_jobs()

    with database.read(cast.northwind) as session:
        assert session.scalar(select(func.count()).select_from(TrainingAssignment)) == 2, "once"


# --- pages and REST ---------------------------------------------------------------------------------------------------


@pytest.fixture
def asking(database, cast, run_jobs):
    """A course whose second version Ana has to take again; answer the course and that version."""
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        completed(session, course, cast.ana, clock.now())
        new = next_version(session, course, "retake", now=clock.now(), by=cast.ben)
    run_jobs()
    return course, new


def test_on_its_page_a_retake_is_taken_back_with_a_reason(sign_in, asking, run_jobs):
    (course, new), ben, ana = asking, sign_in("ben"), sign_in("ana")
    page = f"/courses/versions/{new}/take-back"
    assert page in ben.get(f"/courses/{course.id}").text
    assert "1 person still has it to do." in ben.get(page).text
    assert "has to be taken again" in ana.get("/home").text

    refused = ben.post(page, data={"reason": ""})
    done = ben.post(page, data={"reason": "A typo only"})
    run_jobs()

    assert (refused.status_code, 'href="#f-reason"' in refused.text) == (422, True)
    after = ben.get(done.location).text
    assert "Taken back: A typo only</small>" in after.replace(" · 1 canceled", "")
    assert page not in after
    assert ben.get(page).status_code == 404
    assert "Nothing to do right now." in ana.get("/home").text
    assert "decided that nobody has to take the course" in sign_in("cem").get("/audit").text


def test_over_rest_a_retake_is_taken_back_and_followed(program, asking, run_jobs):
    _, new = asking

    begun = program.post(f"/api/v1/versions/{new}/take-back", json={"reason": "A typo only"})
    run_jobs()
    after = program.get(f"/api/v1/versions/{new}/people").json

    assert (begun.status_code, begun.json["state"]) == (202, "working")
    assert (after["state"], after["taken_back"], after["cancelled"]) == ("done", "A typo only", 1)
    assert (
        program.get("/api/v1/training/assignments?standing=cancelled").json["items"][0]["cancel_reason"]
        == "A typo only"
    )


def test_others_take_nothing_back(sign_in, asking):
    _, new = asking
    for path, method in ((f"/courses/versions/{new}/take-back", "post"), (f"/api/v1/versions/{new}/take-back", "post")):
        json = {"json": {"reason": "x"}} if "api" in path else {"data": {"reason": "x"}}
        assert getattr(sign_in("zoe"), method)(path, **json).status_code == 404
        assert getattr(sign_in("ana"), method)(path, **json).status_code == 403
