from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.rules.assignments import AssignmentType, Obligation, Standing, due_on, end_of_day
from training.rules.certificates import CertificateStanding, Numbering, Validity, code, last_valid_day
from training.rules.counting import Claim, Participation, Reason, Surroundings, account_of, claim_of, identity, judge
from training.rules.progress import (
    PROGRESS,
    ActivityType,
    Criteria,
    Fact,
    ModuleState,
    Part,
    ProgressStatus,
    course_state,
    duration_seconds,
    fact_of,
    module_state,
    score_percent,
)

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ROOT = "http://localhost/packages/fire"
SCO = f"{ROOT}/one"
OTHER = f"{ROOT}/two"
ADL = "http://adlnet.gov/expapi/verbs/"
ANA, SOURCE = uuid4(), uuid4()
ACTOR = {"account": {"homePage": "http://localhost/o/northwind", "name": str(ANA)}}


# --- which statements count -------------------------------------------------------------------------------------------

LAUNCHED = Participation(uuid4(), uuid4(), ANA, ROOT, frozenset({SCO}), uuid4(), identity(ACTOR))
TRUSTING = Participation(uuid4(), uuid4(), ANA, "http://app.example/task")


def claim(**more):
    given = {
        "statement_id": uuid4(),
        "stored": NOON,
        "at": NOON,
        "actor": ACTOR,
        "verb": f"{ADL}completed",
        "activity": SCO,
        "registration": LAUNCHED.registration_id,
        "credential_id": None,
        "result": {},
    }
    return Claim(**(given | more))


def trusted(**more):
    given = {"about": TRUSTING.module_id, "is_trusted": True, "person": ANA, "enrolled": TRUSTING}
    return Surroundings(**(given | more))


@pytest.mark.parametrize(
    ("statement", "around", "expected"),
    [
        pytest.param({}, Surroundings(LAUNCHED), LAUNCHED, id="its own launch, about an item"),
        pytest.param({"activity": ROOT}, Surroundings(LAUNCHED), LAUNCHED, id="its own launch, about the course"),
        pytest.param({"activity": f"{SCO}/interactions/1"}, Surroundings(LAUNCHED), LAUNCHED, id="inside an item"),
        pytest.param({"activity": f"{ROOT}x"}, Surroundings(LAUNCHED), Reason.OTHER_ACTIVITY, id="only begins alike"),
        pytest.param(
            {"activity": "http://localhost/packages/other"},
            Surroundings(LAUNCHED),
            Reason.OTHER_ACTIVITY,
            id="a launch of one course about another",
        ),
        pytest.param({}, Surroundings(), Reason.UNKNOWN_REGISTRATION, id="a registration of no enrollment"),
        pytest.param(
            {"actor": {"mbox": "mailto:ana@northwind.example"}},
            Surroundings(LAUNCHED),
            Reason.OTHER_ACTOR,
            id="somebody else's name on it",
        ),
        pytest.param(
            {"credential_id": SOURCE},
            Surroundings(LAUNCHED),
            Reason.UNTRUSTED_SOURCE,
            id="a stranger using the registration",
        ),
        pytest.param({"activity": None}, Surroundings(LAUNCHED), Reason.NO_ACTIVITY, id="about a statement"),
        pytest.param({"is_voided": True}, Surroundings(LAUNCHED), Reason.VOIDED, id="voided"),
        pytest.param(
            {"verb": f"{ADL}commented"}, Surroundings(LAUNCHED), Reason.SAYS_NOTHING, id="a verb without progress"
        ),
        pytest.param({"credential_id": SOURCE}, trusted(), TRUSTING, id="a trusted source"),
        pytest.param(
            {"credential_id": SOURCE, "registration": None},
            trusted(about=None, is_trusted=False),
            Reason.UNKNOWN_ACTIVITY,
            id="about nothing of ours",
        ),
        pytest.param(
            {"credential_id": SOURCE}, trusted(is_trusted=False), Reason.UNTRUSTED_SOURCE, id="a source nobody trusts"
        ),
        pytest.param(
            {"credential_id": SOURCE}, trusted(person=None), Reason.UNKNOWN_PERSON, id="trusted, about a stranger"
        ),
        pytest.param(
            {"credential_id": SOURCE}, trusted(enrolled=None), Reason.NOT_ENROLLED, id="trusted, not taking the course"
        ),
    ],
)
def test_which_statements_count(statement, around, expected):
    verdict = judge(claim(**statement), around)

    assert (verdict.reason if isinstance(expected, Reason) else verdict.counts_for) == expected
    assert (verdict.reason is None) == (verdict.counts_for is not None)


def test_no_source_from_elsewhere_reports_the_future():
    payload = {
        "id": str(uuid4()),
        "actor": ACTOR,
        "verb": {"id": f"{ADL}completed"},
        "object": {"id": ROOT},
        "timestamp": "2030-01-01T00:00:00Z",
    }

    assert claim_of(payload, stored=NOON, credential_id=SOURCE).at == NOON
    assert claim_of(payload, stored=NOON, credential_id=None).at.year == 2030


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        pytest.param(ACTOR, ANA, id="our account"),
        pytest.param(
            {"account": {"homePage": "http://localhost/o/acme", "name": str(ANA)}}, None, id="another tenant's"
        ),
        pytest.param(
            {"account": {"homePage": "http://evil.example/o/northwind", "name": str(ANA)}}, None, id="elsewhere"
        ),
        pytest.param({"account": {"homePage": "http://localhost/o/northwind", "name": "ana"}}, None, id="no id"),
        pytest.param({"mbox": "mailto:ana@northwind.example"}, None, id="no account"),
    ],
)
def test_the_person_behind_an_account(actor, person):
    assert account_of(actor, "http://localhost/o/northwind") == person


# --- what a statement says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "result", "kind", "is_passed", "score", "progress"),
    [
        ("initialized", {}, ActivityType.STARTED, None, None, None),
        ("passed", {"score": {"scaled": 0.9}}, ActivityType.PASSED, True, Decimal("90.00"), None),
        ("failed", {"success": True}, ActivityType.FAILED, False, None, None),
        ("completed", {"success": False}, ActivityType.COMPLETED, False, None, None),
        ("progressed", {"score": {"scaled": 0.46}}, ActivityType.PROGRESS, None, None, Decimal("46.00")),
        ("progressed", {"extensions": {PROGRESS: 30}}, ActivityType.PROGRESS, None, None, Decimal("30.00")),
        ("scored", {"score": {"raw": 7, "min": 0, "max": 10}}, ActivityType.PROGRESS, None, Decimal("70.00"), None),
        ("responded", {"response": "a"}, ActivityType.ANSWERED, None, None, None),
    ],
)
def test_what_a_statement_says(verb, result, kind, is_passed, score, progress):
    fact = fact_of(claim(verb=ADL + verb, result=result))

    assert (fact.kind, fact.is_passed, fact.score, fact.progress) == (kind, is_passed, score, progress)


@pytest.mark.parametrize(
    ("score", "percent"),
    [
        pytest.param({"scaled": 0.856}, Decimal("85.60"), id="scaled"),
        pytest.param({"scaled": -0.5}, Decimal("0.00"), id="below nothing is nothing"),
        pytest.param({"scaled": 0.2, "raw": 90}, Decimal("20.00"), id="scaled wins over raw"),
        pytest.param({"raw": 15, "min": 10, "max": 20}, Decimal("50.00"), id="between its own bounds"),
        pytest.param({"raw": 80}, Decimal("80.00"), id="raw alone is a percent"),
        pytest.param({"raw": 250}, Decimal("100.00"), id="never above 100"),
        pytest.param({"raw": 5, "min": 5, "max": 5}, Decimal("5.00"), id="bounds that are none"),
        pytest.param({}, None, id="nothing known, nothing claimed"),
        pytest.param({"raw": True}, None, id="not a number"),
        pytest.param(None, None, id="no score"),
    ],
)
def test_score_percent(score, percent):
    assert score_percent(score) == percent


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1H30M", 5400), ("PT12.6S", 13), ("P1DT1S", 86401), ("PT0S", 0), ("P", None), ("PT", None), ("1:30", None),
        ("P400D", None), (None, None), (90, None),
    ],
)  # fmt: skip
def test_duration_seconds(text, seconds):
    assert duration_seconds(text) == seconds


# --- where a module stands --------------------------------------------------------------------------------------------


def fact(kind, iri=SCO, minute=0, **more):
    is_passed = {"passed": True, "failed": False}.get(kind)
    given = {"statement_id": uuid4(), "at": NOON + timedelta(minutes=minute), "kind": ActivityType(kind), "iri": iri}
    return Fact(**(given | {"is_passed": is_passed} | more))


ONE = Criteria(ROOT, frozenset({SCO}))
TWO = Criteria(ROOT, frozenset({SCO, OTHER}))
DONE, FAILED, BUSY = ProgressStatus.COMPLETED, ProgressStatus.FAILED, ProgressStatus.IN_PROGRESS


@pytest.mark.parametrize(
    ("criteria", "batches", "status", "percent"),
    [
        pytest.param(ONE, [], ProgressStatus.NOT_STARTED, 0, id="nothing happened"),
        pytest.param(ONE, [[fact("started")]], BUSY, 0, id="opened"),
        pytest.param(ONE, [[fact("completed")]], DONE, 100, id="completed, success unknown"),
        pytest.param(ONE, [[fact("passed")]], DONE, 100, id="passed"),
        pytest.param(ONE, [[fact("completed", ROOT)]], DONE, 100, id="the course itself completed"),
        pytest.param(ONE, [[fact("failed")]], FAILED, 0, id="failed"),
        pytest.param(
            ONE, [[fact("completed"), fact("failed")]], FAILED, 0, id="of one commit: failed blocks completed"
        ),
        pytest.param(ONE, [[fact("failed"), fact("completed")]], FAILED, 0, id="… in either order"),
        pytest.param(ONE, [[fact("completed")], [fact("failed")]], DONE, 100, id="a later failure undoes nothing"),
        pytest.param(ONE, [[fact("failed")], [fact("passed")]], DONE, 100, id="passed at the second try"),
        pytest.param(ONE, [[fact("failed"), fact("completed")], [fact("passed")]], DONE, 100, id="… after all"),
        pytest.param(ONE, [[fact("completed", f"{SCO}/objectives/1")]], BUSY, 0, id="an objective is not the item"),
        pytest.param(ONE, [[fact("progress", progress=Decimal(46))]], BUSY, 46, id="progress as reported"),
        pytest.param(ONE, [[fact("progress", progress=Decimal(100))]], BUSY, 99, id="100 only when complete"),
        pytest.param(TWO, [[fact("completed")]], BUSY, 50, id="one of two items"),
        pytest.param(TWO, [[fact("completed")], [fact("passed", OTHER)]], DONE, 100, id="both items"),
        pytest.param(
            TWO, [[fact("failed")], [fact("completed", ROOT)]], DONE, 100, id="the course's word over an item's"
        ),
        pytest.param(
            Criteria(ROOT, passing_score=Decimal(80)),
            [[fact("completed", ROOT, score=Decimal(60))]],
            FAILED,
            0,
            id="a score below the passing score, nothing else said",
        ),
        pytest.param(
            Criteria(ROOT, passing_score=Decimal(80)),
            [[fact("passed", ROOT, score=Decimal(60))]],
            DONE,
            100,
            id="the content's own word over the score",
        ),
        pytest.param(
            Criteria(ROOT, is_by_score=True, passing_score=Decimal(80)),
            [[fact("completed", ROOT)]],
            BUSY,
            0,
            id="by score: completed says nothing",
        ),
        pytest.param(
            Criteria(ROOT, is_by_score=True, passing_score=Decimal(80)),
            [[fact("progress", ROOT, score=Decimal(80))]],
            DONE,
            100,
            id="by score: reached",
        ),
    ],
)
def test_where_a_module_stands(criteria, batches, status, percent):
    state = module_state(batches, criteria)

    assert (state.status, state.percent) == (status, percent)
    assert (state.completed_at is not None) == (status is DONE)


def test_a_completed_module_keeps_its_best_score_and_goes_on_counting_time():
    state = module_state(
        [
            [fact("passed", score=Decimal(80)), fact("terminated", seconds=60)],
            [fact("failed", score=Decimal(20), minute=5), fact("terminated", seconds=30, minute=6)],
        ],
        ONE,
    )

    assert (state.status, state.score, state.is_passed, state.seconds) == (DONE, Decimal(80), True, 90)
    assert state.completed_at == NOON


def test_a_state_follows_from_the_statements_it_names():
    facts = [fact("started"), fact("failed", score=Decimal(20)), fact("answered"), fact("passed", score=Decimal(90))]

    state = module_state([[one] for one in facts], ONE)
    again = module_state([[one] for one in facts if one.statement_id in state.deciding], ONE)

    assert set(state.deciding) == {facts[1].statement_id, facts[3].statement_id}
    assert (again.status, again.score, again.completed_at) == (state.status, state.score, state.completed_at)


@given(
    st.lists(
        st.builds(
            fact,
            st.sampled_from([kind.value for kind in ActivityType]),
            st.sampled_from([ROOT, SCO, OTHER]),
            score=st.none() | st.integers(0, 100).map(Decimal),
            progress=st.none() | st.integers(0, 100).map(Decimal),
        ),
        max_size=12,
    )
)
def test_no_further_statement_ever_undoes_a_completion(facts):
    states = [module_state([[one] for one in facts[:count]], TWO) for count in range(len(facts) + 1)]

    completed = [state.is_complete for state in states]
    assert completed == sorted(completed)
    assert all(Decimal(0) <= state.percent <= 100 for state in states)
    assert all((state.percent == 100) == state.is_complete for state in states)


# --- where a course stands --------------------------------------------------------------------------------------------


def part(percent=0, score=None, is_required=True, weight=1):
    status = DONE if percent == 100 else BUSY
    state = ModuleState(status, Decimal(percent), score and Decimal(score), completed_at=NOON, started_at=NOON)
    return Part(state, is_required, Decimal(weight))


@pytest.mark.parametrize(
    ("parts", "percent", "is_complete"),
    [
        pytest.param([part(100), part(100)], 100, True, id="everything required is done"),
        pytest.param([part(100), part(0)], 50, False, id="half"),
        pytest.param([part(100, weight=3), part(0)], 75, False, id="a heavier module counts more"),
        pytest.param([part(100), part(0, is_required=False)], 100, True, id="optional ones do not count"),
        pytest.param([part(100, is_required=False), part(0, is_required=False)], 50, False, id="none required: all do"),
        pytest.param([part(99, weight=9999), part(99)], 99, False, id="never 100 before it is complete"),
        pytest.param([], 0, False, id="an empty course is never complete"),
    ],
)
def test_where_a_course_stands(parts, percent, is_complete):
    state = course_state(parts)

    assert (state.percent, state.is_complete) == (percent, is_complete)


def test_the_score_of_a_course_is_the_weighted_mean_of_the_known_ones():
    assert course_state([part(100, 80, weight=3), part(100, 60), part(100)]).score == Decimal("75.00")


# --- due dates --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "explicit", "due"),
    [
        (AssignmentType.ONBOARDING, None, date(2026, 4, 1)),
        (AssignmentType.COMPLIANCE_DRIVEN, None, date(2026, 5, 1)),
        (AssignmentType.REMEDIAL, None, date(2026, 3, 16)),
        (AssignmentType.INDIVIDUAL, None, date(2026, 5, 31)),
        (AssignmentType.REMEDIAL, date(2026, 12, 24), date(2026, 12, 24)),
    ],
)
def test_due_dates(kind, explicit, due):
    assert due_on(date(2026, 3, 2), kind, explicit) == due


@pytest.mark.parametrize(
    ("day", "zone", "instant"),
    [
        pytest.param(date(2026, 3, 2), "UTC", "2026-03-02T23:59:59+00:00", id="UTC"),
        pytest.param(date(2026, 3, 29), "Europe/Berlin", "2026-03-29T21:59:59+00:00", id="the day clocks go forward"),
        pytest.param(date(2026, 10, 25), "Europe/Berlin", "2026-10-25T22:59:59+00:00", id="the day they go back"),
        pytest.param(date(2026, 3, 2), "Pacific/Tongatapu", "2026-03-02T10:59:59+00:00", id="UTC+13"),
        pytest.param(date(2026, 3, 2), "Pacific/Niue", "2026-03-03T10:59:59+00:00", id="UTC-11"),
    ],
)
def test_the_end_of_a_day(day, zone, instant):
    assert end_of_day(day, zone) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    ("obligation", "standing"),
    [
        (Obligation(NOON + timedelta(days=30)), Standing.NOT_STARTED),
        (Obligation(NOON + timedelta(days=30), is_started=True), Standing.IN_PROGRESS),
        (Obligation(NOON + timedelta(days=7), is_started=True), Standing.DUE_SOON),
        (Obligation(NOON), Standing.DUE_SOON),
        (Obligation(NOON - timedelta(seconds=1)), Standing.OVERDUE),
        (Obligation(NOON - timedelta(days=9), is_completed=True), Standing.COMPLETED),
        (Obligation(NOON, is_cancelled=True), Standing.CANCELLED),
    ],
)
def test_how_an_obligation_stands(obligation, standing):
    assert obligation.standing(NOON) is standing


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("completed", "months", "last"),
    [
        pytest.param(date(2026, 2, 12), 12, date(2027, 2, 11), id="a year"),
        pytest.param(date(2028, 2, 29), 12, date(2029, 2, 28), id="from a leap day"),
        pytest.param(date(2028, 2, 29), 48, date(2032, 2, 28), id="from leap day to leap day"),
        pytest.param(date(2026, 8, 31), 6, date(2027, 2, 28), id="into a shorter month"),
        pytest.param(date(2026, 8, 31), 1, date(2026, 9, 30), id="31 to 30"),
        pytest.param(date(2027, 8, 30), 6, date(2028, 2, 29), id="into a leap February"),
        pytest.param(date(2026, 1, 1), 12, date(2026, 12, 31), id="a calendar year"),
        pytest.param(date(2026, 12, 31), 2, date(2027, 2, 28), id="over the new year"),
        pytest.param(date(2026, 3, 1), 12, date(2027, 2, 28), id="the first of a month"),
        pytest.param(date(2027, 3, 1), 12, date(2028, 2, 29), id="the first, a leap day before it"),
        pytest.param(date(2026, 5, 15), 1, date(2026, 6, 14), id="a month"),
    ],
)
def test_the_last_valid_day(completed, months, last):
    assert last_valid_day(completed, months) == last


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 240))
def test_a_longer_validity_never_ends_earlier(completed, months):
    assert completed < last_valid_day(completed, months + 1)
    assert last_valid_day(completed, months) < last_valid_day(completed, months + 1)


@pytest.mark.parametrize(
    ("validity", "standing"),
    [
        (Validity(None), CertificateStanding.VALID),
        (Validity(date(2026, 3, 2)), CertificateStanding.EXPIRING),
        (Validity(date(2026, 4, 1)), CertificateStanding.EXPIRING),
        (Validity(date(2026, 4, 2)), CertificateStanding.VALID),
        (Validity(date(2026, 3, 1)), CertificateStanding.EXPIRED),
        (Validity(None, is_revoked=True), CertificateStanding.REVOKED),
        (Validity(date(2026, 3, 1), is_revoked=True), CertificateStanding.REVOKED),
    ],
)
def test_how_a_certificate_stands(validity, standing):
    assert validity.standing(date(2026, 3, 2)) is standing


@pytest.mark.parametrize(
    ("pattern", "sequence", "number", "series"),
    [
        ("{org}-{program}-{yy}-{seq:04}", 412, "NWC-DATA-26-0412", "NWC-DATA-26-"),
        ("{org}-{program}-{yy}-{seq:04}", 10_000, "NWC-DATA-26-10000", "NWC-DATA-26-"),
        ("CERT-{yyyy}-{seq:08}", 1, "CERT-2026-00000001", "CERT-2026-"),
        ("{seq}", 7, "7", ""),
        ("{org}", 7, "NWC-0007", "NWC-"),
        ("{org.__class__}-{seq}", 1, "{org.__class__}-1", "{org.__class__}-"),
    ],
)
def test_certificate_numbers(pattern, sequence, number, series):
    numbering = Numbering(pattern, "NWC", "DATA", date(2026, 2, 12))

    assert (numbering.number(sequence), numbering.series) == (number, series)


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("ABCDEFGHIJKLMNOPQRSTUVWX23", "ABCDEFGHIJKLMNOPQRSTUVWX23"),
        (" abcdefgh-ijklmnop-qrstuvwx-23 ", "ABCDEFGHIJKLMNOPQRSTUVWX23"),
        ("ABC", None),
        ("ABCDEFGHIJKLMNOPQRSTUVWX2?", None),
        ("ABCDEFGHIJKLMNOPQRSTUVWX19", None),
        ("", None),
    ],
)
def test_verification_codes_as_people_type_them(typed, known):
    assert code(typed) == known
