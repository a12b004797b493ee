"""Attempts on pages: to the learner whose they are, to whoever may see progress, and to nobody else."""

import pytest
from sqlalchemy import select

from core import clock
from core.tables import AuditLog
from scorm_player.services import runtime
from scorm_player.services.runtime import Batch, Learner
from scorm_player.tables import PackageVersion
from tests.training import stage
from training.routes import attempts


@pytest.fixture
def played(database, cast):
    """Ana has answered one question in a course of one package; answer the course's and the enrollment's id."""
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        enrollment, registration = stage.playing(session, course, cast.ana)
        launch = runtime.launch(session, registration, person=Learner("ana", "Tester, Ana"), now=clock.now())
        changes = [
            ("cmi.interactions.0.id", "alarm"),
            ("cmi.interactions.0.type", "choice"),
            ("cmi.interactions.0.student_response", "b"),
            ("cmi.interactions.0.result", "wrong"),
            ("cmi.core.score.raw", "40"),
            ("cmi.core.lesson_status", "failed"),
        ]
        runtime.commit(session, launch.session_id, [Batch(1, changes, initialized=True)], now=clock.now())
        return course.id, enrollment.id


def test_a_learner_sees_their_own_attempts_and_nobody_elses(played, sign_in):
    _, enrollment = played
    page = sign_in("ana").get(f"/enrollments/{enrollment}/attempts")

    assert page.status_code == 200, page.text
    assert "Your attempts" in page.text
    assert "alarm" in page.text
    assert "Attempt 1" in page.text
    assert "Right would be" not in page.text  # as long as it may be tried again
    assert "Right would be" in sign_in("ben").get(f"/enrollments/{enrollment}/attempts").text
    assert sign_in("zoe").get(f"/enrollments/{enrollment}/attempts").status_code == 404


def test_the_report_of_a_course_tells_people_and_answers_on_the_page_and_in_files(played, sign_in):
    course, enrollment = played
    ben = sign_in("ben")

    page = ben.get(f"/courses/{course}/attempts")
    assert f"/enrollments/{enrollment}/attempts" in page.text
    assert "alarm" in page.text
    people = ben.get(f"/courses/{course}/attempts.csv")
    assert people.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "Ana Tester,ana@northwind.example,incomplete,failed,40.0,1" in people.text
    assert ",alarm,choice,,1,0.0,,b,wrong,1" in ben.get(f"/courses/{course}/answers.csv").text
    assert sign_in("ana").get(f"/courses/{course}/attempts").status_code == 403


def test_the_report_is_reached_from_the_course_the_person_and_the_package(played, sign_in, cast):
    course, enrollment = played
    ben = sign_in("ben")

    assert f"/courses/{course}/attempts" in ben.get(f"/courses/{course}").text
    assert f"/enrollments/{enrollment}/attempts" in ben.get(f"/people/{cast.ana}").text
    assert "Attempts of Ana Tester" in ben.get(f"/enrollments/{enrollment}/attempts").text


def test_a_long_report_comes_in_pages_and_its_files_whole_and_noted(sign_in, database, cast, monkeypatch):
    with database.write(cast.northwind) as session:
        made = stage.course(session)
        course, people = made.id, (cast.ana, cast.ben, cast.cem)
        enrollments = [stage.playing(session, made, one)[0].id for one in people]
        package_id = session.scalars(select(PackageVersion)).one().package_id
    monkeypatch.setattr(attempts, "PAGE", 2)
    ben = sign_in("ben")

    pages = [ben.get(f"/courses/{course}/attempts?page={number}").text for number in (1, 2, 3)]
    files = [ben.get(f"/courses/{course}/{name}.csv") for name in ("attempts", "answers")]
    files.append(ben.get(f"/packages/{package_id}/versions/1/answers.csv"))

    assert [page.count("/enrollments/") for page in pages] == [2, 1, 1], "beyond the end there is the last page"
    assert "Page 1 of 2" in pages[0]
    assert all("3 people have opened this module" in page for page in pages)
    assert all(sum(f"/enrollments/{one}/" in page for page in pages[:2]) == 1 for one in enrollments)
    assert [file.status_code for file in files] == [200, 200, 200]
    assert len(files[0].text.strip().splitlines()) == 4, "the headings and everybody"
    with database.read(cast.northwind) as session:
        noted = session.scalars(select(AuditLog).where(AuditLog.action.endswith("_exported")).order_by(AuditLog.seq))
        assert [(entry.action, entry.actor_id, entry.details["rows"]) for entry in noted] == [
            ("course.attempts_exported", cast.ben, 3),
            ("course.answers_exported", cast.ben, 0),
            ("package.answers_exported", cast.ben, 0),
        ]
