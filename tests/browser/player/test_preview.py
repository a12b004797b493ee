"""An author previews a package from its page: it plays, nothing is recorded, and every API call is there to copy."""

import io
from pathlib import Path

from playwright.sync_api import expect

from core import clock
from scorm_player import archive
from scorm_player.services import packages
from scorm_player.tables import PackageSource
from tests.conftest import PASSWORD
from tests.site import looking
from tools.pack import pack

COURSE = Path(__file__).resolve().parents[3] / "packages" / "privacy"


def test_an_author_plays_a_package_and_reads_its_calls(stage, new_context):
    zipped = io.BytesIO(pack(COURSE))
    stored = stage.app.extensions["stoa"].files.put(zipped.getvalue())
    with stage.database.write(stage.cast.northwind) as session:
        upload = packages.receive(
            session, stored, file_name="privacy.zip", source=PackageSource.UPLOAD, home=stage.origin,
            created_by=stage.cast.ben, now=clock.now(),
        )  # fmt: skip
        version = packages.accept(
            session, upload.id, packages.examine(zipped, archive.Limits()), home=stage.origin, now=clock.now()
        )
        package_id = version.package_id
    page = new_context().new_page()
    page.goto(f"{stage.origin}/sign-in")
    page.get_by_label("E-mail").fill("ben@northwind.example")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{stage.origin}/home")
    page.goto(f"{stage.origin}/packages/{package_id}")

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
    page.get_by_role("link", name="Leave the preview").click()
    page.wait_for_url(f"{stage.origin}/packages/{package_id}/versions/1")
