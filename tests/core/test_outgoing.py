"""The door to others: what may be called, and what an answer may do to us."""

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from core import outgoing
from core.config import ConfigurationError, load
from core.outgoing import AddressRefused, Unreachable


@contextmanager
def listening(handle):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            handle(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def answering(status=200, body=b"", headers=()):
    def handle(request):
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return handle


@pytest.fixture
def allowed():
    outgoing.allow(["127.0.0.0/8"])
    yield
    outgoing.allow([])


@pytest.fixture
def named(monkeypatch):
    """Let a name lead to addresses of a test's choice."""

    def name(*addresses):
        def resolve(host, port, *_args, **_options):
            found = [host] if host.replace(".", "").isdecimal() else addresses
            family = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(family[":" in each], socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)

    return name


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:0:0:0:0:80ff:fffe",
    ],
)  # fmt: skip
def test_no_neighbor_can_be_called(named, address):
    named(address)

    with pytest.raises(AddressRefused):
        outgoing.check("https://innocent.example/")


def test_one_bad_address_among_good_ones_is_enough(named):
    named("93.184.216.34", "10.0.0.1")

    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        outgoing.check("https://innocent.example/")


def test_a_public_address_may_be_called(named):
    named("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")

    outgoing.check("https://innocent.example/")


def test_secrets_do_not_travel_in_clear_through_the_public_network(named):
    named("93.184.216.34")

    with pytest.raises(AddressRefused, match="in clear"):
        outgoing.check("http://innocent.example/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example/", "file:///etc/passwd", "//x.example", "https://", "https://u:p@x.example/", "nonsense", "",
        "https://x.example/a b", "https://x.example:99999/", "https://x.example/\r\nHost: y",
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused(named, url):
    named("93.184.216.34")

    with pytest.raises(AddressRefused):
        outgoing.check(url)


def test_an_unknown_host_is_said_so(monkeypatch):
    def fail(*_args, **_options):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    with pytest.raises(Unreachable, match=r"no host nowhere\.example"):
        outgoing.check("https://nowhere.example/")


def test_what_the_operator_allowed_can_be_called_and_is_told_the_name(allowed, named):
    heard = []

    def handle(request):
        heard.append(request.headers["Host"])
        answering(body=b"hello")(request)

    with listening(handle) as url:
        port = url.rpartition(":")[2]
        named("127.0.0.1")
        with outgoing.line(f"http://lrs.inside.example:{port}/xapi/") as line:
            answer = line.request("GET", "/about?x=1")

    assert (answer.status, answer.content) == (200, b"hello")
    assert heard == [f"lrs.inside.example:{port}"]


def test_the_name_is_asked_once_so_it_cannot_turn_into_a_neighbor_later(allowed, named):
    with listening(answering(body=b"1")) as url:
        port = url.rpartition(":")[2]
        named("127.0.0.1")
        with outgoing.line(f"http://turns.example:{port}/") as line:
            named("10.0.0.1")
            assert line.request("GET", "/").status == 200


def test_a_redirect_is_an_answer_and_is_not_followed(allowed):
    with (
        listening(answering(302, headers=[("Location", "http://127.0.0.1:1/secret")])) as url,
        outgoing.line(url) as line,
    ):
        assert line.request("GET", "/").status == 302


def test_a_link_to_elsewhere_is_not_followed(allowed):
    with listening(answering()) as url, outgoing.line(url) as line, pytest.raises(AddressRefused, match="leads away"):
        line.request("GET", "http://169.254.169.254/latest")


def test_an_answer_that_is_too_large_is_cut_off(allowed):
    with (
        listening(answering(body=b"x" * 100_000)) as url,
        outgoing.line(url) as line,
        pytest.raises(Unreachable, match="larger than"),
    ):
        line.request("GET", "/", limit=1000)


def test_a_packed_answer_is_refused(allowed):
    with (
        listening(answering(body=b"x", headers=[("Content-Encoding", "gzip")])) as url,
        outgoing.line(url) as line,
        pytest.raises(Unreachable, match="packs its answer"),
    ):
        line.request("GET", "/")


def test_an_answer_that_never_ends_is_given_up(allowed, monkeypatch):
    def handle(request):
        request.send_response(200)
        request.end_headers()
        try:
            while not over.wait(0.02):
                request.wfile.write(b"x")
        except OSError:
            pass

    over = threading.Event()
    with listening(handle) as url, outgoing.line(url) as line:
        with pytest.raises(Unreachable, match="in time"):
            line.request("GET", "/", seconds=0.2)
        over.set()


def test_silence_is_given_up(allowed, monkeypatch):
    monkeypatch.setattr(outgoing, "SILENCE_SECONDS", 0.2)
    over = threading.Event()
    with listening(lambda _request: over.wait(10)) as url, outgoing.line(url) as line:
        with pytest.raises(Unreachable, match="in time"):
            line.request("GET", "/")
        over.set()


def test_nobody_there(allowed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with outgoing.line(f"http://127.0.0.1:{port}") as line, pytest.raises(Unreachable, match="cannot be reached"):
        line.request("GET", "/")


def test_the_setting_takes_networks(tmp_path):
    env = {"STOA_HOME": str(tmp_path), "OUTGOING_ALLOW": "10.2.0.0/16, fd00::/8"}

    assert load(env).outgoing_allow == ("10.2.0.0/16", "fd00::/8")
    with pytest.raises(ConfigurationError, match="OUTGOING_ALLOW"):
        load(env | {"OUTGOING_ALLOW": "10.2.3.4/16"})
