"""Assignments that are taken back: who may, what ends, what stays, and how they are given again."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from accounts.services import members
from core import clock
from core.errors import Invalid, NotFound
from core.tables import AuditLog, DomainEvent
from tests.training import stage
from tests.training.stage import NOW, about, said
from tests.training.test_progress import FIRE, passed
from training.errors import NotOpen, OwnAssignment
from training.rules.assignments import Standing
from training.services import assignments, cancelling, enrollments, home, learning, leaving, progress
from training.services.rebuild import rebuild
from training.services.sources import Sources
from training.store import enrollments as enrollment_store
from training.store.assignments import Filter
from training.tables import AssignmentStatus, TrainingAssignment, TrainingCompletion

LATER = NOW + timedelta(days=1)
AFTER = LATER + timedelta(days=1)


def assign(session, course, *people, now=NOW):
    return assignments.assign(session, course_id=course.id, user_ids=people, now=now).created


def cancel(session, *ids, by, reason="Wrong course", now=LATER):
    return cancelling.cancel(session, ids, reason, now, by=by)


def to_do(session, user_id, now=AFTER):
    return [one.course.title for one in home.to_do(session, user_id, now, Sources(session))]


def begun(session, course, user_id):
    """Somebody opens what they were assigned and reports a little; answer the enrollment and its registration."""
    enrollment, registration = stage.playing(session, course, user_id)
    more = {"actor": about(user_id), "registration": registration}
    progress.record(session, stage.store_own(session, said("initialized", f"{FIRE}/one", **more)), NOW)
    learning.open_module(session, enrollment.id, course.modules[0].id, user_id, NOW)
    return enrollment, registration


def test_a_canceled_assignment_is_nothing_to_do_and_stays_on_record(db, cast):
    course = stage.course(db)
    made = assign(db, course, cast.ana, cast.ben)

    done = cancel(db, made[cast.ana], by=cast.cem, reason=" Wrong course ")

    assert done.cancelled == (made[cast.ana],)
    assert (to_do(db, cast.ana), to_do(db, cast.ben)) == ([], ["Fire safety at work"])
    (line,), _ = assignments.page(db, Filter(standing=Standing.CANCELLED), LATER)
    told = line.taken_back
    assert (line.person.user_id, told.reason, told.by.user_id, told.at) == (cast.ana, "Wrong course", cast.cem, LATER)
    written = db.scalars(select(AuditLog).where(AuditLog.action == "assignment.cancelled")).one()
    assert (written.actor_id, written.subject_user_id) == (cast.cem, cast.ana)
    assert (written.old_values["status"], written.new_values["reason"]) == ("assigned", "Wrong course")


def test_a_second_time_nothing_happens_and_what_is_completed_stays(db, cast):
    course = stage.course(db)
    made = assign(db, course, cast.ana, cast.ben)
    _, registration = stage.playing(db, course, cast.ben)
    progress.record(db, stage.store_own(db, *passed(cast.ben, registration)), NOW)
    cancel(db, made[cast.ana], by=cast.cem)

    again = cancel(db, made[cast.ana], made[cast.ben], by=cast.cem, reason="Once more", now=AFTER)

    assert (again.cancelled, again.already, again.completed) == ((), (made[cast.ana],), (made[cast.ben],))
    assert assignments.get(db, made[cast.ana]).cancel_reason == "Wrong course"
    told = select(func.count()).select_from(DomainEvent).where(DomainEvent.event_type == "AssignmentCancelled")
    assert db.scalar(told) == 1
    with pytest.raises(NotOpen):
        cancelling.cancel_one(db, made[cast.ben], "Why not", AFTER, by=cast.cem)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_it_takes_a_reason_that_fits(db, cast, reason):
    made = assign(db, stage.course(db), cast.ana)

    with pytest.raises(Invalid) as refused:
        cancel(db, made[cast.ana], by=cast.cem, reason=reason)

    assert [problem.where for problem in refused.value.problems] == ["reason"]


def test_nobody_cancels_their_own_and_then_nothing_of_the_rest_either(db, cast):
    made = assign(db, stage.course(db), cast.ana, cast.cem)

    with pytest.raises(OwnAssignment):
        cancel(db, *made.values(), by=cast.cem)
    with pytest.raises(NotFound):
        cancel(db, made[cast.ana], uuid4(), by=cast.cem)

    assert to_do(db, cast.ana) == ["Fire safety at work"]


def test_what_was_begun_leaves_the_list_and_comes_back_when_the_learner_goes_on(db, cast):
    course = stage.course(db)
    made = assign(db, course, cast.ana)
    enrollment, _ = begun(db, course, cast.ana)

    cancel(db, made[cast.ana], by=cast.cem)

    assert to_do(db, cast.ana) == []
    assert enrollment.status == "in_progress", "what they did stays"
    assert enrollments.start(db, course.id, cast.ana, AFTER).id == enrollment.id
    learning.open_module(db, enrollment.id, course.modules[0].id, cast.ana, AFTER)
    (mine,) = home.to_do(db, cast.ana, AFTER, Sources(db))
    assert (mine.standing, mine.due_on) == (Standing.IN_PROGRESS, None)


def test_a_completion_that_comes_later_counts_and_meets_nothing_that_was_canceled(db, cast):
    course = stage.course(db)
    made = assign(db, course, cast.ana)
    _, registration = begun(db, course, cast.ana)
    cancel(db, made[cast.ana], by=cast.cem)

    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), AFTER)

    assert db.scalars(select(TrainingCompletion.user_id)).one() == cast.ana
    row = assignments.get(db, made[cast.ana])
    assert (row.status, row.completed_at) == (AssignmentStatus.CANCELLED, None)
    assert assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=AFTER).valid == {cast.ana}
    assert rebuild(db).differences == ()


def test_progress_that_comes_later_does_not_open_it_again(db, cast):
    course = stage.course(db)
    made = assign(db, course, cast.ana)
    row = assignments.get(db, made[cast.ana])
    cancel(db, made[cast.ana], by=cast.cem)

    db.expire(row)
    stale = assignments.get(db, made[cast.ana])
    stale.__dict__["status"] = AssignmentStatus.ASSIGNED  # as somebody read it before it was canceled
    enrollments.begin(db, stale, AFTER)
    db.expire_all()

    assert assignments.get(db, made[cast.ana]).status is AssignmentStatus.CANCELLED


def test_a_completion_that_is_written_at_the_moment_of_canceling_does_not_undo_it(database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        made = assign(session, course, cast.ana)
        _, registration = begun(session, course, cast.ana)
    with database.write(cast.northwind) as counting:
        ids = stage.store_own(counting, *passed(cast.ana, registration))
        assert assignments.get(counting, made[cast.ana]).status is AssignmentStatus.IN_PROGRESS
        with database.write(cast.northwind) as canceling:
            cancel(canceling, made[cast.ana], by=cast.cem)
        progress.record(counting, ids, AFTER)

    with database.read(cast.northwind) as session:
        assert assignments.get(session, made[cast.ana]).status is AssignmentStatus.CANCELLED
        assert session.scalars(select(TrainingCompletion.user_id)).one() == cast.ana


def test_given_again_it_goes_on_where_they_were(db, cast):
    course = stage.course(db)
    first = assign(db, course, cast.ana, cast.ben)
    enrollment, registration = begun(db, course, cast.ana)
    cancel(db, *first.values(), by=cast.cem)

    second = assign(db, course, cast.ana, cast.ben, now=AFTER)

    assert set(second) == {cast.ana, cast.ben}
    assert not set(second.values()) & set(first.values())
    assert {assignments.get(db, one).cycle_number for one in second.values()} == {1}
    assert enrollment.assignment_id == second[cast.ana]
    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), AFTER)
    assert assignments.get(db, second[cast.ana]).status is AssignmentStatus.COMPLETED
    assert assignments.get(db, first[cast.ana]).status is AssignmentStatus.CANCELLED
    assert enrollments.start(db, course.id, cast.ben, AFTER).cycle_number == 1


def test_two_who_cancel_at_once_cancel_once(database, cast):
    with database.write(cast.northwind) as session:
        made = assign(session, stage.course(session), cast.ana)

    def click(by):
        with database.write(cast.northwind) as session:
            return cancel(session, made[cast.ana], by=by).cancelled

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(click, [cast.ben, cast.cem] * 3))

    assert sum(len(one) for one in done) == 1
    with database.read(cast.northwind) as session:
        assert session.scalar(select(func.count()).where(AuditLog.action == "assignment.cancelled")) == 1


def test_what_somebody_canceled_does_not_come_back_with_the_person(db, cast):
    course = stage.course(db)
    made = assign(db, course, cast.ana)
    cancel(db, made[cast.ana], by=cast.cem, reason=leaving.REASON)
    members.set_standing(db, cast.ana, "left", LATER, may_assign_roles=True)
    leaving.end_open_assignments(db, cast.ana, LATER)
    members.set_standing(db, cast.ana, "active", AFTER, may_assign_roles=True)

    leaving.take_up_again(db, cast.ana)

    assert assignments.get(db, made[cast.ana]).status is AssignmentStatus.CANCELLED


def test_what_ended_by_leaving_comes_back_once_also_where_it_was_done_or_given_meanwhile(db, cast):
    done, given = stage.course(db), stage.course(db, code="GAS")
    ended = assign(db, done, cast.ana) | {"given": assign(db, given, cast.ana)[cast.ana]}
    _, registration = begun(db, done, cast.ana)
    members.set_standing(db, cast.ana, "left", LATER, may_assign_roles=True)
    leaving.end_open_assignments(db, cast.ana, LATER)
    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), LATER)
    meanwhile = assign(db, given, cast.ana, now=LATER)
    members.set_standing(db, cast.ana, "active", AFTER, may_assign_roles=True)

    leaving.take_up_again(db, cast.ana)

    met = assignments.get(db, ended[cast.ana])
    assert (met.status, met.completed_at is not None, met.cancel_reason) == (AssignmentStatus.COMPLETED, True, None)
    assert assignments.get(db, ended["given"]).status is AssignmentStatus.CANCELLED
    assert assignments.get(db, meanwhile[cast.ana]).status is AssignmentStatus.ASSIGNED


# --- pages and REST ---------------------------------------------------------------------------------------------------


@pytest.fixture
def fire(database, cast):
    """A course that Ana, Ben and Cem must take; answer it and the assignments by person."""
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        made = assignments.assign(
            session, course_id=course.id, user_ids=[cast.ana, cast.ben, cast.cem], now=clock.now()
        ).created
    return course, made


def offered(page):
    return set(re.findall(r'name="assignment" value="([0-9a-f-]+)"', page))


def test_chosen_assignments_are_canceled_with_a_reason_that_the_list_tells(sign_in, cast, fire):
    (course, made), ben = fire, sign_in("ben")
    listed = ben.get(f"/assignments?course={course.id}").text
    assert offered(listed) == {str(made[cast.ana]), str(made[cast.cem])}, "not his own"
    chosen = f"/assignments/cancel?assignment={made[cast.ana]}&assignment={made[cast.cem]}"

    asked = ben.get(chosen).text
    form = {"assignment": [str(made[cast.ana]), str(made[cast.cem])]}
    refused = ben.post("/assignments/cancel", data=form | {"reason": " "})
    done = ben.post("/assignments/cancel", data=form | {"reason": "Wrong <course>"}, follow_redirects=True).text

    assert all(text in asked for text in ("Cancel 2 assignments", "Ana Tester", "Cem Tester", "Fire safety at work"))
    assert (refused.status_code, offered(refused.text)) == (422, offered(listed))
    assert "2 assignments canceled." in done
    assert done.count("Wrong &lt;course&gt; (Ben Tester)") == 2
    assert "Nothing to cancel" in ben.get(chosen).text
    assert "Nothing to do right now." in sign_in("ana").get("/home").text
    assert "took an assignment away from" in sign_in("cem").get("/audit").text


def test_on_a_persons_page_one_is_canceled_and_stays_readable(sign_in, cast, fire):
    (_, made), ben = fire, sign_in("ben")
    page = ben.get(f"/people/{cast.ana}").text
    link = re.search(r'href="(/assignments/cancel\?[^"]+)"', page)[1].replace("&amp;", "&")
    asked = ben.get(link).text
    form = {"assignment": sorted(offered(asked)), "back": "person", "reason": "Not her job"}

    done = ben.post("/assignments/cancel", data=form)

    assert done.location == f"/people/{cast.ana}#assignments"
    after = ben.get(done.location).text
    assert "Not her job (Ben Tester, " in after
    assert "/assignments/cancel" not in after
    assert f"assignment={made[cast.ben]}" not in ben.get(f"/people/{cast.ben}").text, "nobody their own"


def test_nobody_reaches_further_than_they_may_assign(sign_in, cast, fire):
    _, made = fire
    ana, zoe, ben = sign_in("ana"), sign_in("zoe"), sign_in("ben")
    path, form = "/assignments/cancel", {"assignment": str(made[cast.ben]), "reason": "Mine"}

    assert ana.post(path, data=form).status_code == 403
    assert zoe.get(f"{path}?assignment={made[cast.ben]}").status_code == 404
    assert zoe.post(path, data=form).status_code == 404
    assert ben.get(f"{path}?assignment={made[cast.ben]}").status_code == 409
    assert ben.post(path, data=form).status_code == 409
    assert ben.get(path).location == "/assignments"


def test_a_begun_course_that_was_canceled_can_be_gone_on_with_from_the_catalog(sign_in, database, cast, fire):
    (course, made), ana = fire, sign_in("ana")
    ana.post(f"/learn/start/{course.id}")
    with database.write(cast.northwind) as session:
        cancel(session, made[cast.ana], by=cast.cem, now=clock.now())
        taken = enrollment_store.find_latest(session, cast.ana, course.id)

    assert "Fire safety at work" not in ana.get("/home").text
    page = ana.get(f"/catalog/{course.id}").text

    assert f"/learn/{taken.id}" in page
    assert "Look at it again" not in page


def test_over_rest_assignments_are_canceled_and_tell_why(program, cast, fire):
    _, made = fire
    one, path = f"/api/v1/training/assignments/{made[cast.ana]}", "/api/v1/training/assignments"

    done = program.post(f"{one}/cancel", json={"reason": "Wrong course"})
    again = program.post(f"{one}/cancel", json={"reason": "Once more"})
    rest = program.post(
        f"{path}/cancel", json={"assignment_ids": [str(made[who]) for who in (cast.ana, cast.ben)], "reason": "All"}
    )

    assert done.status_code == again.status_code == 200
    assert (again.json["standing"], again.json["cancel_reason"]) == ("cancelled", "Wrong course")
    assert (done.json["cancelled_by"], done.json["cancelled_at"] is not None) == (str(cast.cem), True)
    assert rest.json == {
        "cancelled": [str(made[cast.ben])], "already_cancelled": [str(made[cast.ana])], "completed": [],
    }  # fmt: skip
    assert program.get(f"{path}?standing=cancelled").json["total"] == 2
    assert program.post(f"{one}/cancel", json={}).json["errors"][0]["pointer"] == "#/reason"
    own = program.post(f"{path}/{made[cast.cem]}/cancel", json={"reason": "Mine"})
    assert (own.status_code, own.mimetype) == (409, "application/problem+json")


def test_a_table_keeps_the_reason_of_what_is_canceled(db, cast):
    made = assign(db, stage.course(db), cast.ana)
    row = db.scalars(select(TrainingAssignment).where(TrainingAssignment.id == made[cast.ana])).one()

    row.status = AssignmentStatus.CANCELLED

    with pytest.raises(IntegrityError, match="ck_training_assignments_cancelled"):
        db.flush()
