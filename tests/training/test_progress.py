import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from core.tables import DomainEvent
from tests.training import stage
from tests.training.stage import NOW, TASK, about, said
from training.rules.counting import Reason
from training.services import progress
from training.store import certificates, completions
from training.tables import (
    CourseEnrollment,
    EnrollmentStatus,
    ModuleProgress,
    TrainingActivity,
    TrainingAssignment,
    TrainingCompletion,
    UncountedStatement,
)

FIRE = "http://localhost/packages/fire"


def reasons(session):
    return list(session.scalars(select(UncountedStatement.reason).order_by(UncountedStatement.stored_at)))


def count(session, table):
    return session.scalar(select(func.count()).select_from(table))


def passed(user_id, registration, *, score=0.9, course=FIRE):
    """What the run-time says when the only item of a course is passed."""
    actor = about(user_id)
    more = {"actor": actor, "registration": registration}
    return [
        said("initialized", f"{course}/one", **more),
        said("scored", f"{course}/one", **more, score={"scaled": score}),
        said("passed", f"{course}/one", **more, success=True, score={"scaled": score}),
        said("terminated", f"{course}/one", **more, duration="PT90S"),
        said("completed", course, **more, completion=True),
        said("passed", course, **more, success=True, score={"scaled": score}),
    ]


def test_a_passed_package_becomes_progress_a_completion_and_a_certificate(db, cast):
    course = stage.course(db)
    enrollment, registration = stage.playing(db, course, cast.ana)

    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)

    row = db.scalars(select(ModuleProgress)).one()
    assert (row.status, row.progress_percent, row.score_percent, row.is_passed) == ("completed", 100, 90, True)
    assert row.time_spent_seconds == 90
    assert (enrollment.status, enrollment.progress_percent) == (EnrollmentStatus.COMPLETED, 100)
    completion = completions.find_live(db, enrollment.id)
    assert completion is not None
    assert (completion.final_score, completion.time_spent_seconds) == (90, 90)
    certificate = certificates.find_live(db, completion.id)
    assert certificate is not None
    assert certificate.certificate_number.startswith("NWC-FIRE-")
    assert certificate.certificate_data["holder"] == "Ana Tester"
    assert reasons(db) == []


def test_the_completion_names_the_statements_the_package_and_the_version_it_rests_on(db, cast):
    course = stage.course(db)
    _, registration = stage.playing(db, course, cast.ana)
    batch = passed(cast.ana, registration)

    progress.record(db, stage.store_own(db, *batch), NOW)

    evidence = db.scalars(select(TrainingCompletion.evidence)).one()
    assert set(evidence["statements"]) == {batch[i]["id"] for i in (1, 2, 4, 5)}
    (package,) = evidence["packages"]
    assert package["module_id"] == str(course.modules[0].id)
    assert len(package["sha256"]) == 64
    assert len(evidence["content_hash"]) == 64


def test_a_second_delivery_changes_nothing(db, cast):
    course = stage.course(db)
    _, registration = stage.playing(db, course, cast.ana)
    ids = stage.store_own(db, *passed(cast.ana, registration))
    progress.record(db, ids, NOW)
    tables = (TrainingActivity, ModuleProgress, TrainingCompletion, UncountedStatement, DomainEvent)
    before = [count(db, table) for table in tables]

    progress.record(db, ids, NOW)

    assert [count(db, table) for table in tables] == before


def test_progress_rises_while_the_course_is_taken(db, cast):
    course = stage.course(db, stage.package_module(db, "fire", ["one", "two"]))
    enrollment, registration = stage.playing(db, course, cast.ana)
    more = {"actor": about(cast.ana), "registration": registration}

    progress.record(db, stage.store_own(db, said("initialized", f"{FIRE}/one", **more)), NOW)
    assert (enrollment.status, enrollment.progress_percent) == (EnrollmentStatus.IN_PROGRESS, 0)
    progress.record(db, stage.store_own(db, said("completed", f"{FIRE}/one", **more)), NOW)
    assert enrollment.progress_percent == 50
    progress.record(db, stage.store_own(db, said("completed", f"{FIRE}/two", **more)), NOW)
    assert (enrollment.status, enrollment.progress_percent) == (EnrollmentStatus.COMPLETED, 100)


def test_of_one_commit_that_completes_and_fails_neither_half_counts_alone(db, cast):
    course = stage.course(db)
    enrollment, registration = stage.playing(db, course, cast.ana)
    more = {"actor": about(cast.ana), "registration": registration}

    ids = stage.store_own(db, said("completed", FIRE, **more), said("failed", FIRE, **more, success=False))
    progress.record(db, ids, NOW)

    assert db.scalars(select(ModuleProgress.status)).one() == "failed"
    assert enrollment.status is EnrollmentStatus.IN_PROGRESS


def test_what_comes_after_a_completion_undoes_nothing(db, cast):
    course = stage.course(db)
    enrollment, registration = stage.playing(db, course, cast.ana)
    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)

    late = said("failed", FIRE, actor=about(cast.ana), registration=registration, success=False)
    progress.record(db, stage.store_own(db, late), NOW)

    assert (enrollment.status, enrollment.progress_percent) == (EnrollmentStatus.COMPLETED, 100)
    assert db.scalars(select(ModuleProgress.status)).one() == "completed"
    assert count(db, TrainingCompletion) == 1


def test_a_launch_of_one_course_says_nothing_about_another(db, cast):
    first, second = stage.course(db), stage.course(db, code="GAS")
    _, registration = stage.playing(db, first, cast.ana)
    other, _ = stage.playing(db, second, cast.ana)

    foreign = said("passed", "http://localhost/packages/gas", actor=about(cast.ana), registration=registration)
    progress.record(db, stage.store_own(db, foreign), NOW)

    assert reasons(db) == [Reason.OTHER_ACTIVITY]
    assert other.status is EnrollmentStatus.ENROLLED
    assert count(db, TrainingActivity) == 0


def test_a_credential_that_is_not_trusted_completes_nothing_and_is_listed(db, cast):
    course = stage.course(db)
    enrollment, registration = stage.playing(db, course, cast.ana)
    stranger = stage.credential(db)

    batch = passed(cast.ana, registration)
    for statement in batch:
        progress.record(db, stage.store_as(db, stranger, statement), NOW)

    assert set(reasons(db)) == {Reason.UNTRUSTED_SOURCE}
    assert count(db, UncountedStatement) == len(batch)
    assert set(db.scalars(select(UncountedStatement.module_id))) == {course.modules[0].id}
    assert enrollment.status is EnrollmentStatus.ENROLLED


def test_somebody_elses_statement_in_my_registration_counts_for_nobody(db, cast):
    course = stage.course(db)
    enrollment, registration = stage.playing(db, course, cast.ana)

    progress.record(db, stage.store_own(db, *passed(cast.ben, registration)), NOW)

    assert set(reasons(db)) == {Reason.OTHER_ACTOR}
    assert enrollment.status is EnrollmentStatus.ENROLLED


@pytest.fixture
def practical(db, cast):
    """Ana takes a course whose only module is a practical task that an app reports, and the app is trusted."""
    course = stage.course(db, stage.external_module())
    return stage.enrollments.start(db, course.id, cast.ana, NOW), course.app


@pytest.mark.parametrize(
    "actor", [about, lambda _: {"mbox": "mailto:ana@northwind.example"}], ids=["account", "mailbox"]
)
def test_a_trusted_source_completes_the_module_it_is_trusted_for(db, cast, practical, actor):
    enrollment, app = practical

    progress.record(db, stage.store_as(db, app, said("completed", TASK, actor=actor(cast.ana))), NOW)

    assert enrollment.status is EnrollmentStatus.COMPLETED
    assert reasons(db) == []


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({"activity": "http://app.example/other"}, Reason.UNKNOWN_ACTIVITY),
        ({"actor": {"mbox": "mailto:nobody@northwind.example"}}, Reason.UNKNOWN_PERSON),
        ({"actor": {"mbox": "mailto:zoe@acme.example"}}, Reason.UNKNOWN_PERSON),
        ({"verb": "commented"}, Reason.SAYS_NOTHING),
    ],
)
def test_a_trusted_source_is_trusted_for_its_module_only(db, cast, practical, statement, reason):
    enrollment, app = practical
    given = {"verb": "completed", "activity": TASK, "actor": about(cast.ana)} | statement

    progress.record(db, stage.store_as(db, app, said(given["verb"], given["activity"], actor=given["actor"])), NOW)

    assert reasons(db) == [reason]
    assert enrollment.status is EnrollmentStatus.ENROLLED


def test_a_trusted_source_does_not_enroll_anybody(db, cast, practical):
    _, app = practical

    progress.record(db, stage.store_as(db, app, said("completed", TASK, actor=about(cast.ben))), NOW)

    assert reasons(db) == [Reason.NOT_ENROLLED]
    assert count(db, CourseEnrollment) == 1


def test_somebody_assigned_may_begin_at_the_trusted_source(db, cast):
    course = stage.course(db, stage.external_module())
    db.add(TrainingAssignment(user_id=cast.ben, course_id=course.id, due_at=NOW, assigned_at=NOW))
    db.flush()

    progress.record(db, stage.store_as(db, course.app, said("completed", TASK, actor=about(cast.ben))), NOW)

    assert reasons(db) == []
    assert db.scalars(select(TrainingAssignment.status)).one() == "completed"


def test_a_voided_statement_no_longer_carries_progress_but_the_ledger_stays(db, cast, practical):
    enrollment, app = practical
    done = said("completed", TASK, actor=about(cast.ana))
    progress.record(db, stage.store_as(db, app, done), NOW)

    void = said("voided", TASK, actor=about(cast.ana)) | {"object": {"objectType": "StatementRef", "id": done["id"]}}
    progress.record(db, stage.store_as(db, app, void), NOW)

    assert sorted(reasons(db)) == [Reason.NO_ACTIVITY, Reason.VOIDED]
    assert db.scalars(select(ModuleProgress.status)).one() == "not_started"
    assert enrollment.status is EnrollmentStatus.COMPLETED


def test_the_ledger_refuses_every_change_but_one_voiding(db, cast, practical):
    _, app = practical
    progress.record(db, stage.store_as(db, app, said("completed", TASK, actor=about(cast.ana))), NOW)

    for change in (
        "UPDATE training_completions SET final_score = 100",
        "UPDATE training_completions SET recorded_at = now()",
        "DELETE FROM training_completions",
        "UPDATE training_activities SET activity_type = 'passed'",
        "DELETE FROM training_activities",
    ):
        with pytest.raises(DBAPIError), db.begin_nested():
            db.execute(text(change))
    void = "UPDATE training_completions SET voided_at = now(), voided_by = :by, void_reason = 'mistaken'"
    db.execute(text(void), {"by": cast.cem})
    with pytest.raises(DBAPIError), db.begin_nested():
        db.execute(text(void), {"by": cast.cem})
