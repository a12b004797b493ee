"""Repairs on pages: by somebody else than the learner, with a reason; training follows from the statements alone."""

import re

import pytest

from core import clock
from scorm_player.services import registrations, runtime
from scorm_player.services.runtime import Batch, Learner
from tests.training import stage
from training.services.rebuild import rebuild


@pytest.fixture
def stuck(database, cast, run_jobs):
    """Ana has failed the first of two lessons and left; answer enrollment and registration."""
    with database.write(cast.northwind) as session:
        course = stage.course(session, stage.package_module(session, items=("one", "two")))
        enrollment, registration = stage.playing(session, course, cast.ana)
        launch = runtime.launch(session, registration, person=Learner("ana", "Tester, Ana"), now=clock.now())
        changes = [("cmi.suspend_data", "p1"), ("cmi.core.score.raw", "40"), ("cmi.core.lesson_status", "failed")]
        batch = Batch(1, [*changes, ("cmi.core.exit", "suspend")], initialized=True, terminated=True)
        runtime.commit(session, launch.session_id, [batch], now=clock.now())
    run_jobs()
    return enrollment.id, registration


def differences(database, cast):
    with database.read(cast.northwind) as session:
        return [str(one) for one in rebuild(session).differences]


def test_whoever_may_sets_statuses_with_a_reason_and_the_course_is_completed(stuck, sign_in, database, cast, run_jobs):
    enrollment, registration = stuck
    ben = sign_in("ben")
    way = f"/enrollments/{enrollment}/repair/{registration}"
    assert way in ben.get(f"/enrollments/{enrollment}/attempts").text
    assert f"{way}/status" in ben.get(way).text
    items = re.findall(r'<option value="([0-9a-f-]{36})"', ben.get(f"{way}/status").text)
    assert len(items) == 2
    assert ben.post(f"{way}/status", data={"item": items[0], "word": "passed"}).status_code == 422

    for one in items:
        answer = ben.post(f"{way}/status", data={"item": one, "word": "passed", "reason": "Seen in the hall."})
        assert answer.status_code == 302
    run_jobs()

    assert "Passed" in ben.get(f"/enrollments/{enrollment}/attempts").text
    with database.read(cast.northwind) as session:
        assert registrations.summary(session, registration).completion == "completed"
    assert "who was stuck" in sign_in("cem").get("/audit").text
    assert differences(database, cast) == []
    recorded = ben.post(f"{way}/reset", data={"reason": "Once more"})
    assert recorded.status_code == 409
    assert "completed and recorded" in recorded.text


def test_a_course_begun_again_falls_back_in_training_too(stuck, sign_in, database, cast, run_jobs):
    enrollment, registration = stuck
    ben = sign_in("ben")
    way = f"/enrollments/{enrollment}/repair/{registration}"
    assert "Failed" in ben.get(f"/enrollments/{enrollment}/attempts").text

    assert ben.post(f"{way}/reset", data={"reason": "Wrong language."}).status_code == 302
    run_jobs()

    page = ben.get(f"/enrollments/{enrollment}/attempts").text
    assert "Set aside" in page
    with database.read(cast.northwind) as session:
        assert registrations.summary(session, registration).success == "unknown"
    assert differences(database, cast) == []
    for kind in ("release", "replay"):
        assert ben.post(f"{way}/{kind}", data={"reason": "To be sure."}).status_code == 302
    run_jobs()
    assert differences(database, cast) == []


def test_nobody_repairs_their_own_records_nor_without_the_permission(stuck, sign_in, cast, database):
    enrollment, registration = stuck
    way = f"/enrollments/{enrollment}/repair/{registration}"
    assert sign_in("ana").get(way).status_code == 403
    assert sign_in("zoe").get(way).status_code == 404
    with database.write(cast.northwind) as session:
        course = stage.course(session, stage.package_module(session, "own"), code="OWN")
        own, bens = stage.playing(session, course, cast.ben)
    assert sign_in("ben").get(f"/enrollments/{own.id}/repair/{bens}").status_code == 403
