"""The playback policy on its pages: set for all, changed for one, shown where the package is shown."""

import html

import pytest

from scorm_player.services import packages
from tests.scorm_player.playing import course


@pytest.fixture
def package(database, cast):
    with database.write(cast.northwind) as session:
        return packages.version(session, course(session)).package_id


def test_a_package_says_only_what_differs_from_the_organization(package, sign_in):
    cem = sign_in("cem")
    assert cem.post("/settings/playback", data={"attempts": "2", "wrap_up": "yes"}).status_code == 302

    chosen = {"attempts": "5", "empty_exit": "suspend", "window": "", "strict": "yes"}
    answer = cem.post(f"/packages/{package}/playback", data=chosen)

    assert answer.headers["Location"] == f"/packages/{package}"
    page = cem.get(f"/packages/{package}").text
    assert "pauses it; the next visit goes on" in page
    assert "stays on a last page" in page
    assert "are refused with the standard's error" in html.unescape(page)
    assert ">5</dd>" in page.replace("\n", "")
    assert "As the organization: stays on a last page" in cem.get(f"/packages/{package}/playback").text


def test_what_cannot_be_is_answered_beside_its_field(package, sign_in):
    answer = sign_in("cem").post(
        f"/packages/{package}/playback", data={"attempts": "1000", "silent_finish": "completed"}
    )

    assert answer.status_code == 422
    assert "1000 is greater than the maximum of 100" in answer.text


def test_only_who_manages_the_organization_changes_it_for_all(sign_in):
    assert sign_in("ben").post("/settings/playback", data={}).status_code == 403
