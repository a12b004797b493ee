"""A hot-fix on pages, and what the ledger says of it when the course is completed afterwards."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from core import clock
from scorm_player.services import runtime
from scorm_player.services.runtime import Batch, Learner
from scorm_player.tables import PackageVersion
from tests.scorm_player.playing import index, next_version
from tests.training import stage
from training.services.rebuild import rebuild
from training.tables import CourseEnrollment, TrainingCompletion


@pytest.fixture
def republished(database, cast):
    """Ana is in progress in a package that has come once more; answer her registration and the package's page."""
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        _, registration = stage.playing(session, course, cast.ana)
        version_id = course.modules[0].package_version_id
        session.get(PackageVersion, (cast.northwind, version_id)).member_index = index(one=1)
        session.flush()
        _, new = next_version(session, version_id, one=2)
        return registration, f"/packages/{new.package_id}"


def test_the_difference_is_shown_and_the_ledger_tells_both_hashes(republished, sign_in, database, cast, run_jobs):
    registration, package = republished
    ben, way = sign_in("ben"), f"{package}/versions/2/hot-fix/1"
    assert way in ben.get(package).text
    page = ben.get(way).text
    assert "1 file changed" in page
    assert "one.html" in page
    assert sign_in("ana").get(way).status_code == 403
    assert ben.post(way, data={"reason": ""}).status_code == 422

    asked = ben.post(way, data={"reason": "A wrong number."}).location
    assert "Progress" in ben.get(asked).text, "the page answers at once, and asks again by itself"
    assert ben.post(way, data={"reason": "A second click."}).location == asked
    run_jobs()
    assert "1 learner goes on here." in ben.get(f"{asked}/progress").text
    assert asked in ben.get(f"{package}/versions/2").text
    assert sign_in("ana").get(asked).status_code == 403
    assert sign_in("zoe").get(asked).status_code == 404
    log = sign_in("cem").get("/audit").text
    for said in ("asked to move learners in progress to another", "moved learners in progress to another"):
        assert f"Ben Tester {said} version of a package" in log
    with database.write(cast.northwind) as session:
        launch = runtime.launch(session, registration, person=Learner("ana", "Tester, Ana"), now=clock.now())
        batch = Batch(1, [("cmi.core.lesson_status", "passed")], initialized=True, terminated=True)
        runtime.commit(session, launch.session_id, [batch], now=clock.now())
    run_jobs()

    with database.read(cast.northwind) as session:
        completion = session.scalars(select(TrainingCompletion)).one()
        assert rebuild(session).differences == ()
    (told,) = completion.evidence["hot_fixes"]
    assert told["reason"] == "A wrong number."
    assert told["from_sha256"] != told["to_sha256"]
    evidence = sign_in("cem").get(f"/evidence/{completion.id}").text
    assert told["from_sha256"] in evidence
    assert told["to_sha256"] in evidence
    assert way not in ben.get(package).text


def test_whoever_is_switched_begins_anew_and_the_ledger_says_so(sign_in, database, cast, run_jobs):
    with database.write(cast.northwind) as session:
        course = stage.course(session, stage.package_module(session, items=["one", "two"]))
        enrollment, registration = stage.playing(session, course, cast.ana)
        version_id = course.modules[0].package_version_id
        session.get(PackageVersion, (cast.northwind, version_id)).member_index = index(one=1)
        session.flush()
        _, new = next_version(session, version_id, lambda root: replace(root, children=root.children[:1]), one=2)
        package = f"/packages/{new.package_id}"
    passed(database, cast, registration)  # the first of two parts
    run_jobs()
    ben, way = sign_in("ben"), f"{package}/versions/2/switch/1"
    page = ben.get(f"{package}/versions/2/hot-fix/1").text
    assert way in page
    assert "Move to version 2" not in page
    assert sign_in("ana").post(way, data={"reason": "x"}).status_code == 403
    assert ben.post(way, data={"reason": ""}).status_code == 422

    asked = ben.post(way, data={"reason": "Another law."}).location
    run_jobs()
    assert "1 learner begins here." in ben.get(asked).text
    log = sign_in("cem").get("/audit").text
    for said in ("helped Ana Tester who was stuck", "let learners in progress begin another version of a package"):
        assert f"Ben Tester {said}" in log

    with database.read(cast.northwind) as session:
        assert session.get(CourseEnrollment, (cast.northwind, enrollment.id)).progress_percent == 0
        assert rebuild(session).differences == ()
    passed(database, cast, registration)  # the only part of the version they are on now
    run_jobs()
    with database.read(cast.northwind) as session:
        completion = session.scalars(select(TrainingCompletion)).one()
        assert rebuild(session).differences == ()
    (told,) = completion.evidence["hot_fixes"]
    assert (told["kind"], told["reason"]) == ("switch", "Another law.")
    assert "Begun anew: Another law." in sign_in("cem").get(f"/evidence/{completion.id}").text
    assert "of an earlier version" in sign_in("ana").get(f"/enrollments/{enrollment.id}/attempts").text


def passed(database, cast, registration):
    """Ana opens what is next, passes it, and leaves."""
    with database.write(cast.northwind) as session:
        launch = runtime.launch(session, registration, person=Learner("ana", "Tester, Ana"), now=clock.now())
        batch = Batch(1, [("cmi.core.lesson_status", "passed")], initialized=True, terminated=True)
        runtime.commit(session, launch.session_id, [batch], now=clock.now())
