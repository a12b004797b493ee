"""Privacy and retention beside the training record: what a completion rests on stays, all else may go."""

from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app import persons
from core import clock, sealing
from lrs.services import erasing, personas, privacy, retention, statements
from lrs.services.erasing import Evidence
from lrs.services.privacy import By, PrivacyAct, PrivacyState
from lrs.services.retention import RetainedKind
from lrs.tables import PrivacyRun, Statement, StatementKey
from tests.training import stage
from tests.training.stage import HOME, NOW, TASK, about, said
from tests.training.test_progress import FIRE, passed
from training.services import holds, progress
from training.services.rebuild import rebuild
from training.store import certificates, completions
from training.tables import ModuleProgress, TrainingActivity

TABLET = {"objectType": "Agent", "account": {"homePage": "https://tablet.example", "name": "4711"}}
CEM = By(UUID(int=1), "Cem Tester")


@pytest.fixture(autouse=True)
def _wired():
    personas.register(persons.find_member)
    erasing.register(Evidence(holds.standing, holds.forget, holds.reconsider))
    sealing.use(b"a secret of the tests")


class Same:
    """A database whose every transaction is the test's own."""

    def __init__(self, session):
        self.session = session

    @contextmanager
    def write(self, _organization_id):
        self.session.flush()
        yield self.session
        self.session.flush()
        self.session.expire_all()

    read = write


def quiet(_percent, _note=""):
    pass


def request(session, cast, one, act):
    """Ask, look, confirm and do; answer the run."""
    row = privacy.ask(session, one, act, "asked by letter", CEM, clock.now())
    privacy.preview(Same(session), cast.northwind, row.id, quiet)
    assert row.state is PrivacyState.READY
    privacy.confirm(session, row.id, CEM, clock.now())
    privacy.run(Same(session), cast.northwind, row.id, clock.now, quiet)
    assert row.state is PrivacyState.COMPLETED
    return row


def told(session):
    session.flush()
    return session.scalars(select(Statement.payload).order_by(Statement.stored)).all()


def differences(session):
    session.flush()
    session.expire_all()
    return [str(one) for one in rebuild(session).differences]


@pytest.fixture
def certified(db, cast):
    """Ana has a certificate by her own play, and has said more besides; Ben has named her."""
    fire = stage.course(db)
    _, registration = stage.playing(db, fire, cast.ana)
    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)
    more = said("experienced", "http://app.example/poem", actor=about(cast.ana))
    praise = said("experienced", "http://app.example/poem", actor=about(cast.ben, "Ben Tester"))
    praise["context"] = {"instructor": about(cast.ana)}
    ids = stage.store_as(db, fire.app, more, praise)
    progress.record(db, ids, NOW)
    return fire


def test_deleting_keeps_what_the_certificate_rests_on_without_the_name(db, cast, certified):
    cited = set(completions.everything(db).__next__().evidence["statements"])

    run = request(db, cast, f"account|{HOME}|{cast.ana}", PrivacyAct.DELETE)

    assert not any("Ana Tester" in payload for payload in told(db))
    left = set(map(str, db.scalars(select(Statement.id))))
    assert cited <= left
    assert run.counts["statement"] == {"deleted": 3, "kept": 4, "mentioned": 1}
    (completion,) = completions.everything(db)
    assert certificates.find_live(db, completion.id) is not None
    assert differences(db) == []
    kept = privacy.kept(db, run.id)
    assert {str(item.thing_id) for item in kept if item.kind == "statement"} == cited
    assert all("certificate NWC-FIRE" in item.why for item in kept)


def test_the_look_before_says_what_then_happens_and_touches_nothing(db, cast, certified):
    before = told(db)

    row = privacy.ask(db, f"account|{HOME}|{cast.ana}", PrivacyAct.DELETE, "asked", CEM, NOW)
    privacy.preview(Same(db), cast.northwind, row.id, quiet)

    assert row.preview["statements"] == {"deleted": 3, "kept": 4, "mentioned": 1}
    assert sum(row.preview["why"].values()) == 4
    assert told(db) == before
    privacy.cancel(db, row.id, NOW)
    assert row.identifiers == []


def test_pseudonymizing_leaves_progress_and_certificate_as_they_were(db, cast, certified):
    rows = [(row.status, row.progress_percent) for row in db.scalars(select(ModuleProgress))]

    run = request(db, cast, f"account|{HOME}|{cast.ana}", PrivacyAct.PSEUDONYMIZE)

    assert run.counts["statement"] == {"kept": 6, "mentioned": 1, "pseudonymized": 1}
    assert [(row.status, row.progress_percent) for row in db.scalars(select(ModuleProgress))] == rows
    assert not any("Ana Tester" in payload for payload in told(db))
    assert sum("pseudonym.invalid" in payload for payload in told(db)) == 2
    assert differences(db) == []


def test_what_counted_by_a_merge_goes_under_the_account_here(db, cast):
    course = stage.course(db, stage.external_module(), code="TASK")
    stage.enrollments.start(db, course.id, cast.ana, NOW)
    personas.merge(db, f"account|{HOME}|{cast.ana}", "account|https://tablet.example|4711", by=None, now=NOW)
    progress.record(db, stage.store_as(db, course.app, said("completed", TASK, actor=TABLET)), NOW)

    run = request(db, cast, "account|https://tablet.example|4711", PrivacyAct.DELETE)

    assert run.counts["statement"] == {"kept": 1}
    assert run.counts["merges forgotten"] == 1
    assert not any("tablet.example" in payload for payload in told(db))
    assert any(str(cast.ana) in payload for payload in told(db))
    assert personas.merges(db) == []
    assert differences(db) == []


def test_progress_that_nothing_rests_on_goes_with_its_statements(db, cast):
    course = stage.course(db, stage.package_module(db, "fire", ["one", "two"]))
    enrollment, registration = stage.playing(db, course, cast.ana)
    more = {"actor": about(cast.ana), "registration": registration}
    progress.record(db, stage.store_own(db, said("completed", f"{FIRE}/one", **more)), NOW)
    assert enrollment.progress_percent == 50

    request(db, cast, f"account|{HOME}|{cast.ana}", PrivacyAct.DELETE)

    assert (enrollment.progress_percent, enrollment.status) == (0, "enrolled")
    assert db.scalar(select(func.count()).select_from(TrainingActivity)) == 0
    assert differences(db) == []


def test_whoever_pointed_to_a_deleted_statement_is_no_longer_found_by_it(db, cast):
    app = stage.credential(db)
    poem = said("experienced", "http://app.example/poem", actor=TABLET)
    ref = said("experienced", "x", actor=about(cast.cem)) | {"object": {"objectType": "StatementRef", "id": poem["id"]}}
    stage.store_as(db, app, poem, ref)
    assert found_by_keys(db) > 0

    request(db, cast, "account|https://tablet.example|4711", PrivacyAct.DELETE)

    assert [payload for payload in told(db) if ref["id"] in payload]
    assert found_by_keys(db) == 0


def found_by_keys(session):
    return session.scalar(select(func.count()).select_from(StatementKey))


def test_a_receipt_names_nobody_and_a_changed_one_is_found_out(db, cast, certified):
    run = request(db, cast, f"account|{HOME}|{cast.ana}", PrivacyAct.DELETE)

    sealed = privacy.sealed_receipt(db, run.id)
    assert sealed.is_intact
    assert str(cast.ana) not in str(sealed.receipt)
    assert sealed.receipt["requested_by"]["name"] == "Cem Tester"
    assert privacy.matches(run, f"account|{HOME}|{cast.ana}")
    assert not privacy.matches(run, f"account|{HOME}|{cast.ben}")
    db.execute(text("UPDATE lrs_privacy_items SET outcome = 'kept' WHERE outcome = 'deleted'"))
    db.expire_all()
    assert not privacy.sealed_receipt(db, run.id).is_intact


@pytest.mark.parametrize(
    "command",
    [
        "DELETE FROM xapi_statements",
        "UPDATE xapi_statements SET payload = '{}'",
        "DELETE FROM training_activities",
        "DELETE FROM uncounted_statements",
    ],
)
def test_without_a_run_under_way_nothing_goes(db, cast, certified, command):
    run = request(db, cast, "mailto:nobody@example.org", PrivacyAct.DELETE)
    db.execute(text("SELECT set_config('app.privacy_run', :id, true)"), {"id": str(run.id)})

    with pytest.raises(DBAPIError, match=r"privacy|only added"), db.begin_nested():
        db.execute(text(command))


def rule(session, kind=RetainedKind.STATEMENTS, act=PrivacyAct.DELETE, credential_id=None):
    row = retention.add(
        session, kind=kind, credential_id=credential_id, keep_days=30, act=act, legal_basis="Policy 7", by=CEM, now=NOW
    )
    retention.switch(session, row.id, on=True)
    return row


def night(session, cast):
    """What happens forty days from now."""
    later = clock.now() + timedelta(days=40)
    started = retention.start_due(session, later)
    runs = list(session.scalars(select(PrivacyRun).where(PrivacyRun.state == PrivacyState.RUNNING)))
    for run in runs:
        retention.run(Same(session), cast.northwind, run.id, lambda: later, quiet)
    return started, runs


def test_old_statements_go_and_what_a_completion_rests_on_stays(db, cast, certified):
    rule(db)

    started, (run,) = night(db, cast)

    assert started == 1
    assert run.counts["held"] == 4
    assert run.counts["statement"] == {"deleted": 4}
    assert run.state is PrivacyState.COMPLETED
    assert len(told(db)) == 4
    assert differences(db) == []
    assert privacy.sealed_receipt(db, run.id).is_intact
    assert retention.start_due(db, clock.now() + timedelta(days=40)) == 0, "the pass is over"


def test_a_rule_of_one_credential_leaves_the_others_alone_and_pseudonyms_are_one_per_person(db, cast, certified):
    app = stage.credential(db, "Tablet")
    stage.store_as(db, app, *(said("experienced", "http://app.example/poem", actor=TABLET) for _ in range(2)))
    before = len(told(db))
    rule(db, act=PrivacyAct.PSEUDONYMIZE, credential_id=app)

    _, (run,) = night(db, cast)

    assert run.counts["statement"] == {"pseudonymized": 2}
    assert len(told(db)) == before
    changed = [payload for payload in told(db) if "pseudonym.invalid" in payload]
    assert len({payload.partition("pseudonym.invalid")[2][:45] for payload in changed}) == 1
    assert not any("4711" in payload for payload in told(db))


def test_only_what_does_not_count_goes_by_a_rule_for_it(db, cast, certified):
    counted = db.scalar(select(func.count()).select_from(TrainingActivity))
    rule(db, RetainedKind.UNCOUNTED)

    _, (run,) = night(db, cast)

    assert run.counts["statement"] == {"deleted": 2}
    assert db.scalar(select(func.count()).select_from(TrainingActivity)) == counted
    assert differences(db) == []


def test_young_statements_are_left_alone(db, cast, certified):
    rule(db)

    assert retention.start_due(db, clock.now()) == 0
    assert statements.find(db, UUID(completions.everything(db).__next__().evidence["statements"][0])) is not None
