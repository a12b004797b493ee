"""Whose word counts for where a request came from."""

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.server import Web
from core import config
from core.config import ConfigurationError
from tests import loops


def seen(home, proxies, peer, said):
    """Return the address the application sees."""
    settings = config.load({"STOA_HOME": str(home), "STOA_PROXIES": proxies})
    found = {}

    async def app(scope, receive, send):
        found.update(scope)

    front = ProxyHeadersMiddleware(app, Web(settings, lambda: None).cfg.forwarded_allow_ips)
    scope = {"type": "http", "scheme": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", said.encode())]}
    loops.run(front(scope, None, None))
    return found["client"][0]


@pytest.mark.parametrize(
    ("proxies", "peer", "said", "address"),
    [
        pytest.param("", "127.0.0.1", "203.0.113.9", "127.0.0.1", id="nobody is believed unless named"),
        pytest.param("", "198.51.100.1", "203.0.113.9", "198.51.100.1", id="nor anybody from outside"),
        pytest.param("127.0.0.1", "127.0.0.1", "203.0.113.9", "203.0.113.9", id="a proxy that is named"),
        pytest.param("10.2.0.0/16", "10.2.3.4", "203.0.113.9", "203.0.113.9", id="one of a network"),
        pytest.param("10.2.0.0/16", "10.3.0.1", "203.0.113.9", "10.3.0.1", id="one beside the network"),
        pytest.param("10.2.0.0/16", "10.2.3.4", "6.6.6.6, 203.0.113.9", "203.0.113.9", id="what the caller made up"),
    ],
)
def test_the_callers_address_is_what_a_named_proxy_says(tmp_path, proxies, peer, said, address):
    assert seen(tmp_path, proxies, peer, said) == address


def test_a_wrong_network_is_named_at_the_start(tmp_path):
    with pytest.raises(ConfigurationError, match=r"STOA_PROXIES='10\.2\.0\.1/16'"):
        config.load({"STOA_HOME": str(tmp_path), "STOA_PROXIES": "10.2.0.1/16"})
