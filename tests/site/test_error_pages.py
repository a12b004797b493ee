import pytest
from playwright.sync_api import Browser

from tests.site.looking import faults, page_of
from tests.site.style_app import ERRORS, make_app


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_page_says_what_to_do_and_which_request_it_was(code):
    page = make_app().test_client().get(f"/error/{code}").text

    assert page.count("<h1>") == 1
    assert "01JD-4F2K" in page
    assert ("Try again in 20 seconds." in page) == (code == 429)


@pytest.mark.browser
def test_axe_finds_nothing_on_error_pages(site, browser: Browser):
    with page_of(browser, 1280, bypass_csp=True) as page:
        for code in ERRORS:
            page.goto(f"{site}/error/{code}")

            assert faults(page) == []


def test_an_address_that_leads_nowhere_is_told_in_words(client):
    page = client.get("/nothing/here")

    assert page.status_code == 404
    assert "The address may be mistyped" in page.text
    assert "Not Found" not in page.text
