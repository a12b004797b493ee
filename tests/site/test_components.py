"""The style page in Chromium: every component, in both themes, at every width."""

import gzip
import re

import pytest
from playwright.sync_api import Browser, expect

from tests.site.looking import complaints, faults, page_of, scrolls_sideways, violations

pytestmark = pytest.mark.browser


def test_axe_finds_nothing(site, browser: Browser):
    with page_of(browser, 1280, bypass_csp=True) as page:
        page.goto(f"{site}/?flash")

        assert faults(page) == []


@pytest.mark.parametrize("language", ["ar@pseudo", "en@pseudo"])
def test_axe_finds_nothing_in_other_languages(site, browser: Browser, language):
    with page_of(browser, 390, bypass_csp=True) as page:
        page.goto(f"{site}/?lang={language}")

        assert violations(page) == []


@pytest.mark.parametrize("opener", [".me", "button[commandfor=invite]", ".bar-nav button"])
def test_axe_finds_nothing_in_what_opens(site, browser: Browser, opener):
    with page_of(browser, 390, bypass_csp=True, reduced_motion="reduce") as page:
        page.goto(site)
        page.locator(opener).first.click()

        assert violations(page) == []


def test_nothing_breaks_the_policy_or_complains(site, browser: Browser):
    with page_of(browser, 1280) as page:
        heard = complaints(page)
        page.goto(f"{site}/?flash")
        page.locator("button[commandfor=invite]").first.click()
        page.keyboard.press("Escape")
        page.locator(".menu button").first.click()
        page.wait_for_load_state("networkidle")

        assert heard == []


@pytest.mark.parametrize("language", ["en", "ar@pseudo", "en@pseudo"])
def test_no_page_scrolls_sideways(site, browser: Browser, language):
    with page_of(browser, 1024) as page:
        page.goto(f"{site}/?lang={language}")

        for width in (1024, 768, 360, 320):
            page.set_viewport_size({"width": width, "height": 844})
            assert not scrolls_sideways(page), width


def test_the_pseudo_locale_leaves_no_text_of_the_frame_in_english(site, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(f"{site}/?lang=en@pseudo")

        expect(page.locator(".skip")).to_have_text(re.compile(r"^\[Šķîþ ţö ţĥé çöñţéñţ( ~)+\]$"))
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_a_page_weighs_at_most_80_kilobytes(site, browser: Browser):
    weights: dict[str, int] = {}
    with page_of(browser, 1280) as page:
        page.on("response", lambda answer: weights.update({answer.url: len(gzip.compress(answer.body(), 9))}))
        page.goto(site)
        page.wait_for_load_state("networkidle")

    code = {url: size for url, size in weights.items() if not url.endswith(".woff2")}
    assert sum(code.values()) <= 80 * 1024, code


def test_a_chosen_theme_stays_until_the_system_is_chosen_again(site, browser: Browser):
    with page_of(browser, 1280, "light") as page:
        page.goto(site)
        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator(".me").click()
        page.locator("[data-theme-choice=dark]").click()
        page.reload()
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator(".me").click()
        page.locator("[data-theme-choice=system]").click()

        assert dark != light
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_the_drawer_takes_the_focus_and_gives_it_back(site, browser: Browser):
    with page_of(browser, 390) as page:
        page.goto(site)
        page.locator(".bar-nav button").click()
        expect(page.locator("#drawer")).to_be_visible()
        assert page.evaluate("document.activeElement.closest('#drawer') !== null")
        page.keyboard.press("Escape")

        expect(page.locator("#drawer")).to_be_hidden()
        assert page.evaluate("document.activeElement.matches('.bar-nav button')")


def test_menus_and_dialogs_open_without_script(site, browser: Browser):
    with page_of(browser, 1280, java_script_enabled=False) as page:
        page.goto(site)
        page.locator(".me").click()
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        expect(page.locator(".theme-switch")).to_be_hidden()
        page.keyboard.press("Escape")
        page.locator("button[commandfor=invite]").first.click()

        expect(page.locator("#invite")).to_be_visible()


def test_htmx_sends_the_csrf_token(site, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(site)
        page.evaluate("htmx.ajax('POST', '/fragment', {target: '.lead-line', source: '.lead-line'})")

        expect(page.locator("#seen")).to_have_text("a-token-of-the-tests")


def test_new_content_takes_the_focus_to_its_heading_and_is_announced(site, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(site)
        page.evaluate("htmx.ajax('GET', '/content', {target: '#main'})")

        expect(page.locator("h1")).to_be_focused()
        expect(page.locator("#live")).to_have_text("Another page")


def test_a_refused_form_leads_to_what_is_wrong(site, browser: Browser):
    with page_of(browser, 1280) as page:
        page.goto(site)
        expect(page.locator("[data-focus]")).to_be_focused()
        page.get_by_role("link", name="The day has passed.").click()

        expect(page.locator("#f-due_on")).to_be_focused()


def test_an_upload_shows_its_progress_and_then_the_answer(site, browser: Browser):
    with page_of(browser, 390) as page:
        heard = complaints(page)
        page.goto(f"{site}/upload")
        page.locator("#f-package").set_input_files(
            {"name": "a.zip", "mimeType": "application/zip", "buffer": b"x" * 10}
        )
        page.get_by_role("button", name="Upload").click()

        expect(page.locator("#flashes")).to_have_text("Received 10 bytes with a-token-of-the-tests.")
        assert page.url == f"{site}/received"
        assert heard == []


def test_the_copy_button_says_that_it_copied(site, browser: Browser):
    with page_of(browser, 1280, permissions=["clipboard-read", "clipboard-write"]) as page:
        page.goto(site)
        page.get_by_role("button", name="Copy the link").click()

        expect(page.locator("#live")).to_have_text("Copied")
        assert page.evaluate("navigator.clipboard.readText()") == "https://example.org/verify/abc"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_focus_is_never_hidden(site, browser: Browser, width):
    with page_of(browser, width, reduced_motion="reduce") as page:
        page.goto(site)
        page.evaluate("document.activeElement.blur()")
        for _ in range(60):
            page.keyboard.press("Tab")
            hidden = page.evaluate(
                """() => {
                  const focused = document.activeElement, box = focused.getBoundingClientRect();
                  if (focused === document.body || box.width === 0) return null;
                  const x = Math.min(Math.max(box.x + box.width / 2, 0), innerWidth - 1);
                  const seen = [2, box.height / 2, box.height - 2].some(dy => {
                    const top = document.elementFromPoint(x, box.y + dy);
                    return top && (focused.contains(top) || top.contains(focused));
                  });
                  return seen ? null : focused.outerHTML.slice(0, 120);
                }"""
            )
            assert hidden is None


def test_the_bottom_bar_is_filled_from_the_next_groups_and_an_empty_action_leaves_no_bar(site, browser: Browser):
    with page_of(browser, 390) as page:
        page.goto(f"{site}/few")

        expect(page.locator(".bar-nav a")).to_have_text(["Home", "Overview", "Approvals"])
        expect(page.locator(".page-action")).to_have_count(0)
