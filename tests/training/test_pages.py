import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from core import clock
from tests.training import stage
from tests.training.stage import TASK, about, said
from tests.training.test_progress import FIRE, passed
from training.routes.verification import checks
from training.services import assignments
from training.tables import Certificate, CertificateEvent, CourseEnrollment, TrainingAssignment, TrainingCompletion


@pytest.fixture(autouse=True)
def _fresh_limit():
    checks.forget()


@pytest.fixture
def fire(database, cast):
    """A published course of one package, assigned to Ana until next week."""
    with database.write(cast.northwind) as session:
        course = stage.course(session)
        due = (clock.now() + timedelta(days=7)).date()
        assignments.assign(session, course_id=course.id, user_ids=[cast.ana], now=clock.now(), due=due)
    return course


@pytest.fixture
def proven(database, cast, fire, run_jobs):
    """Ana has passed it, and the jobs have run."""
    with database.write(cast.northwind) as session:
        enrollment, registration = stage.playing(session, fire, cast.ana, clock.now())
        stage.store_own(session, *passed(cast.ana, registration))
    run_jobs()
    with database.read(cast.northwind) as session:
        certificate = session.scalars(select(Certificate)).one()
    return enrollment, certificate


def code_of(url):
    return url.rpartition("/")[2]


def test_home_shows_the_next_thing_to_do_and_leads_into_it(sign_in, fire):
    ana = sign_in("ana")

    page = ana.get("/home").text
    assert "1 thing to do." in page
    assert "Fire safety at work" in page
    started = ana.post(f"/learn/start/{fire.id}")
    again = ana.post(f"/learn/start/{fire.id}")

    assert started.status_code == 302
    assert started.location == again.location
    assert ana.get(started.location).location == f"{started.location}/{fire.modules[0].id}"
    assert "Continue" not in page


def test_a_course_of_the_catalog_can_be_taken_without_being_assigned(sign_in, database, cast, fire):
    ben = sign_in("ben")

    assert "Enroll and start" in ben.get(f"/catalog/{fire.id}").text
    ben.post(f"/learn/start/{fire.id}")

    assert "Start" in ben.get(f"/catalog/{fire.id}").text
    with database.read(cast.northwind) as session:
        row = session.scalars(select(CourseEnrollment)).one()
    assert (row.user_id, row.enrollment_type, row.assignment_id) == (cast.ben, "self", None)


def test_the_player_page_opens_the_package_and_follows_it(sign_in, fire):
    ana = sign_in("ana")
    place = ana.get(ana.post(f"/learn/start/{fire.id}").location).location

    page = ana.get(place)

    assert page.status_code == 200
    for name in ("stoa-content", "stoa-saved", "stoa-window", "stoa-exit", "stoa-outline", "launch"):
        assert f'id="{name}"' in page.text
    assert "stoa-next" not in page.text  # there is one part only: the content's own buttons are enough
    assert "adapter" in re.search(r'id="launch">(.*?)</script>', page.text)[1]
    assert 'hx-trigger="stoa:committed from:body' in ana.get(f"{place}/outline").text
    assert 'data-percent="0"' in ana.get(f"{place}/standing").text


def test_a_package_of_several_parts_has_an_outline_to_choose_from_and_buttons_to_go_on(sign_in, database, cast):
    with database.write(cast.northwind) as session:
        course = stage.course(session, stage.package_module(session, "gas", ["one", "two"]), code="GAS")
    ana = sign_in("ana")

    page = ana.get(ana.get(ana.post(f"/learn/start/{course.id}").location).location).text

    assert 'id="stoa-previous"' in page
    assert 'id="stoa-next"' in page
    assert page.count("data-item=") == 3, "both parts, and the course itself"
    assert 'data-request="exitAll"' in page


def test_a_completion_appears_on_home_with_its_certificate(sign_in, proven):
    _, certificate = proven

    page = sign_in("ana").get("/home").text

    assert "Nothing to do right now." in page
    assert certificate.certificate_number in page
    assert "6 statements" in page


def test_the_standing_fragment_brings_the_certificate_without_a_reload(sign_in, fire, proven):
    enrollment, certificate = proven

    fragment = sign_in("ana").get(f"/learn/{enrollment.id}/{fire.modules[0].id}/standing").text

    assert 'data-percent="100"' in fragment
    assert f"/certificates/{certificate.id}" in fragment
    assert "every 2s" not in fragment


def test_an_external_module_leads_to_its_place_and_follows_what_it_reports(sign_in, database, cast, run_jobs):
    with database.write(cast.northwind) as session:
        course = stage.course(session, stage.external_module(), code="TASK")
    ana = sign_in("ana")
    place = ana.get(ana.post(f"/learn/start/{course.id}").location).location
    assert "https://app.example/task" in ana.get(place).text

    with database.write(cast.northwind) as session:
        stage.store_as(session, course.app, said("completed", TASK, actor=about(cast.ana)))
    run_jobs()

    assert "You have completed this course." in ana.get(f"{place}/standing").text


# --- assigning --------------------------------------------------------------------------------------------------------


def test_several_people_are_assigned_at_once_and_only_once(sign_in, database, cast, fire):
    ben = sign_in("ben")
    form = {"course_id": str(fire.id), "user_ids": [str(cast.ana), str(cast.cem)], "due_on": ""}

    first = ben.post("/assignments", data=form, follow_redirects=True).text
    second = ben.post("/assignments", data=form, follow_redirects=True).text

    assert "Assigned to 1 person. 1 had it open already." in first
    assert "Assigned to 0 people. 2 had it open already." in second
    with database.read(cast.northwind) as session:
        assert session.scalar(select(func.count()).select_from(TrainingAssignment)) == 2


def test_a_refused_assignment_shows_the_form_again_with_every_problem(sign_in, fire):
    answer = sign_in("ben").post("/assignments", data={"course_id": str(fire.id), "due_on": "2020-01-01"})

    assert answer.status_code == 422
    assert "Nobody is chosen." in answer.text
    assert "This day has passed." in answer.text
    assert 'value="2020-01-01"' in answer.text


def test_the_list_of_assignments_is_filtered_by_its_address(sign_in, fire, proven):
    ben = sign_in("ben")

    assert "Ana Tester" in ben.get("/assignments?standing=completed").text
    assert "Ana Tester" not in ben.get("/assignments?standing=overdue").text
    assert "Ana Tester" in ben.get(f"/assignments?course={fire.id}&q=ana").text
    assert "Ana Tester" not in ben.get("/assignments?q=nobody").text


def test_a_learner_neither_assigns_nor_sees_who_is_assigned(sign_in, fire):
    ana = sign_in("ana")

    assert ana.get("/assignments").status_code == 403
    assert ana.post("/assignments", data={"course_id": str(fire.id)}).status_code == 403
    assert "Your organization" not in ana.get("/home").text


def test_assignments_over_rest(sign_in, cast, fire):
    ben = sign_in("ben")

    made = ben.post(
        "/api/v1/training/assignments",
        json={"course_id": str(fire.id), "user_ids": [str(cast.ben)], "due_on": "2099-12-31"},
    )
    assert made.status_code == 422
    assert made.json["errors"][0]["where"] == "due_on"
    made = ben.post("/api/v1/training/assignments", json={"course_id": str(fire.id), "user_ids": [str(cast.ben)]})
    assert made.status_code == 201
    shown = ben.get(f"/api/v1/training/assignments/{made.json['created'][str(cast.ben)]}").json
    assert (shown["name"], shown["standing"]) == ("Ben Tester", "not_started")
    assert ben.get("/api/v1/training/assignments").json["total"] == 2
    for wrong in ({}, {"course_id": "x", "user_ids": "y"}, {"course_id": str(fire.id), "user_ids": ["x"]}, []):
        assert ben.post("/api/v1/training/assignments", json=wrong).status_code in (400, 422)


# --- certificates -----------------------------------------------------------------------------------------------------


def test_the_pdf_says_what_the_certificate_says(sign_in, proven):
    _, certificate = proven

    answer = sign_in("ana").get(f"/certificates/{certificate.id}/pdf")

    assert answer.mimetype == "application/pdf"
    assert f"{certificate.certificate_number}.pdf" in answer.headers["Content-Disposition"]
    reader = PdfReader(BytesIO(answer.data))
    text = reader.pages[0].extract_text()
    assert len(reader.pages) == 1
    for words in ("Northwind Care", "Ana Tester", "Fire safety at work", certificate.certificate_number):
        assert words in text
    links = [note.get_object()["/A"]["/URI"] for note in reader.pages[0]["/Annots"]]
    assert set(links) == {certificate.certificate_data["url"]}
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]


def test_ten_requests_at_once_find_one_certificate(sign_in, database, cast, fire, run_jobs):
    with database.write(cast.northwind) as session:
        _, registration = stage.playing(session, fire, cast.ana, clock.now())
        stage.store_own(session, *passed(cast.ana, registration))
    run_jobs()
    ana = sign_in("ana")
    path = re.search(r"/certificates/[0-9a-f-]{36}", ana.get("/certificates").text)[0]
    token = ana.get_cookie("stoa_session").value

    def download(_):
        client = ana.application.test_client()
        client.set_cookie("stoa_session", token)
        return client.get(f"{path}/pdf").status_code

    with ThreadPoolExecutor(10) as threads:
        assert set(threads.map(download, range(10))) == {200}
    with database.read(cast.northwind) as session:
        assert session.scalar(select(func.count()).select_from(Certificate)) == 1
        events = session.scalars(select(CertificateEvent.event)).all()
    assert sorted(events) == ["downloaded"] * 10 + ["issued"]


def test_anybody_with_the_code_may_check_a_certificate(client, proven):
    _, certificate = proven
    code = certificate.verification_code

    page = client.get(f"/verify/{code}")

    assert page.status_code == 200
    for words in ("Ana Tester", "Fire safety at work", "Northwind Care", "Valid until"):
        assert words in page.text
    assert (
        client.get(f"/verify?code={code.lower()}", follow_redirects=True).text
        == client.get(f"/verify/{code.lower()}").text
    )
    assert "Ana Tester" in client.get(f"/verify/{code[:13].lower()}-{code[13:]}").text


def test_unknown_and_malformed_codes_look_alike(client, proven):
    unknown, malformed = client.get("/verify/" + "A" * 26), client.get("/verify/no-such-thing")

    assert unknown.status_code == malformed.status_code == 404
    scrub = re.compile(r"[0-9a-f]{64}")
    assert scrub.sub("", unknown.text) == scrub.sub("", malformed.text)


def test_guessing_codes_is_slowed_down(client):
    answers = [client.get("/verify/" + "B" * 26).status_code for _ in range(31)]

    assert answers == [404] * 30 + [429]
    assert client.get("/verify").status_code == 200


def test_a_revoked_certificate_says_so_in_public_and_never_why(sign_in, client, proven):
    _, certificate = proven
    cem = sign_in("cem")
    path = f"/certificates/{certificate.id}"

    assert cem.post(f"{path}/revoke", data={"reason": " "}).status_code == 422
    assert cem.post(f"{path}/revoke", data={"reason": "Somebody else sat the exam"}).status_code == 302
    assert cem.post(f"{path}/revoke", data={"reason": "again"}).status_code == 409

    public = client.get(f"/verify/{certificate.verification_code}").text
    assert "revoked on" in public
    assert "Somebody else" not in public
    assert "Somebody else sat the exam" in cem.get(path).text
    assert "Somebody else" not in sign_in("ana").get(path).text
    assert certificate.certificate_number in cem.get("/certificates/register?standing=revoked").text
    assert sign_in("ana").post(f"{path}/revoke", data={"reason": "mine"}).status_code == 403


def test_certificates_over_rest(sign_in, proven):
    _, certificate = proven
    ben = sign_in("ben")

    assert ben.get("/api/v1/training/certificates").json["items"][0]["number"] == certificate.certificate_number
    assert ben.get(f"/api/v1/training/certificates/{certificate.id}").json["standing"] == "valid"
    assert ben.post(f"/api/v1/training/certificates/{certificate.id}/revoke", json={}).status_code == 422
    assert ben.post(f"/api/v1/training/certificates/{certificate.id}/revoke", json={"reason": "x"}).status_code == 204
    assert ben.get("/api/v1/training/certificates?standing=valid").json["total"] == 0
    (completion,) = ben.get("/api/v1/training/completions").json["items"]
    assert len(completion["evidence"]["statements"]) == 4


def test_a_pdf_that_is_not_there_yet_is_asked_for_again(sign_in, database, cast, fire):
    with database.write(cast.northwind) as session:
        _, registration = stage.playing(session, fire, cast.ana, clock.now())
        ids = stage.store_own(session, *passed(cast.ana, registration))
        stage.progress.record(session, ids, clock.now())
        certificate = session.scalars(select(Certificate)).one()

    answer = sign_in("ana").get(f"/certificates/{certificate.id}/pdf")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert sign_in("ana").get(f"/certificates/{certificate.id}").status_code == 200


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_the_evidence_leads_from_the_certificate_to_the_statements_and_the_package(sign_in, database, cast, proven):
    _, certificate = proven
    with database.read(cast.northwind) as session:
        sha256 = stage.packages.ready_versions(session)[0].sha256

    page = sign_in("cem").get(f"/evidence/{certificate.completion_id}").text

    assert certificate.certificate_number in page
    assert sha256 in page
    assert page.count("Stoa, from the learner") == 6
    assert "4 statements decided" in page
    assert "http://adlnet.gov/expapi/verbs/passed" in page


def test_a_statement_leads_up_to_the_attempts_the_completion_and_the_certificate(sign_in, database, cast, proven):
    enrollment, certificate = proven
    cem = sign_in("cem")
    with database.read(cast.northwind) as session:
        row = session.get(TrainingCompletion, (cast.northwind, certificate.completion_id))
        decided = row.evidence["statements"][0]

    page = cem.get(f"/lrs/statements/{decided}").text

    for leads_to in (
        f"/enrollments/{enrollment.id}/attempts",
        f"/evidence/{certificate.completion_id}",
        f"/certificates/{certificate.id}",
        "/lrs/statements?registration=",
    ):
        assert leads_to in page, leads_to
    assert "rests on this statement" in page
    assert f"/lrs/statements/{decided}" in cem.get(f"/evidence/{certificate.completion_id}").text


def test_the_page_of_a_statement_says_why_it_does_not_count(sign_in, database, cast, fire, run_jobs):
    strange = said("passed", "http://elsewhere.example/x", actor=about(cast.ana))
    with database.write(cast.northwind) as session:
        stage.store_as(session, stage.credential(session, "A stranger"), strange)
    cem = sign_in("cem")

    assert "Training has not looked at it yet" in cem.get(f"/lrs/statements/{strange['id']}").text
    run_jobs()
    page = cem.get(f"/lrs/statements/{strange['id']}").text

    assert "It does not count: Its activity belongs to no course." in page
    assert f"/lrs/statements/{strange['id']}" in cem.get("/evidence/uncounted").text


def test_the_learner_sees_the_certificate_but_not_the_evidence_page(sign_in, proven):
    _, certificate = proven
    ana = sign_in("ana")

    assert ana.get(f"/certificates/{certificate.id}").status_code == 200
    assert ana.get(f"/evidence/{certificate.completion_id}").status_code == 403
    assert ana.get("/evidence/uncounted").status_code == 403


def test_statements_that_do_not_count_are_listed_with_the_reason(sign_in, database, cast, fire, run_jobs):
    with database.write(cast.northwind) as session:
        stranger = stage.credential(session, "A stranger")
        stage.store_as(session, stranger, said("completed", FIRE, actor=about(cast.ana)))
        stage.store_as(session, stranger, said("completed", "http://elsewhere.example/x", actor=about(cast.ana)))
    run_jobs()
    cem = sign_in("cem")

    page = cem.get("/evidence/uncounted").text

    assert "2 statements are stored and move no training." in page
    assert "Its source is not trusted for the module" in page
    assert "A stranger" in page
    assert "elsewhere.example" not in cem.get("/evidence/uncounted?reason=untrusted_source").text


# --- isolation --------------------------------------------------------------------------------------------------------


def test_another_tenant_finds_nothing(sign_in, fire, proven):
    enrollment, certificate = proven
    zoe = sign_in("zoe")

    for path in (
        f"/learn/{enrollment.id}",
        f"/learn/{enrollment.id}/{fire.modules[0].id}",
        f"/learn/{enrollment.id}/{fire.modules[0].id}/outline",
        f"/learn/{enrollment.id}/{fire.modules[0].id}/standing",
        f"/certificates/{certificate.id}",
        f"/certificates/{certificate.id}/pdf",
        f"/certificates/{certificate.id}/qr",
        f"/evidence/{certificate.completion_id}",
        f"/api/v1/training/certificates/{certificate.id}",
        f"/api/v1/enrollments/{enrollment.id}/progress",
        f"/api/v1/training/assignments/{enrollment.assignment_id or enrollment.id}",
    ):
        assert zoe.get(path).status_code == 404, path
    for path in (f"/learn/start/{fire.id}", f"/certificates/{certificate.id}/revoke"):
        assert zoe.post(path, data={"reason": "x"}).status_code == 404, path
    zoe_assigns = zoe.post(
        "/api/v1/training/assignments", json={"course_id": str(fire.id), "user_ids": [str(enrollment.user_id)]}
    )
    assert zoe_assigns.status_code == 404
    for path in ("/home", "/learning", "/assignments", "/certificates/register", "/evidence/uncounted"):
        assert "Fire safety" not in zoe.get(path).text, path


def test_a_colleague_does_not_enter_somebody_elses_course(sign_in, fire, proven):
    enrollment, certificate = proven
    ben = sign_in("ben")

    assert ben.get(f"/learn/{enrollment.id}/{fire.modules[0].id}").status_code == 404
    assert ben.get(f"/certificates/{certificate.id}").status_code == 200


def test_a_module_of_another_course_does_not_open_in_this_one(sign_in, database, cast, fire):
    with database.write(cast.northwind) as session:
        other = stage.course(session, code="GAS")
    ana = sign_in("ana")
    place = ana.post(f"/learn/start/{fire.id}").location

    assert ana.get(f"{place}/{other.modules[0].id}").status_code == 404
    assert ana.get(f"{place}/{other.modules[0].id}/standing").status_code == 404
