"""A course that does not start by itself, on the learner's page: asked where to begin, and on from there in place."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import Frame, Page, expect
from sqlalchemy import func, select

from scorm_player import archive
from scorm_player.services import packages, playback
from scorm_player.tables import PackageSource, ScormItemState
from tests.browser.conftest import SIZES
from tests.browser.player.conftest import SCO, Lesson, shows
from tests.scorm_player import manifests, zips
from tests.scorm_player.playing import NOW
from tests.site import looking
from tests.training import stage as courses

ASKED = "This course does not start by itself. Choose in the outline where to begin."
NEXT = "This part has ended. Choose how to go on."
FLOW = '<imsss:sequencing><imsss:controlMode choice="true" flow="true"/></imsss:sequencing>'
USED_UP = "All attempts on “One” are used up (allowed: 1). "
DISABLED = (
    "<imsss:sequencing><imsss:sequencingRules><imsss:preConditionRule><imsss:ruleConditions>"
    '<imsss:ruleCondition condition="always"/></imsss:ruleConditions><imsss:ruleAction action="disabled"/>'
    "</imsss:preConditionRule></imsss:sequencingRules></imsss:sequencing>"
)


def item(name: str, rules: str = "") -> str:
    return f'<item identifier="{name}" identifierref="r-{name}"><title>{name.title()}</title>{rules}</item>'


def package(*names: str, rules: str = "", organization: str = ""):
    """A course of SCORM 2004 whose root has choice and no flow, as the books' defaults are."""
    manifest = manifests.scorm_2004(
        organization=organization,
        items="".join(item(name, rules) for name in names),
        resources="".join(
            f'<resource identifier="r-{name}" type="webcontent" adlcp:scormType="sco" href="{name}.html"/>'
            for name in names
        ),
    )
    return zips.zipped({"imsmanifest.xml": manifest, **{f"{name}.html": SCO for name in names}})


@pytest.fixture
def published(stage):
    """Publish a course of this package; answer its id and the package's."""

    def made(zipped) -> tuple[UUID, UUID]:
        stored = stage.app.extensions["stoa"].files.put(zipped.getvalue())
        with stage.database.write(stage.cast.northwind) as session:
            upload = packages.receive(
                session, stored, file_name="choose.zip", source=PackageSource.UPLOAD, home=stage.origin,
                created_by=stage.cast.ben, now=NOW,
            )  # fmt: skip
            version = packages.accept(
                session, upload.id, packages.examine(zipped, archive.Limits()), home=stage.origin, now=NOW
            )
            module = {"module_type": "package", "package_version_id": str(version.id)}
            return courses.course(session, module, code="CHOOSE").id, version.package_id

    return made


@pytest.fixture
def signed_in(stage, new_context):
    """Answer a page on which this person is signed in, on this size of screen."""

    def opened(name: str, size: str = "desktop") -> Page:
        context = new_context(SIZES[size])
        stage.let_in(context, name)
        return context.new_page()

    return opened


@pytest.fixture
def at_course(stage, signed_in):
    """Open the course's player page as ana, on this size of screen."""

    def opened(course_id: UUID, size: str = "desktop") -> Page:
        page = signed_in("ana", size)
        page.goto(f"{stage.origin}/catalog/{course_id}")
        page.get_by_role("button", name=re.compile("start|Continue", re.I)).first.click()
        page.wait_for_url(re.compile("/learn/.*/"))
        return page

    return opened


def content(page: Page):
    return page.frame_locator("#stoa-content").frame_locator("iframe")


def part(page: Page, name: str):
    return page.locator("#stoa-outline").get_by_role("button", name=re.compile(name))


def show_outline(page: Page) -> None:
    """On a phone the outline makes room for the content; open it again."""
    if not part(page, "One").is_visible():
        page.locator(".player-side > summary").click()


def playing(page: Page, name: str) -> Frame:
    """The frame of this page of the content, as soon as it is showing."""
    assert Lesson(page).shows(f"{name}.html", seconds=20)
    shows(content(page).locator("h1"), "Lesson")
    return next(frame for frame in page.frames if frame.url.endswith(f"/{name}.html"))


def call(page: Page, name: str, *calls: tuple[str, ...]) -> None:
    """Have the content of this page call the API."""
    frame = playing(page, name)
    for method, *given in calls:
        assert frame.evaluate("([method, given]) => api[method](...given)", [method, given]) == "true"


@pytest.mark.parametrize("size", list(SIZES))
def test_the_learner_is_asked_where_to_begin_and_goes_on_without_a_reload(published, at_course, size):
    complaints = []
    page = at_course(published(package("one", "two", "three"))[0], size)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    message = page.locator("#stoa-message")

    expect(message).to_have_text(ASKED)
    expect(message).to_be_in_viewport()
    expect(message).to_be_focused()
    expect(page.locator("#stoa-content")).to_be_hidden()
    expect(page.get_by_role("button", name="Next")).to_be_hidden()
    expect(page.get_by_role("button", name="End this attempt")).to_be_hidden()
    assert looking.violations(page) == []
    page.evaluate("window.stays = true")

    for _ in range(8):  # by keyboard alone
        page.keyboard.press("Tab")
        if page.evaluate(
            "document.activeElement.matches('[data-item]') && /Two/.test(document.activeElement.innerText)"
        ):
            break
    page.keyboard.press("Enter")

    call(page, "two", ("Initialize", ""), ("SetValue", "cmi.completion_status", "completed"))
    expect(message).to_have_count(0)
    expect(page.locator("#stoa-content")).to_be_focused()
    show_outline(page)
    expect(part(page, "Two")).to_have_attribute("aria-current", "true")
    assert page.evaluate("window.stays"), "the page was not loaded again"

    call(page, "two", ("SetValue", "adl.nav.request", "exit"), ("Terminate", ""))

    expect(message).to_have_text(NEXT)
    expect(message).to_be_focused()
    assert looking.violations(page) == []
    part(page, "Three").click()
    call(page, "three", ("Initialize", ""))
    expect(page.locator("#stoa-content")).to_be_in_viewport(ratio=0.9)
    show_outline(page)
    expect(part(page, "Two").get_by_role("img", name="Completed")).to_be_visible()
    assert page.evaluate("window.stays")
    assert complaints == []


def test_loading_again_asks_again_and_leaving_leads_back(published, at_course, stage):
    page = at_course(published(package("one", "two"))[0])
    expect(page.locator("#stoa-message")).to_have_text(ASKED)

    page.reload()

    expect(page.locator("#stoa-message")).to_have_text(ASKED)
    page.get_by_role("link", name="Leave the course").click()
    page.wait_for_url(re.compile("/learning"))


def test_a_paused_course_goes_on_where_it_was_and_an_ended_one_asks_again(published, at_course):
    course_id, _ = published(package("one", "two"))
    page = at_course(course_id)
    address = page.url
    part(page, "Two").click()
    call(page, "two", ("Initialize", ""), ("SetValue", "cmi.location", "3"))
    page.get_by_role("link", name="Leave the course").click()
    page.wait_for_url(re.compile("/learning"))

    page.goto(address)
    call(page, "two", ("Initialize", ""))
    expect(page.locator("#stoa-message")).to_have_count(0)
    page.get_by_role("button", name="End this attempt").click()
    page.get_by_role("dialog").get_by_role("button", name="End this attempt").click()
    page.wait_for_url(re.compile("/learning"))

    page.goto(address)
    expect(page.locator("#stoa-message")).to_have_text(ASKED)


def test_a_choice_made_while_the_server_is_away_can_be_tried_again(published, at_course, stage):
    page = at_course(published(package("one", "two"))[0])
    expect(page.locator("#stoa-message")).to_have_text(ASKED)
    page.context.set_offline(True)

    part(page, "One").click()

    expect(page.locator("#stoa-message")).to_contain_text("The next part cannot be opened now.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    call(page, "one", ("Initialize", ""))


def test_where_nothing_can_be_chosen_the_page_says_what_to_do_and_leads_back(published, at_course):
    page = at_course(published(package("one", "two", rules=DISABLED))[0], "phone")
    message = page.locator("#stoa-message")

    expect(message).to_contain_text("Nothing in this course can be opened now.")
    expect(message).to_contain_text("Ask a training administrator")
    expect(part(page, "One")).to_have_attribute("aria-disabled", "true")
    expect(part(page, "One")).to_contain_text("The activity is disabled")
    assert looking.violations(page) == []
    message.get_by_role("button", name="Back to the course").click()
    page.wait_for_url(re.compile("/learning"))


@pytest.fixture
def allows_one_attempt(stage, published):
    """Publish a course that flows, with one attempt on each part; answer the course's id."""

    def made(*names) -> UUID:
        course_id, package_id = published(package(*names, organization=FLOW))
        with stage.database.write(stage.cast.northwind) as session:
            playback.change(session, package_id, {"attempts": 1}, now=NOW)
        return course_id

    return made


def fail_and_end(page: Page) -> None:
    call(page, "one", ("Initialize", ""), ("SetValue", "cmi.success_status", "failed"))
    call(page, "one", ("SetValue", "adl.nav.request", "exitAll"), ("Terminate", ""))
    page.wait_for_url(re.compile("/learning"))


@pytest.mark.parametrize("size", list(SIZES))
def test_where_attempts_are_used_up_the_page_says_so_and_something_else_can_be_chosen(
    allows_one_attempt, at_course, size
):
    page = at_course(allows_one_attempt("one", "two"), size)
    address, message = page.url, page.locator("#stoa-message")
    fail_and_end(page)

    page.goto(address)

    other = "Choose something else in the outline, or ask a training administrator."
    expect(message).to_have_text(USED_UP + other)
    expect(message).to_be_focused()
    expect(message).to_be_in_viewport()
    expect(part(page, "One")).to_have_attribute("aria-disabled", "true")
    expect(part(page, "One")).to_contain_text(USED_UP.strip())
    assert looking.violations(page) == []
    part(page, "Two").click()
    call(page, "two", ("Initialize", ""), ("SetValue", "cmi.location", "5"))

    page.get_by_role("button", name="Previous").click()

    expect(message).to_contain_text(USED_UP)
    expect(message).to_be_focused()
    page.get_by_role("button", name="Go on where you were").click()
    call(page, "two", ("Initialize", ""))
    assert playing(page, "two").evaluate("api.GetValue('cmi.location')") == "5"


def test_where_nothing_else_can_be_chosen_the_page_names_who_helps_and_leads_back(allows_one_attempt, at_course):
    page = at_course(allows_one_attempt("one"), "phone")
    address, message = page.url, page.locator("#stoa-message")
    fail_and_end(page)

    page.goto(address)

    expect(message).to_contain_text(USED_UP + "Nothing in this course can be opened now. Ask a training administrator")
    assert looking.violations(page) == []
    message.get_by_role("button", name="Back to the course").click()
    page.wait_for_url(re.compile("/learning"))


def test_an_author_who_previews_it_chooses_too_ends_the_attempt_and_reads_the_calls(published, stage, signed_in):
    _, package_id = published(package("one", "two"))
    page = signed_in("ben")
    page.goto(f"{stage.origin}/packages/{package_id}")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#stoa-message")).to_have_text(ASKED)
    expect(page.get_by_role("button", name="End this attempt")).to_be_hidden()

    page.get_by_role("button", name="Two").click()
    call(page, "two", ("Initialize", ""))
    page.get_by_role("button", name="End this attempt").click()
    page.get_by_role("dialog").get_by_role("button", name="End this attempt").click()

    expect(page.locator("#stoa-message")).to_contain_text("You have reached the end.")
    page.get_by_text("API calls").click()
    expect(page.locator("#stoa-log")).to_contain_text('Initialize("") = "true" [0]')
    with stage.database.read(stage.cast.northwind) as session:
        assert session.scalar(select(func.count()).select_from(ScormItemState)) == 0
    page.get_by_role("button", name="Back to the package").click()
    page.wait_for_url(f"{stage.origin}/packages/{package_id}/versions/1")


def test_a_course_of_one_part_that_ends_without_a_word_can_begin_again_and_be_left(published, at_course):
    page = at_course(published(package("one", organization=FLOW))[0], "phone")
    call(page, "one", ("Initialize", ""), ("SetValue", "adl.nav.request", "exit"), ("Terminate", ""))
    message = page.locator("#stoa-message")
    expect(message).to_contain_text("You have reached the end.")
    expect(message.get_by_role("button", name="Back to the course")).to_be_visible()
    assert looking.violations(page) == []

    message.get_by_role("button", name="Begin again").click()

    call(page, "one", ("Initialize", ""))


def test_a_click_on_the_part_that_is_playing_does_not_begin_it_anew(published, at_course):
    page = at_course(published(package("one", "two", organization=FLOW))[0])
    call(page, "one", ("Initialize", ""), ("SetValue", "cmi.location", "3"))

    part(page, "One").click()
    part(page, "Two").click()

    call(page, "two", ("Initialize", ""))
    expect(part(page, "One").get_by_role("img", name="In progress")).to_be_visible()
    page.route("**/outline", lambda route: route.abort())  # from here on it marks what it marked
    part(page, "One").click()
    call(page, "one", ("Initialize", ""))
    part(page, "Two").click()
    call(page, "two", ("Initialize", ""))
    part(page, "One").click()
    call(page, "one", ("Initialize", ""))
    assert playing(page, "one").evaluate("api.GetValue('cmi.location')") == "3"


def test_full_screen_lasts_from_part_to_part_and_ends_when_the_learner_is_asked(published, at_course):
    page = at_course(published(package("one", "two", organization=FLOW))[0])
    call(page, "one", ("Initialize", ""))
    page.get_by_role("button", name="Full screen").click()
    page.wait_for_function("document.fullscreenElement")

    call(page, "one", ("SetValue", "adl.nav.request", "continue"), ("Terminate", ""))
    call(page, "two", ("Initialize", ""))
    assert page.evaluate("document.fullscreenElement?.className") == "player-main"
    call(page, "two", ("SetValue", "adl.nav.request", "exit"), ("Terminate", ""))

    expect(page.locator("#stoa-message")).to_have_text(NEXT)
    page.wait_for_function("!document.fullscreenElement")
    expect(page.locator("#stoa-message")).to_be_in_viewport()
