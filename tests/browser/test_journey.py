"""From an empty organization to a certificate that stands: the whole way through every room, in a browser."""

import io
import re
import time
from base64 import b64encode
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import FrameLocator, Page, expect
from pypdf import PdfReader

from core import jobs
from core.tables import JobState
from tests.browser.conftest import ROOT, Live
from tests.site import looking
from tools.pack import pack

TITLE = "Fire safety 2026: what everybody on the wards has to know"
ANSWERS = {"fire-triangle": "b", "first-action": "c", "elevator": "f", "extinguisher": "d", "smoke": "a"}
PASSED = "http://adlnet.gov/expapi/verbs/passed"


@pytest.fixture
def fire_safety(tmp_path: Path) -> Path:
    path = tmp_path / "fire-safety.zip"
    path.write_bytes(pack(ROOT / "packages" / "fire-safety"))
    return path


def course_in(page: Page) -> FrameLocator:
    return page.frame_locator("#stoa-content").frame_locator("iframe")


def answer(course: FrameLocator, **changed: str) -> None:
    for question, letter in (ANSWERS | changed).items():
        course.locator(f"input[name={question}][value={letter}]").check()
    course.get_by_role("button", name="See my result").click()


def upload(page: Page, live: Live, package: Path) -> None:
    page.goto(live.app + "/packages")
    page.get_by_role("link", name="Upload a package").first.click()
    page.get_by_label("Zip file").set_input_files(package)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("is ready as version 1").first).to_be_visible(timeout=20_000)
    expect(page.get_by_role("heading", name="Import report")).to_be_visible()


def publish(page: Page, live: Live) -> None:
    page.goto(live.app + "/courses/new")
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Code").fill("FIRE-26")
    page.get_by_label("certificate").first.check()
    page.get_by_role("button", name="Create course").click()
    page.get_by_label("First section").fill("Start here")
    page.get_by_role("button", name="Add section").click()
    page.get_by_text("Add a package").click()
    page.get_by_label("Package").select_option(index=1)
    page.get_by_role("button", name="Add module").click()
    page.get_by_role("link", name="Publish version 1").click()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Version 1 is in the catalog.").first).to_be_visible()


def assign_to_ana(page: Page, live: Live) -> None:
    page.goto(live.app + "/assignments/new")
    page.get_by_label("Course").select_option(label=f"{TITLE} (FIRE-26)")
    page.get_by_label("Ana Tester").check()
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("row", name="Ana Tester")).to_be_visible()


def statements(live: Live, page: Page, key: str, secret: str, **query: str) -> list[dict]:
    answer = page.request.get(
        live.app + "/xapi/statements",
        params=query,
        headers={"Authorization": basic(key, secret), "X-Experience-API-Version": "1.0.3"},
    )
    assert answer.status == 200, answer.text()
    return answer.json()["statements"]


def basic(key: str, secret: str) -> str:
    return "Basic " + b64encode(f"{key}:{secret}".encode()).decode()


def test_a_course_goes_from_upload_to_a_certificate_anybody_can_verify(
    live, page_of, new_context, size, fire_safety, database, cast
):
    live.command("credential", "create", "--key", "reader", "--secret", "reader-secret-1", "--scopes", "all")
    cem = page_of("cem", size, by_form=True)
    upload(cem, live, fire_safety)
    publish(cem, live)
    assign_to_ana(cem, live)

    ana = page_of("ana", size, by_form=True)
    expect(ana.get_by_text("1 thing to do.").first).to_be_visible()
    assert looking.violations(ana) == []
    ana.get_by_role("button", name="Start").or_(ana.get_by_role("link", name="Start")).first.click()
    course = course_in(ana)
    for _ in range(6):
        course.get_by_role("button", name="Next").click()
    expect(course.locator("#place")).to_have_text("Page 7 of 12", timeout=10_000)
    expect(ana.locator("#stoa-saved")).to_have_text("Saved")
    assert looking.violations(ana) == []
    assert not looking.scrolls_sideways(ana)
    ana.context.close()  # the whole browser is gone: no exit, no goodbye

    ana = page_of("ana", size)
    ana.get_by_role("link", name="Continue").or_(ana.get_by_role("button", name="Continue")).first.click()
    course = course_in(ana)
    expect(course.locator("#place")).to_have_text("Page 7 of 12", timeout=10_000)
    course.get_by_text("Contents").click()
    course.get_by_role("button", name="Quiz").click()
    answer(course, elevator="t", smoke="b")
    expect(course.get_by_text("60")).to_be_visible()
    expect(ana.get_by_text("Not passed yet.").first).to_be_visible(timeout=10_000)
    course.get_by_role("button", name=re.compile("again", re.I)).click()
    answer(course)
    expect(ana.get_by_text("You have completed this course.").first).to_be_visible(timeout=10_000)
    expect(ana.locator("#standing-now")).to_have_attribute("data-percent", "100")

    ana.get_by_role("link", name="Show your certificate").click()
    expect(ana.get_by_text("Fire safety 2026").first).to_be_visible()
    assert looking.violations(ana) == []
    assert not looking.scrolls_sideways(ana)
    pdf = eventually(lambda: pdf_of(ana))
    text = PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    assert "Ana Tester" in text
    assert "Fire safety 2026" in text
    number = re.search(r"NWC-FIRE-26-\d\d-0001", text)
    assert number, text
    code = re.search(r"/verify/([A-Z0-9]+)", text) or re.search(r"/verify/([A-Z0-9]+)", ana.content())
    assert code

    anybody = new_context(size).new_page()
    anybody.goto(f"{live.app}/verify/{code[1]}")
    expect(anybody.get_by_text("Ana Tester")).to_be_visible()
    expect(anybody.get_by_text("Valid").first).to_be_visible()
    assert looking.violations(anybody) == []

    cem.goto(live.app + "/certificates/register")
    cem.get_by_role("link", name=number[0]).first.click()
    cem.get_by_role("link", name=re.compile("completion", re.I)).first.click()
    expect(cem.get_by_role("heading", level=1)).to_be_visible()
    assert "/evidence/" in cem.url
    for link in ("statements", "Package version", "sha256"):
        assert re.search(link, cem.content(), re.I), link
    assert looking.violations(cem) == []
    assert not looking.scrolls_sideways(cem)

    stored = statements(live, cem, "reader", "reader-secret-1", ascending="true")
    verbs = [statement["verb"]["id"].rpartition("/")[2] for statement in stored]
    assert verbs[0] == "initialized"
    assert verbs.index("failed") < verbs.index("passed")
    assert len({statement["context"]["registration"] for statement in stored}) == 1
    eventually(lambda: no_open_jobs(database, cast))
    assert "0 differences" in live.command("rebuild", "training")


def test_a_trusted_source_completes_a_module_and_nobody_else_does(live, page_of, fire_safety):
    for key in ("trusted", "stranger"):
        live.command(
            "credential", "create", "--key", key, "--secret", f"{key}-secret-1", "--scopes", "all", "--label", key
        )
    cem = page_of("cem")
    upload(cem, live, fire_safety)
    publish(cem, live)
    assign_to_ana(cem, live)
    cem.goto(live.app + "/courses")
    cem.get_by_role("link", name="Fire safety 2026").click()
    cem.get_by_text("Details and trusted sources").click()
    activity = re.search(re.escape(live.app) + r"/packages/[0-9a-f-]{36}", cem.content())
    sources = cem.get_by_label(re.compile("credential|source", re.I)).last
    sources.select_option(value=sources.locator("option", has_text="trusted").get_attribute("value"))
    cem.get_by_role("button", name=re.compile("^Trust")).click()
    assert activity

    def post(key: str, iri: str) -> int:
        statement = {
            "id": str(uuid4()),
            "actor": {"mbox": "mailto:ana@northwind.example"},
            "verb": {"id": PASSED},
            "object": {"id": iri},
            "result": {"success": True, "completion": True, "score": {"scaled": 0.9}},
        }
        return cem.request.post(
            live.app + "/xapi/statements",
            data=[statement],
            headers={"Authorization": basic(key, f"{key}-secret-1"), "X-Experience-API-Version": "1.0.3"},
        ).status

    assert post("stranger", activity[0]) == 200
    assert post("trusted", "http://elsewhere.example/course") == 200
    eventually(lambda: row_of_ana(cem, live, "0%"))
    assert post("trusted", activity[0]) == 200
    eventually(lambda: row_of_ana(cem, live, "100%"))

    cem.goto(live.app + "/evidence/uncounted")
    expect(cem.get_by_text("stranger").first).to_be_visible()


def no_open_jobs(database, cast) -> bool:
    with database.read(cast.northwind) as session:
        return not jobs.page(session, JobState.QUEUED) and not jobs.page(session, JobState.RUNNING)


def row_of_ana(page: Page, live: Live, percent: str) -> bool:
    page.goto(live.app + "/assignments")
    return percent in page.get_by_role("row", name="Ana Tester").inner_text()


def pdf_of(page: Page) -> bytes | None:
    answer = page.request.get(page.url + "/pdf")
    return answer.body() if answer.status == 200 and answer.body().startswith(b"%PDF") else None


def eventually(found, seconds: float = 15):
    """Answer what `found` answers as soon as it is something; jobs need a moment."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := found():
            return value
        time.sleep(0.3)
    raise AssertionError("it did not happen")
