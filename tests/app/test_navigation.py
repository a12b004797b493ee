"""The rail: where somebody may go, and where they are."""

import re

import pytest


@pytest.mark.parametrize(
    ("path", "here"),
    [
        pytest.param("/certificates", "My certificates", id="a page of the rail"),
        pytest.param("/certificates/register", "Certificates", id="a page of the rail below another one"),
        pytest.param("/settings/playback", "Playback", id="settings of one kind below all settings"),
        pytest.param(
            "/settings/theme", "Organization", id="a page that is not in the rail belongs to the one above it"
        ),
        pytest.param("/people/units", "People", id="another one below a page of the rail"),
        pytest.param("/home", "Home", id="the first page"),
    ],
)
def test_one_place_of_the_rail_is_where_somebody_is(sign_in, path, here):
    page = sign_in("cem").get(path).text

    rail = page[page.index('class="rail') : page.index("</nav>", page.index('class="rail'))]
    current = re.findall(r'aria-current="page">.*?<span>([^<]+)</span>', rail)
    assert current == [here]
