"""A new version of a course: who stays, who gets it, who has to take the course again, and how that is done."""

import re
from datetime import date, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from accounts.permissions import PERMISSIONS
from accounts.services import members, people, roles
from core import clock
from core.jobs import Refused
from core.tables import AuditLog
from lrs.services import statements
from scorm_player.services import runtime
from scorm_player.services.runtime import Learner
from scorm_player.store import registrations as registration_store
from tests.conftest import PASSWORD
from tests.training import stage
from tests.training.stage import NOW, TASK, about, said
from tests.training.test_progress import passed
from training.rules.certificates import CertificateStanding
from training.services import assignments, certificates, enrollments, home, progress, republishing, retakes
from training.services.rebuild import rebuild
from training.services.sources import Sources
from training.store import enrollments as enrollment_store
from training.tables import (
    CourseEnrollment,
    EnrollmentSwitch,
    ModuleRegistration,
    TrainingAssignment,
    TrainingCompletion,
)

LATER = NOW + timedelta(days=1)
DAY = date(2026, 4, 30)


def next_version(session, course, for_people="leave", *facts, now=LATER, due_on=None, by=None):
    """Publish the course's next version: a copy, or with more modules; answer its id."""
    draft = stage.publishing.new_draft(session, course.id, now=now)
    section = stage.courses.outline(session, draft.id)[0]
    for fact in facts:
        stage.drafts.add_module(session, section.id, fact)
    return stage.publishing.publish(
        session, course.id, by=by, now=now, for_people=for_people, due_on=None if due_on is None else due_on.isoformat()
    ).id


def move_on(session, version_id, now=LATER):
    """What the job does, in one transaction; answer what came of it."""
    republishing.begin(session, version_id, uuid4(), now)
    while (found := republishing.go_on(session, version_id, now)).state == "working":
        pass
    return found


def completed(session, course, user_id, now=NOW):
    """Somebody takes the course and passes it; answer the enrollment."""
    enrollment, registration = stage.playing(session, course, user_id, now)
    batch = [one | {"timestamp": now.isoformat()} for one in passed(user_id, registration)]
    progress.record(session, stage.store_own(session, *batch), now)
    return enrollment


def opened(session, course, user_id):
    """Somebody opens the course in the player and does nothing in it; answer the enrollment."""
    enrollment, registration = stage.playing(session, course, user_id)
    runtime.launch(session, registration, person=Learner("x", "Tester, X"), now=NOW)
    return enrollment


def open_assignments(session):
    query = select(TrainingAssignment).where(TrainingAssignment.status == "assigned")
    return {row.user_id: row for row in session.scalars(query)}


def versions(session, *rows):
    session.expire_all()
    return [session.get(CourseEnrollment, (row.organization_id, row.id)).course_version_id for row in rows]


def test_who_has_not_started_gets_the_new_version_and_who_has_stays(db, cast):
    course = stage.course(db)
    waiting = enrollments.start(db, course.id, cast.ana, NOW)
    visiting = opened(db, course, cast.ben)
    done = completed(db, course, cast.cem)

    new = next_version(db, course, "switch")
    found = move_on(db, new)

    assert versions(db, waiting, visiting, done) == [new, course.version_id, course.version_id]
    assert (found.switched, found.assigned, found.staying, found.percent) == (1, 0, 1, 100)
    assert open_assignments(db) == {}
    moved = db.scalars(select(EnrollmentSwitch)).one()
    assert (moved.course_enrollment_id, moved.from_version_id) == (waiting.id, course.version_id)
    line = db.scalars(select(AuditLog).where(AuditLog.action == "enrollment.switched")).one()
    assert (line.subject_user_id, line.old_values, line.new_values["version"]) == (cast.ana, {"version": "1"}, "2")
    assert rebuild(db).differences == ()


def test_whoever_chose_nothing_yet_goes_on_in_the_package_of_the_new_version(db, cast):
    course = stage.course(db)
    waiting, registration = stage.playing(db, course, cast.ana)  # the page is open, and nothing in it was chosen
    draft = stage.publishing.new_draft(db, course.id, now=LATER)
    module = stage.courses.outline(db, draft.id)[0].modules[0]
    newer = stage.package(db, "fire-2")
    stage.drafts.edit_module(db, module.id, {"package_version_id": str(newer)})
    new = stage.publishing.publish(db, course.id, by=None, now=LATER, for_people="switch").id

    assert move_on(db, new).switched == 1

    assert registration_store.get(db, registration).package_version_id == newer
    link = db.scalars(select(ModuleRegistration)).one()
    assert (link.registration_id, link.module_id) == (registration, module.id)
    waiting = enrollment_store.find(db, waiting.id)
    more = {"actor": about(cast.ana), "registration": registration}
    iri = "http://localhost/packages/fire-2"
    played = [said("passed", f"{iri}/one", **more, success=True), said("completed", iri, **more, completion=True)]
    progress.record(db, stage.store_own(db, *played), LATER)
    assert waiting.status == "completed"
    assert rebuild(db).differences == ()


def test_a_page_of_a_module_that_is_gone_keeps_its_version(db, cast):
    course = stage.course(db, stage.package_module(db), stage.package_module(db, "more"))
    waiting, _registration = stage.playing(db, course, cast.ana)
    draft = stage.publishing.new_draft(db, course.id, now=LATER)
    stage.drafts.remove_module(db, stage.courses.outline(db, draft.id)[0].modules[0].id)
    new = stage.publishing.publish(db, course.id, by=None, now=LATER, for_people="switch").id

    found = move_on(db, new)

    assert versions(db, waiting) == [course.version_id]
    assert (found.switched, found.staying) == (0, 1)


def test_a_module_that_is_opened_while_its_course_is_switched_is_not_opened(db, cast):
    course = stage.course(db)
    waiting = enrollments.start(db, course.id, cast.ana, NOW)
    old_module = enrollments.module_of(db, waiting, course.modules[0].id)
    move_on(db, next_version(db, course, "switch"))

    with pytest.raises(stage.enrollments.NotFound, match="new version"):
        enrollments.registration(db, waiting, old_module, LATER)


def test_who_had_completed_it_gets_a_new_cycle_and_keeps_completion_and_certificate(db, cast):
    course = stage.course(db)
    done = completed(db, course, cast.ana)

    new = next_version(db, course, "retake", due_on=DAY, by=cast.ben)
    found = move_on(db, new)

    assert (found.switched, found.assigned) == (0, 1)
    again = open_assignments(db)[cast.ana]
    assert (again.cycle_number, again.assignment_type, again.assigned_by) == (2, "renewal", cast.ben)
    assert assignments.lines(db, [(again, None)], LATER)[0].due_at.date() == DAY
    assert assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=LATER).already == {cast.ana: again.id}
    completion = db.scalars(select(TrainingCompletion)).one()
    assert (completion.course_enrollment_id, completion.voided_at) == (done.id, None)
    proof = certificates.of_completions(db, [completion.id], LATER)[completion.id]
    assert proof.standing is CertificateStanding.VALID
    renewed = enrollments.start(db, course.id, cast.ana, LATER)
    assert (renewed.cycle_number, renewed.course_version_id) == (2, new)
    told = db.scalars(select(AuditLog).where(AuditLog.action == "course.people_moved_on")).one()
    assert (told.actor_id, told.details) == (cast.ben, {"switched": 0, "assigned": 1, "in_progress": 0})
    assert rebuild(db).differences == ()


def test_without_a_day_the_usual_ones_count_from_when_the_cycle_opens(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)

    move_on(db, next_version(db, course, "retake"))

    assert open_assignments(db)[cast.ana].due_at.date() == (LATER + timedelta(days=90)).date()


def test_a_chosen_day_that_has_passed_by_then_gives_the_usual_days(db, cast):
    course = stage.course(db)
    late = opened(db, course, cast.ana)
    registration = next(iter(enrollment_store.registrations(db, late.id)))
    move_on(db, next_version(db, course, "retake", due_on=DAY))
    finished_at = NOW + timedelta(days=100)

    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), finished_at)
    retakes.after_completion(db, db.scalars(select(TrainingCompletion.id)).one(), finished_at)

    assert open_assignments(db)[cast.ana].due_at.date() == (finished_at + timedelta(days=90)).date()


def test_who_is_in_progress_may_finish_and_then_gets_the_new_cycle(database, cast, app, run_jobs):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        enrollment = opened(session, course, cast.ana)
        registration = next(iter(enrollment_store.registrations(session, enrollment.id)))
        next_version(session, course, "retake")
    run_jobs()
    with database.write(cast.northwind) as session:
        assert open_assignments(session) == {}
        stage.store_own(session, *passed(cast.ana, registration))
    run_jobs()

    with database.read(cast.northwind) as session:
        completion = session.scalars(select(TrainingCompletion)).one()
        assert completion.course_version_id == course.version_id
        assert open_assignments(session)[cast.ana].cycle_number == 2
        assert rebuild(session).differences == ()


def test_whoever_has_taken_the_new_version_or_holds_nothing_valid_is_not_asked(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    completed(db, course, cast.ben, NOW - timedelta(days=400))
    new = next_version(db, course)
    completed(db, replaced(db, course, new), cast.cem, LATER)

    newest = next_version(db, course, "retake")

    assert move_on(db, newest).assigned == 2, "a year has passed for Ben's"
    assert set(open_assignments(db)) == {cast.ana, cast.cem}


def replaced(session, course, version_id):
    """The course as its new version shows it."""
    modules = [module for part in stage.courses.outline(session, version_id) for module in part.modules]
    return stage.Course(course.id, version_id, modules, course.app)


def test_an_ordinary_version_after_a_retake_asks_nobody_again(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    new = next_version(db, course, "retake")
    move_on(db, new)
    completed(db, replaced(db, course, new), cast.ana, LATER)

    assert move_on(db, next_version(db, course, "switch")).assigned == 0

    assert assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=LATER).valid == {cast.ana}


def test_a_completion_before_a_retake_is_not_enough_where_the_course_is_assigned(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    next_version(db, course)
    assert assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=LATER).valid == {cast.ana}
    next_version(db, course, "retake")

    made = assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=LATER)

    assert set(made.created) == {cast.ana}


def test_who_has_left_is_asked_when_they_are_back(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    members.set_standing(db, cast.ana, "left", LATER, may_assign_roles=True)

    assert move_on(db, next_version(db, course, "retake")).assigned == 0
    members.set_standing(db, cast.ana, "active", LATER, may_assign_roles=True)
    retakes.after_return(db, cast.ana, LATER)
    retakes.after_return(db, cast.ana, LATER)

    assert set(open_assignments(db)) == {cast.ana}


def test_an_archived_course_asks_nobody(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    new = next_version(db, course, "retake")
    stage.courses.archive(db, course.id, now=LATER)

    assert move_on(db, new).assigned == 0


def test_what_the_form_tells_is_what_happens(db, cast):
    course = stage.course(db)
    dan, eva = (
        people.add(
            db, email=f"{name}@northwind.example", first_name=name, last_name="Tester", roles=["learner"], now=NOW
        )
        for name in ("dan", "eva")
    )
    enrollments.start(db, course.id, cast.ana, NOW)
    stage.playing(db, course, cast.ben)
    opened(db, course, cast.cem)
    completed(db, course, dan)
    completed(db, course, eva)
    members.set_standing(db, eva, "left", NOW, may_assign_roles=True)
    draft = stage.publishing.new_draft(db, course.id, now=LATER)

    told = republishing.concerned(db, draft.id, LATER)
    stage.publishing.publish(db, course.id, by=None, now=LATER, for_people="retake")
    found = move_on(db, draft.id)

    assert (told.not_started, told.in_progress, told.completed) == (2, 1, 1)
    assert (found.switched, found.staying, found.assigned) == (2, 1, 1)
    assert told.usual_due_on == (LATER + timedelta(days=90)).date()


def test_a_worker_that_dies_between_two_slices_repeats_nothing(database, cast, app, run_jobs, monkeypatch):
    monkeypatch.setattr(republishing, "SLICE", 1)
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        for person in (cast.ana, cast.ben):
            completed(session, course, person)
        enrollments.start(session, course.id, cast.cem, NOW)
    run_jobs()
    with database.write(cast.northwind) as session:
        new = next_version(session, course, "retake")
    slices = []

    def dying(session, version_id, now, do=republishing.go_on):
        slices.append(len(slices))
        if len(slices) in (2, 5):
            do(session, version_id, now)
            raise RuntimeError("killed")
        return do(session, version_id, now)

    monkeypatch.setattr(republishing, "go_on", dying)
    moments = [clock.now() + timedelta(hours=hours) for hours in (0, 1, 2)]
    for moment in moments:
        monkeypatch.setattr(clock, "now", lambda now=moment: now)
        run_jobs()

    with database.read(cast.northwind) as session:
        found = republishing.outcome(session, new)
        assert (found.state, found.switched, found.assigned) == ("done", 1, 2)
        assert set(open_assignments(session)) == {cast.ana, cast.ben}
        assert session.scalar(select(func.count()).select_from(EnrollmentSwitch)) == 1


def test_what_a_source_had_said_before_the_switch_counts_for_the_same_module(db, cast):
    course = stage.course(db, stage.external_module())
    waiting = enrollments.start(db, course.id, cast.ana, NOW)
    early = stage.store_as(db, course.app, said("imported", TASK, actor=about(cast.ana)))
    progress.record(db, early, NOW)
    unread = stage.store_as(db, course.app, said("completed", TASK, actor=about(cast.ana)))
    new = next_version(db, course, "switch", now=_after_all_statements(db))
    move_on(db, new, now=_after_all_statements(db))

    progress.record(db, unread, LATER)

    waiting = enrollment_store.find(db, waiting.id)
    assert (waiting.course_version_id, waiting.status) == (new, "completed")
    assert rebuild(db).differences == ()


def test_what_is_being_counted_while_its_enrollment_is_switched_counts_in_the_new_version(db, cast, monkeypatch):
    course = stage.course(db, stage.external_module())
    waiting = enrollments.start(db, course.id, cast.ana, NOW)
    arrived = stage.store_as(db, course.app, said("completed", TASK, actor=about(cast.ana)))
    new = next_version(db, course, "switch", now=_after_all_statements(db))

    def lock(session, ids, do=enrollment_store.lock):
        """The job was faster with the lock than who counts."""
        monkeypatch.setattr(enrollment_store, "lock", do)
        move_on(session, new, now=_after_all_statements(session))
        return do(session, ids)

    monkeypatch.setattr(enrollment_store, "lock", lock)
    progress.record(db, arrived, LATER)

    waiting = enrollment_store.find(db, waiting.id)
    assert (waiting.course_version_id, waiting.status) == (new, "completed")
    assert rebuild(db).differences == ()


def test_a_job_that_gave_up_says_so_and_goes_on_when_it_is_tried_again(sign_in, taken, run_jobs, monkeypatch):
    course, _draft = taken
    ben, go_on = sign_in("ben"), republishing.go_on

    def refused(*_arguments):
        raise Refused("The disk is full.")

    monkeypatch.setattr(republishing, "go_on", refused)
    ben.post(f"/courses/{course.id}/publish", data={"for_people": "retake"})
    run_jobs()
    assert "This did not work" in ben.get(f"/courses/{course.id}").text

    monkeypatch.setattr(republishing, "go_on", go_on)
    cem = sign_in("cem")
    retry = re.search(r"/jobs/[0-9a-f-]{36}/retry", cem.get("/jobs?state=failed").text)[0]
    cem.post(retry)
    run_jobs()

    assert "1 switched · 1 assigned again" in " ".join(ben.get(f"/courses/{course.id}").text.split())


def _after_all_statements(session):
    """The record store's clock is real; the stories' is not."""
    return max(found.stored for found in statements.in_stored_order(session)) + timedelta(seconds=1)


def test_home_and_the_course_say_why_it_is_to_do_again(sign_in, database, cast, run_jobs):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        completed(session, course, cast.ana)
        next_version(session, course, "retake")
    run_jobs()
    ana = sign_in("ana")

    page, catalog = ana.get("/home").text, ana.get(f"/catalog/{course.id}").text

    for text in (page, ana.get("/learning").text, catalog):
        assert "The course has a new version; it has to be taken again. What you completed in version 1 stays." in text
    assert "NWC-FIRE-" in page, "the earlier certificate is still there"
    assert "NWC-FIRE-" in catalog
    ana.post(f"/learn/start/{course.id}")
    assert "it has to be taken again" in ana.get("/home").text


def test_nothing_is_said_of_a_retake_where_there_is_none(db, cast):
    course = stage.course(db)
    completed(db, course, cast.ana)
    next_version(db, course)
    renewal = NOW + timedelta(days=500)
    assignments.assign(db, course_id=course.id, user_ids=[cast.ana], now=renewal)

    (again,) = home.to_do(db, cast.ana, renewal, Sources(db))

    assert again.earlier_version is None


@pytest.fixture
def taken(database, cast, run_jobs):
    """Ana has completed the course, Ben has enrolled, and the next version is written."""
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        completed(session, course, cast.ana, clock.now())
        enrollments.start(session, course.id, cast.ben, clock.now())
        draft = stage.publishing.new_draft(session, course.id, now=clock.now())
    run_jobs()
    return course, draft


def test_whoever_publishes_sees_whom_each_choice_concerns_and_then_what_came_of_it(
    sign_in, database, cast, taken, run_jobs
):
    course, draft = taken
    ben, page = sign_in("ben"), f"/courses/{course.id}/publish"
    asked = ben.get(page).text
    assert "1 person has not started yet and gets version 2." in asked
    assert "1 person holds a valid completion and is assigned the course again." in asked
    assert "in progress" not in asked, "nobody is"
    assert ben.get(f"/courses/{course.id}").text.count(page) == 1

    answer = ben.post(page, data={"for_people": "retake", "due_on": "", "change_note": "Another law"})
    waiting = ben.get(answer.location).text
    run_jobs()

    assert f"/courses/versions/{draft.id}/people" in waiting, "the page asks until the job is done"
    assert "Take it again" in waiting
    for told in (ben.get(answer.location).text, ben.get(f"/courses/versions/{draft.id}/people").text):
        assert "1 switched · 1 assigned again" in " ".join(told.split())
    with database.read(cast.northwind) as session:
        assert set(open_assignments(session)) == {cast.ana}
    assert "were moved on to its new version, as Ben Tester chose" in sign_in("cem").get("/audit").text


def test_a_refused_choice_comes_back_as_it_was_filled_in(sign_in, taken):
    course, _draft = taken
    ben, page = sign_in("ben"), f"/courses/{course.id}/publish"

    answer = ben.post(page, data={"for_people": "retake", "due_on": "2020-01-01", "change_note": "Another law"})

    assert answer.status_code == 422
    assert 'href="#f-due_on"' in answer.text
    assert "Another law" in answer.text
    assert 'value="retake" checked' in answer.text
    assert ben.post(page, data={"for_people": "switch", "due_on": "2020-01-01"}).status_code == 302, "is for a retake"
    assert ben.get(page).status_code == 404, "there is no draft any more"


def test_over_rest_the_choice_is_made_told_and_followed(program, taken, run_jobs):
    (course, draft), day = taken, (clock.now() + timedelta(days=30)).date().isoformat()
    versions = f"/api/v1/courses/{course.id}/versions"
    people_of = f"/api/v1/versions/{draft.id}/people"
    before = program.get(people_of).json
    wrong = program.post(f"{versions}/publish", json={"for_people": "all", "due_on": "2020-01-01"})
    assert [error["pointer"] for error in wrong.json["errors"]] == ["#/for_people"]

    made = program.post(f"{versions}/publish", json={"for_people": "retake", "due_on": day})
    working = program.get(people_of).json
    run_jobs()

    assert (before["not_started"], before["in_progress"], before["completed"]) == (1, 0, 1)
    assert before["state"] == "nothing"
    assert (made.json["for_people"], made.json["due_on"]) == ("retake", day)
    assert program.get(versions).json["items"][0]["for_people"] == "retake"
    assert working["state"] == "working"
    after = program.get(people_of).json
    assert (after["state"], after["progress_percent"], after["switched"], after["assigned"]) == ("done", 100, 1, 1)
    (assignment,) = program.get("/api/v1/training/assignments?standing=not_started").json["items"]
    assert assignment["due_at"].startswith(day)


def test_a_retake_takes_the_permission_to_assign_to_everybody(app, sign_in, database, cast, taken):
    course, draft = taken
    codes = ["course.write", "course.publish"]
    with database.write(cast.northwind) as session:
        made = {"now": clock.now(), "by": cast.cem, "may": PERMISSIONS}
        role = roles.save(session, None, name="Publisher", description="", codes=codes, **made)
        people.add(
            session, email="dora@northwind.example", first_name="Dora", last_name="Author", roles=["learner"],
            password=PASSWORD, now=clock.now(),
        )  # fmt: skip
        dora = people.ids_by_email(session, ["dora@northwind.example"])["dora@northwind.example"]
        roles.assign(session, dora, str(role), clock.now(), by=cast.cem, may=PERMISSIONS)
    author, page = app.test_client(), f"/courses/{course.id}/publish"
    token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', author.get("/sign-in").text)[1]
    author.post("/sign-in", data={"email": "dora@northwind.example", "password": PASSWORD, "csrf_token": token})
    form = author.get(page).text
    author.environ_base["HTTP_X_CSRF_TOKEN"] = re.search(r'name="csrf-token" content="([0-9a-f]+)"', form)[1]

    assert 'value="retake"' not in form
    assert author.post(page, data={"for_people": "retake"}).status_code == 403
    assert author.post(f"/courses/versions/{draft.id}/take-back", data={"reason": "x"}).status_code == 403
    rest = author.post(f"/api/v1/courses/{course.id}/versions/publish", json={"for_people": "retake"})
    assert (rest.status_code, "assignment.create" in rest.json["detail"]) == (403, True)
    assert author.post(page, data={"for_people": "switch"}).status_code == 302


def test_another_tenant_learns_nothing_of_it(sign_in, taken):
    course, draft = taken
    zoe = sign_in("zoe")

    for path in (f"/courses/{course.id}/publish", f"/courses/versions/{draft.id}/people"):
        assert zoe.get(path).status_code == 404
    assert zoe.get(f"/api/v1/versions/{draft.id}/people").status_code == 404
