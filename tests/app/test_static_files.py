"""What pages are made of is fetched once: a browser that has it asks no more, until it changes."""

import pytest
from flask import url_for

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def address(app):
    with app.test_request_context():
        return url_for("static", filename="player/player.js")


@pytest.mark.parametrize("accepted", [GZIP, {}], ids=["gzip", "as it is"])
def test_a_browser_keeps_a_file_for_a_year_without_asking(client, address, accepted):
    with client.get(address, headers=accepted) as answer:
        caching = answer.cache_control
    assert (caching.public, caching.immutable, caching.max_age) == (True, True, 365 * 24 * 3600)
    assert not caching.no_cache
    assert not caching.no_store
    assert answer.headers.get("Content-Encoding") == accepted.get("Accept-Encoding")


@pytest.mark.parametrize("accepted", [GZIP, {}], ids=["gzip", "as it is"])
def test_an_address_without_a_version_is_asked_for_again_and_sent_again_only_when_it_changed(client, accepted):
    with client.get("/static/player/player.js", headers=accepted) as first:
        assert first.cache_control.no_cache

    known = {"If-None-Match": first.headers["ETag"]}
    with client.get("/static/player/player.js", headers=accepted | known) as again:
        assert (again.status_code, again.data) == (304, b"")


def test_an_outdated_version_is_not_kept(client, address):
    version = address.split("/")[2]

    assert client.get(address.replace(version, "v-0123"), headers=GZIP).cache_control.max_age == 0
