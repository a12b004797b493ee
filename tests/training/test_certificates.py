import io
from concurrent.futures import ThreadPoolExecutor

import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy import func, select

from core.jobs import Work
from tests.training import stage
from tests.training.stage import NOW
from tests.training.test_progress import passed
from training import certificate_pdf, jobs
from training.services import progress
from training.store import certificates as store
from training.tables import (
    Certificate,
    CertificateCounter,
    ModuleProgress,
    TrainingActivity,
    TrainingCompletion,
    UncountedStatement,
)

PRINTED = {
    "holder": "Ana Nováková-Łukasiewicz",
    "title": "Fire safety at work",
    "organization": "Northwind Care",
    "number": "NWC-FIRE-26-0001",
    "code": "ABCDEFGHIJKLMNOPQRSTUVWX23",
    "url": "http://localhost/verify/ABCDEFGHIJKLMNOPQRSTUVWX23",
    "completed_on": "2026-02-12",
    "issued_on": "2026-02-12",
    "expires_on": "2027-02-11",
    "score": "92.5",
    "course_code": "FIRE",
    "course_version": "1",
}


def text_of(pdf):
    reader = PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) == 1
    return reader.pages[0].extract_text()


def test_the_pdf_holds_what_was_frozen():
    text = text_of(certificate_pdf.render(PRINTED))

    for words in (
        "Northwind Care",
        "Ana Nováková-Łukasiewicz",
        "Fire safety at work",
        "92.5 %",
        "February 12, 2026",
        "February 11, 2027",
        "NWC-FIRE-26-0001",
        "localhost/verify/ABCDEFGHIJKLMNOPQRSTUVWX23",
    ):
        assert words in text


def test_the_same_data_gives_the_same_bytes():
    assert certificate_pdf.render(PRINTED) == certificate_pdf.render(PRINTED)


def test_without_score_and_expiry_the_pdf_says_so():
    text = text_of(certificate_pdf.render(PRINTED | {"score": None, "expires_on": None}))

    assert "no expiry" in text
    assert "score" not in text


@settings(max_examples=15, deadline=None)
@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=120),
    st.sampled_from(["#set page(width: 1cm)", "$x^2$ *b* _i_ <l> @r", "\\", "李明", "ع" * 40, "W" * 255]),
)
def test_whatever_somebody_is_called_the_certificate_is_one_page(holder, title):
    assert text_of(certificate_pdf.render(PRINTED | {"holder": holder, "title": title}))


def test_the_qr_code_is_that_of_the_public_address():
    url = PRINTED["url"]
    drawn = certificate_pdf.qr_code(url).decode()

    expected = io.BytesIO()
    segno.make(url, error="q", micro=False).save(
        expected, kind="svg", border=0, dark=certificate_pdf.STONE.ink, light=None, xmldecl=False
    )
    assert drawn == expected.getvalue().decode()


def counts(session):
    tables = (TrainingActivity, ModuleProgress, TrainingCompletion, Certificate, UncountedStatement)
    return [session.scalar(select(func.count()).select_from(table)) for table in tables]


def test_the_same_delivery_ten_times_at_once_makes_one_completion_and_one_certificate(database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        _, registration = stage.playing(session, course, cast.ana)
        ids = stage.store_own(session, *passed(cast.ana, registration))
    work = Work(database, None, None, cast.northwind, ids[0])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: jobs.on_statements_stored(work, [str(one) for one in ids]), range(10)))

    with database.read(cast.northwind) as session:
        assert counts(session) == [6, 1, 1, 1, 0]
        assert session.scalars(select(CertificateCounter.last_value)).all() == [1]


def test_statements_of_two_people_in_one_batch_are_counted_apart(database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        batch = []
        for person in (cast.ana, cast.ben):
            _, registration = stage.playing(session, course, person)
            batch += passed(person, registration)
        ids = stage.store_own(session, *batch)
    work = Work(database, None, None, cast.northwind, ids[0])

    jobs.on_statements_stored(work, [str(one) for one in ids])

    with database.read(cast.northwind) as session:
        assert counts(session) == [12, 2, 2, 2, 0]
        numbers = session.scalars(select(Certificate.certificate_number).order_by(Certificate.certificate_number)).all()
    assert [number[-4:] for number in numbers] == ["0001", "0002"]


def test_numbers_have_no_gaps_even_where_transactions_fail(database, cast):
    class Failure(Exception):
        pass

    def take(number):
        try:
            with database.write(cast.northwind) as session:
                value = store.next_value(session, "NWC-FIRE-26-")
                if number % 3 == 0:
                    raise Failure
                return value
        except Failure:
            return None

    with ThreadPoolExecutor(8) as threads:
        taken = [value for value in threads.map(take, range(60)) if value is not None]

    assert sorted(taken) == list(range(1, 41))


def test_each_tenant_counts_for_itself(database, cast):
    values = []
    for tenant in (cast.northwind, cast.acme, cast.northwind):
        with database.write(tenant) as session:
            values.append(store.next_value(session, "SAME-"))

    assert values == [1, 1, 2]


def test_a_certificate_keeps_the_names_it_was_issued_with(db, cast):
    course = stage.course(db)
    _, registration = stage.playing(db, course, cast.ana)
    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)

    stage.courses.edit(db, course.id, {"title": "Something else"})

    data = db.scalars(select(Certificate.certificate_data)).one()
    assert data["title"] == "Fire safety at work"


def test_a_course_without_certificate_is_completed_without_one(db, cast):
    course = stage.course(db, is_certified=False)
    _, registration = stage.playing(db, course, cast.ana)

    progress.record(db, stage.store_own(db, *passed(cast.ana, registration)), NOW)

    assert counts(db) == [6, 1, 1, 0, 0]
