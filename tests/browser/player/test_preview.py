"""An author previews a package from its page: it plays, nothing is recorded, and every API call is there to copy."""

import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core import clock
from scorm_player import archive
from scorm_player.services import packages
from scorm_player.tables import PackageSource
from tests.browser.player.conftest import SCO
from tests.scorm_player import manifests, zips
from tests.site import looking
from tools.pack import pack

IN_TOP_WINDOW = SCO + '<script>window.top.API_1484_11.Initialize("")</script>'
LAUNCHER = "<!doctype html><button onclick='window.open(\"course.html\")'>Open the course</button>"
IN_POPUP = SCO.replace("let at = window;", "let at = window.opener;") + '<script>api.Initialize("")</script>'
FRAMES = '<frameset cols="30%,*"><frame src="menu.html"><frame name="lesson" src="one.html"></frameset>'
COURSE = Path(__file__).resolve().parents[3] / "packages" / "privacy"


def package_page(stage, new_context, zipped):
    """Import a package and open its page as ben: the page in his browser, and the package's id."""
    stored = stage.app.extensions["stoa"].files.put(zipped.getvalue())
    with stage.database.write(stage.cast.northwind) as session:
        upload = packages.receive(
            session, stored, file_name="course.zip", source=PackageSource.UPLOAD, home=stage.origin,
            created_by=stage.cast.ben, now=clock.now(),
        )  # fmt: skip
        version = packages.accept(
            session, upload.id, packages.examine(zipped, archive.Limits()), home=stage.origin, now=clock.now()
        )
        package_id = version.package_id
    context = new_context()
    stage.let_in(context, "ben")
    page = context.new_page()
    page.goto(f"{stage.origin}/packages/{package_id}")
    return page, package_id


def test_an_author_plays_a_package_and_reads_its_calls(stage, new_context):
    page, package_id = package_page(stage, new_context, io.BytesIO(pack(COURSE)))

    page.get_by_role("button", name="Preview").click()

    course = page.frame_locator("#stoa-content").frame_locator("iframe")
    expect(course.locator("h1:visible")).to_have_text("What do you know already?")
    assert looking.violations(page) == []
    page.get_by_text("API calls").click()
    expect(page.locator("#stoa-log")).to_contain_text('Initialize("") = "true" [0]')
    for question, right in (
        ("c-what", "b"),
        ("c-initials", "false"),
        ("c-caller", "c"),
        ("c-screen", "a"),
        ("c-screen", "c"),
    ):
        course.locator(f"input[name={question}][value={right}]").check()
    course.get_by_role("button", name="Show what comes next").click()
    course.get_by_role("button", name="Go on").click()
    expect(course.locator("h1:visible")).to_have_text("Final test")  # the check has skipped the lesson
    expect(page.locator("#stoa-log")).to_contain_text('SetValue("adl.nav.request", "continue") = "true" [0]')
    outline = page.locator("#stoa-outline")
    check, test = (outline.get_by_role("button", name=name) for name in ("What do you know already?", "Final test"))
    expect(check.get_by_role("img")).to_have_accessible_name("Completed")
    expect(test).to_have_attribute("aria-current", "true")
    expect(test.get_by_role("img")).to_have_accessible_name("In progress")
    page.get_by_role("link", name="Leave the preview").click()
    page.wait_for_url(f"{stage.origin}/packages/{package_id}/versions/1")


def test_content_that_wants_the_topmost_window_finds_its_api_in_a_window_of_its_own(stage, new_context):
    files = {"imsmanifest.xml": manifests.scorm_2004(), "index.html": IN_TOP_WINDOW}
    page, _ = package_page(stage, new_context, zips.zipped(files))
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("API calls").click()

    page.get_by_role("button", name="Open the content in a window of its own").click()

    expect(page.locator("#stoa-log")).to_contain_text('Initialize("") = "true" [0]')


def test_content_that_opens_a_window_is_in_touch_with_it(stage, new_context):
    files = {"imsmanifest.xml": manifests.scorm_2004(), "index.html": LAUNCHER, "course.html": IN_POPUP}
    page, _ = package_page(stage, new_context, zips.zipped(files))
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("API calls").click()

    page.frame_locator("#stoa-content").frame_locator("iframe").get_by_role("button", name="Open the course").click()

    expect(page.locator("#stoa-log")).to_contain_text('Initialize("") = "true" [0]')


def test_frames_that_send_each_other_elsewhere_play_in_a_window_of_their_own(stage, new_context):
    files = {
        "imsmanifest.xml": manifests.scorm_2004(), "index.html": FRAMES, "one.html": "One", "two.html": "Two",
        "menu.html": "<a href='two.html' target='lesson'>Go on to two</a>",
    }  # fmt: skip
    page, _ = package_page(stage, new_context, zips.zipped(files))
    page.get_by_role("button", name="Preview").click()

    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open the content in a window of its own").click()
    course = opened.value.frame_locator("iframe")
    course.frame_locator("frame >> nth=0").get_by_role("link", name="Go on to two").click()

    expect(course.frame_locator("frame >> nth=1").locator("body")).to_have_text("Two")


@pytest.mark.parametrize(("width", "stays"), [(390, False), (1280, True)])
def test_the_outline_makes_room_for_the_content_where_it_would_cover_it(stage, new_context, width, stays):
    page, _ = package_page(stage, new_context, io.BytesIO(pack(COURSE)))
    page.set_viewport_size({"width": width, "height": 800})

    page.get_by_role("button", name="Preview").click()

    course = page.frame_locator("#stoa-content").frame_locator("iframe")
    expect(course.locator("h1:visible")).to_be_visible()
    expect(page.locator("#stoa-outline")).to_be_visible(visible=stays)
    page.get_by_text("Outline").click()
    expect(page.locator("#stoa-outline")).to_be_visible(visible=not stays)


def test_a_window_that_content_opens_cannot_send_the_player_elsewhere(stage, new_context):
    away = (
        SCO
        + """<script>
      try { opener.top.location.href = "/away"; } catch (problem) { document.title = problem.name; }
    </script>"""
    )
    files = {"imsmanifest.xml": manifests.scorm_2004(), "index.html": LAUNCHER, "course.html": away}
    page, _ = package_page(stage, new_context, zips.zipped(files))
    page.get_by_role("button", name="Preview").click()
    preview = page.url

    with page.context.expect_page() as opened:
        page.frame_locator("#stoa-content").frame_locator("iframe").get_by_role(
            "button", name="Open the course"
        ).click()

    expect(opened.value).to_have_title("SecurityError")
    assert page.url == preview


def test_content_in_a_window_of_its_own_has_no_way_back_to_the_player(stage, new_context):
    looking_back = """<p role="status"></p><script>
      const { opener, parent } = window.top;
      document.querySelector("[role=status]").textContent = [window.opener, opener, parent === window.top].map(String);
    </script>"""
    files = {"imsmanifest.xml": manifests.scorm_2004(), "index.html": IN_TOP_WINDOW + looking_back}
    page, _ = package_page(stage, new_context, zips.zipped(files))
    page.get_by_role("button", name="Preview").click()

    with page.context.expect_page() as opened:
        page.get_by_role("button", name="Open the content in a window of its own").click()

    seen = opened.value.frame_locator("iframe").get_by_role("status")
    expect(seen).to_have_text("null,null,true")
