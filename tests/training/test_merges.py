"""Who somebody is turns out later: what counts follows merges of persons, and never takes a certificate by the way."""

import pytest
from sqlalchemy import func, select, update

from app import persons
from core import audit
from lrs.services import personas
from tests.training import stage
from tests.training.stage import HOME, NOW, TASK, about, said
from training.rules.counting import Reason
from training.services import evidence, progress, reconsidering
from training.services.rebuild import rebuild
from training.store import certificates, completions
from training.store import progress as store
from training.tables import EnrollmentStatus, ModuleProgress, TrainingActivity, TrainingAssignment

TABLET = {"objectType": "Agent", "account": {"homePage": "https://tablet.example", "name": "4711"}}
TABLET_KEY = "account|https://tablet.example|4711"


@pytest.fixture(autouse=True)
def _people_are_known():
    personas.register(persons.find_member)


def merge(session, user_id):
    made = personas.merge(session, f"account|{HOME}|{user_id}", TABLET_KEY, by=None, now=NOW)
    return made, follow(session, made)


def follow(session, merge_id):
    """What the listener does, in one transaction."""
    after, outcome = reconsidering.of_actors(session, personas.concerned(session, merge_id), None, NOW)
    assert after is None
    session.expire_all()
    return outcome


def undo(session, merge_id):
    personas.undo(session, merge_id, by=None, now=NOW)
    return follow(session, merge_id)


def tell(session, course, *verbs, activity=TASK):
    """The app says something about whoever holds the tablet, and training looks at it."""
    ids = stage.store_as(session, course.app, *(said(verb, activity, actor=TABLET) for verb in verbs))
    progress.record(session, ids, NOW)
    return ids


def differences(session):
    session.flush()
    session.expire_all()
    return [str(one) for one in rebuild(session).differences]


def task(session, *more):
    return stage.course(session, stage.external_module(), *more, code="TASK")


def test_what_a_tablet_said_completes_a_course_once_it_is_known_whose_it_is(db, cast):
    course = task(db)
    enrollment = stage.enrollments.start(db, course.id, cast.ana, NOW)
    (done,) = tell(db, course, "completed")
    assert store.find_uncounted(db, done).reason is Reason.UNKNOWN_PERSON

    _, outcome = merge(db, cast.ana)

    assert (outcome.counted, outcome.withdrawn, outcome.held) == (1, 0, 0)
    assert store.find_uncounted(db, done) is None
    assert store.find_activity(db, done).user_id == cast.ana
    completion = completions.find_live(db, enrollment.id)
    assert completion.evidence["statements"] == [str(done)]
    assert certificates.find_live(db, completion.id) is not None
    assert differences(db) == []


def test_looking_a_second_time_changes_nothing(db, cast):
    course = task(db)
    stage.enrollments.start(db, course.id, cast.ana, NOW)
    tell(db, course, "completed")
    made, _ = merge(db, cast.ana)
    rows = db.scalar(select(func.count()).select_from(TrainingActivity))

    again = follow(db, made)

    assert (again.counted, again.withdrawn, again.held) == (0, 0, 0)
    assert db.scalar(select(func.count()).select_from(TrainingActivity)) == rows


def test_a_certificate_is_not_taken_when_the_merge_is_undone(db, cast):
    course = task(db)
    enrollment = stage.enrollments.start(db, course.id, cast.ana, NOW)
    (done,) = tell(db, course, "completed")
    made, _ = merge(db, cast.ana)
    completion = completions.find_live(db, enrollment.id)

    outcome = undo(db, made)

    assert (outcome.counted, outcome.withdrawn, outcome.held) == (0, 0, 1)
    assert store.find_activity(db, done).held_at == NOW
    assert completions.find_live(db, enrollment.id).id == completion.id
    assert certificates.find_live(db, completion.id) is not None
    assert differences(db) == []
    (link,) = evidence.of_completion(db, completion.id, NOW).links
    assert (link.is_cited, link.activity.held_at) == (True, NOW)
    db.flush()
    entry = next(row for row in audit.page(db, limit=5) if row.action == "completion.evidence_held")
    assert (entry.entity_id, entry.details) == (completion.id, {"statements": [str(done)]})
    assert undo_is_taken_back(db, cast, done)


def undo_is_taken_back(session, cast, done):
    """Merged again, the statement stands by itself."""
    merge(session, cast.ana)
    return store.find_activity(session, done).held_at is None and differences(session) == []


def test_what_no_completion_rests_on_is_withdrawn_when_the_merge_is_undone(db, cast):
    course = task(db, stage.package_module(db, "gas"))
    enrollment = stage.enrollments.start(db, course.id, cast.ana, NOW)
    (done,) = tell(db, course, "completed")
    made, _ = merge(db, cast.ana)
    assert (enrollment.status, enrollment.progress_percent) == (EnrollmentStatus.IN_PROGRESS, 50)

    outcome = undo(db, made)

    assert (outcome.counted, outcome.withdrawn, outcome.held) == (0, 1, 0)
    assert store.find_activity(db, done) is None
    assert store.find_uncounted(db, done).reason is Reason.UNKNOWN_PERSON
    assert (enrollment.status, enrollment.progress_percent) == (EnrollmentStatus.ENROLLED, 0)
    assert db.scalars(select(ModuleProgress.status)).one() == "not_started"
    assert differences(db) == []


def test_a_tablet_that_turns_out_to_be_anothers_counts_for_the_other(db, cast):
    course = task(db, stage.package_module(db, "gas"))
    hers, his = (stage.enrollments.start(db, course.id, who, NOW) for who in (cast.ana, cast.ben))
    tell(db, course, "completed")
    made, _ = merge(db, cast.ana)
    undo(db, made)

    merge(db, cast.ben)

    assert (hers.progress_percent, his.progress_percent) == (0, 50)
    assert differences(db) == []


def test_who_was_not_enrolled_when_it_was_said_is_not_enrolled_by_a_merge(db, cast):
    course = task(db)
    (done,) = tell(db, course, "completed")
    db.execute(update(TrainingAssignment).values(assigned_at=NOW))

    _, outcome = merge(db, cast.ana)

    assert outcome.counted == 0
    assert store.find_uncounted(db, done).reason is Reason.NOT_ENROLLED
    assert differences(db) == []


def test_a_statement_that_comes_after_the_merge_counts_at_once(db, cast):
    course = task(db)
    enrollment = stage.enrollments.start(db, course.id, cast.ana, NOW)
    merge(db, cast.ana)

    tell(db, course, "completed")

    assert completions.find_live(db, enrollment.id) is not None
    assert differences(db) == []


def test_a_voided_statement_stays_void_whoever_said_it(db, cast):
    course = task(db, stage.package_module(db, "gas"))
    enrollment = stage.enrollments.start(db, course.id, cast.ana, NOW)
    (done,) = tell(db, course, "completed")
    void = said("voided", TASK, actor=about(cast.cem)) | {"object": {"objectType": "StatementRef", "id": str(done)}}
    progress.record(db, stage.store_as(db, course.app, void), NOW)

    merge(db, cast.ana)

    assert enrollment.progress_percent == 0
    assert differences(db) == []


def test_the_listener_counts_in_transactions_of_its_own(app, database, sign_in, run_jobs, cast):
    with database.write(cast.northwind) as session:
        course = task(session)
        stage.enrollments.start(session, course.id, cast.ana, NOW)
        stage.store_as(session, course.app, said("completed", TASK, actor=TABLET))
    run_jobs()
    cem = sign_in("cem")

    cem.post("/lrs/persons", data={"person": f"{HOME}|{cast.ana}", "other": "https://tablet.example|4711"})
    run_jobs()

    with database.read(cast.northwind) as session:
        found = session.scalars(select(TrainingActivity)).all()
        assert [(row.user_id, row.superseded_at) for row in found] == [(cast.ana, None)]
        assert rebuild(session).differences == ()
