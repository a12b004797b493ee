from playwright.sync_api import expect

from catalog.services import courses, drafts, modules, publishing
from tests.catalog.conftest import credential, published, ready_package
from tests.site import looking


def test_a_course_is_built_and_published_with_a_real_browser(live, page_of, size, database, cast, now):
    with database.write(cast.northwind) as session:
        ready_package(session, now)
    page = page_of("ben", size)

    page.goto(live.app + "/courses/new")
    page.get_by_label("Title").fill("Fire safety at work")
    page.get_by_label("Code").fill("fire-1")
    page.get_by_role("button", name="Create course").click()
    page.get_by_label("First section").fill("Start here")
    page.get_by_role("button", name="Add section").click()
    page.get_by_text("Add a package").click()
    page.get_by_label("Package").select_option(label="Fire safety, version 1")
    page.get_by_role("button", name="Add module").click()
    page.get_by_role("link", name="Publish version 1").click()
    page.get_by_role("button", name="Publish", exact=True).click()

    page.get_by_text("Version 1 is in the catalog.").first.wait_for()
    page.get_by_role("link", name="Show in the catalog").click()
    page.get_by_role("heading", name="Fire safety at work").wait_for()


def test_all_pages_of_the_catalog_hold_for_axe_and_fit_the_screen(live, page_of, database, cast, now):
    with database.write(cast.northwind) as session:
        made = published(
            session, now, title="Fire safety at work", description="What burns.\n\nWhat smoke does.",
            estimated_minutes=80, is_certified=True, validity_months=12, passing_score=80,
        )  # fmt: skip
        draft = publishing.new_draft(session, made.course_id, now=now)
        section = drafts.add_section(session, draft.id, "Practice")
        link = {"title": "Simulator", "external_url": "https://sim.example/", "activity_iri": "urn:sim:fire"}
        simulator = drafts.add_module(session, section.id, {"module_type": "external_link", **link})
        module = courses.outline(session, draft.id)[0].modules[0]
        modules.trust(session, module.id, credential(session, now), now=now)
        another = credential(session, now, "Another")
    page = page_of("ben")
    course = f"/courses/{made.course_id}"
    paths = [
        "/courses", "/courses?q=none", "/courses/new", course, f"{course}/versions/{made.version_id}", "/catalog",
        "/catalog?q=none", f"/catalog/{made.course_id}",
    ]  # fmt: skip

    for path in paths:
        page.goto(live.app + path)
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert looking.faults(page) == [], path

    page.goto(live.app + course)
    page.get_by_role("link", name="Publish version 2").click()
    page.get_by_text("Nobody's statements could complete it.").wait_for()
    assert looking.faults(page) == []
    with database.write(cast.northwind) as session:
        modules.trust(session, simulator.id, another, now=now)
    page.reload()
    assert looking.faults(page) == []
    page.get_by_label("It has to be taken again").check()
    page.get_by_role("button", name="Publish", exact=True).click()
    versions = page.locator("#versions")
    expect(versions.get_by_text("0 switched · 0 assigned again")).to_be_visible()  # by itself, when the job is done
    assert looking.faults(page) == []
