import email
import email.policy
import re
import time
from pathlib import Path

from tests.browser.conftest import SIZES
from tests.conftest import PASSWORD
from tests.site import looking


def last_link(home: Path) -> str:
    """Wait for the worker's letter and answer the address inside."""
    deadline = time.monotonic() + 15
    while not (found := sorted((home / "mail").glob("*.eml"))) and time.monotonic() < deadline:
        time.sleep(0.2)
    message = email.message_from_bytes(found[-1].read_bytes(), policy=email.policy.default)
    return re.search(r"http://\S+", message.get_body().get_content())[0]


def test_pages_of_people_and_account_hold_for_axe_and_fit_the_screen(live, page_of, cast):
    page = page_of("cem")

    def look(where):
        assert looking.faults(page) == [], where

    person = f"/people/{cast.ana}"
    for path in ("/people", person):  # all others: tests/site/test_languages.py
        page.goto(live.app + path)
        look(path)
    page.goto(live.app + "/me/second-factor")
    look("second factor")
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    page.get_by_label("Code shown by the app").wait_for()
    look("set-up of the second factor")
    page.get_by_role("button", name="Your account").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(live.app + "/sign-in")
    look("sign-in")
    page.get_by_role("link", name="Forgotten your password?").click()
    page.get_by_label("E-mail").fill("ana@northwind.example")
    look("forgotten password")
    page.get_by_role("button", name="Send the link").click()
    page.get_by_role("heading", name="Look into your mail").wait_for()
    look("letter on its way")


def test_a_person_follows_the_link_of_an_invitation_into_the_application(live, page_of, new_context):
    cem = page_of("cem")
    cem.goto(live.app + "/people/new")
    for label, text in (("First name", "Dora"), ("Last name", "Lang"), ("E-mail", "dora@northwind.example")):
        cem.get_by_label(label).fill(text)
    cem.get_by_role("button", name="Add person").click()
    cem.get_by_role("link", name="Dora Lang").wait_for()

    dora = new_context(SIZES["phone"]).new_page()
    dora.goto(last_link(live.home))
    assert "token" not in dora.url
    assert looking.violations(dora) == []
    dora.get_by_label("Choose a password").fill("seven quiet herons")
    dora.get_by_role("button", name="Accept and begin").click()

    dora.wait_for_url(live.app + "/home")
