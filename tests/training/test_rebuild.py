from sqlalchemy import delete, select, text, update

from tests.training import stage
from tests.training.stage import NOW, TASK, about, said
from tests.training.test_progress import FIRE, passed
from training.services import progress
from training.services.rebuild import rebuild
from training.tables import CourseEnrollment, ModuleProgress, TrainingActivity


def play(session, cast):
    """Everything that happens: taken, trusted, refused, voided, late, half-done."""
    fire = stage.course(session)
    task = stage.course(session, stage.external_module(), stage.package_module(session, "gas"), code="TASK")
    _, registration = stage.playing(session, fire, cast.ana)
    half, _ = stage.playing(session, fire, cast.ben)
    stage.enrollments.start(session, task.id, cast.ana, NOW)
    batches = [
        stage.store_own(session, said("initialized", f"{FIRE}/one", actor=about(cast.ana), registration=registration)),
        stage.store_own(
            session,
            *(said(verb, FIRE, actor=about(cast.ana), registration=registration) for verb in ("completed", "failed")),
        ),
        stage.store_own(session, *passed(cast.ana, registration)),
        stage.store_own(session, said("failed", FIRE, actor=about(cast.ana), registration=registration)),
        stage.store_own(session, said("passed", FIRE, actor=about(cast.zoe), registration=registration)),
        stage.store_as(session, stage.credential(session), said("passed", TASK, actor=about(cast.ana))),
    ]
    done, undone = (said(verb, TASK, actor=about(cast.ana)) for verb in ("completed", "passed"))
    batches.append(stage.store_as(session, task.app, done, undone))
    void = said("voided", TASK, actor=about(cast.ana)) | {"object": {"objectType": "StatementRef", "id": undone["id"]}}
    batches.append(stage.store_as(session, task.app, void))
    for ids in batches:
        progress.record(session, ids, NOW)
    return half


def test_a_replay_of_everything_that_happened_comes_out_the_same(db, cast):
    play(db, cast)

    report = rebuild(db)

    assert [str(difference) for difference in report.differences] == []
    assert (report.statements, report.enrollments, report.completions) == (15, 3, 1)


def test_a_projection_that_was_tampered_with_is_named(db, cast):
    half = play(db, cast)
    module_id = db.scalars(select(ModuleProgress.module_id).where(ModuleProgress.status == "completed")).first()
    db.execute(update(ModuleProgress).where(ModuleProgress.module_id == module_id).values(progress_percent=40))
    db.execute(update(CourseEnrollment).where(CourseEnrollment.id == half.id).values(status="in_progress"))
    db.expire_all()

    found = {str(difference) for difference in rebuild(db).differences}

    assert any(str(module_id) in line and "expected 100, found 40" in line for line in found)
    assert f"enrollment {half.id} status: expected enrolled, found in_progress" in found


def test_a_lost_row_of_progress_and_a_lost_fact_are_named(db, cast):
    play(db, cast)
    db.execute(text("RESET ROLE"))
    db.execute(text("ALTER TABLE training_activities DISABLE TRIGGER USER"))
    fact = db.scalars(select(TrainingActivity).where(TrainingActivity.activity_type == "passed").limit(1)).one()
    db.execute(delete(TrainingActivity).where(TrainingActivity.id == fact.id))
    db.execute(delete(ModuleProgress))
    db.execute(text("ALTER TABLE training_activities ENABLE TRIGGER USER"))
    db.execute(text("SET ROLE stoa_app"))
    db.expire_all()

    found = {str(difference) for difference in rebuild(db).differences}

    assert f"statement {fact.statement_id}: expected a verdict, found none yet" in found
    assert any(line.endswith("found nothing") for line in found)


def test_a_completion_that_does_not_follow_from_what_it_cites_is_named(db, cast):
    play(db, cast)
    db.execute(text("RESET ROLE"))
    db.execute(text("ALTER TABLE training_completions DISABLE TRIGGER USER"))
    db.execute(text("UPDATE training_completions SET evidence = jsonb_set(evidence, '{statements}', '[]')"))
    db.execute(text("ALTER TABLE training_completions ENABLE TRIGGER USER"))
    db.execute(text("SET ROLE stoa_app"))
    db.expire_all()

    found = [str(difference) for difference in rebuild(db).differences]

    assert len(found) == 1
    assert "expected to follow from the statements it cites, found they come to 0 %" in found[0]
