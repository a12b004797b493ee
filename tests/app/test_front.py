import base64
import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
import uvicorn
from flask import request

from accounts import login
from accounts.permissions import PERMISSIONS
from accounts.services import members, roles
from app import build, front
from app.front import Front
from app.protocol import Protocol
from core import clock
from core.http import csrf_for, machine, session_cookie
from lrs.services import credentials, queries, rates
from scorm_player.scorm.sequencing.definition import Edition
from tests.lrs.factories import agent, statement
from tests.scorm_player.playing import launched, registered

HOT = "content-security-policy"  # Flask's answers carry it, those of a hot route do not


@pytest.fixture
def lrs_key(database, settings, cast):
    with database.write(cast.northwind) as session:
        made = credentials.issue(
            session, label="test", scopes=["all"], home_page=settings.app_origin, hash_key=settings.key("lrs"),
            now=clock.now(),
        )  # fmt: skip
    return base64.b64encode(f"{made.key}:{made.secret}".encode()).decode()


@contextmanager
def running(flask):
    """The front as it runs in a worker, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        application = Front(flask)
        server = uvicorn.Server(
            uvicorn.Config(application, http=Protocol, log_level="error", lifespan="on", timeout_graceful_shutdown=5)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield Site(port, application)
        finally:
            application._close_streams()
            server.should_exit = True
            thread.join(20)


class Site:
    def __init__(self, port, application):
        self.port, self.application = port, application

    def __call__(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = {"Host": "localhost"} | {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def store(self, key, item, **headers):
        sent = {
            "Authorization": f"Basic {key}",
            "X_Experience_API_Version": "1.0.3",
            "Content_Type": "application/json",
        }
        return self("POST", "/xapi/statements", json.dumps(item), **(sent | headers))


@pytest.fixture(scope="module")
def built():
    app = build()

    @app.post("/echo")
    @machine()
    def echo():
        return {
            "body": len(request.get_data()),
            "path": request.environ["PATH_INFO"],
            "args": request.query_string.decode(),
        }

    @app.get("/long")
    @machine()
    def long():
        return (b"x" * 100_000 for _ in range(30)), {"Content-Type": "text/plain"}

    @app.get("/headers")
    @machine()
    def headers():
        return dict(request.headers)

    return app


@pytest.fixture
def site(app):
    with running(app) as found:
        yield found


class TestProtocol:
    """An answer that is whole leaves at once; everything about the connection is as it was."""

    def talk(self, site, *requests, until=b"", closes=False):
        """Send requests at once; what came back until it has `until` so many times or the server closed."""
        with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
            connection.sendall(b"".join(requests))
            found = b""
            while closes or found.count(until) < len(requests):
                piece = connection.recv(1 << 16)
                if not piece:
                    break
                found += piece
            return found

    def request(self, lrs_key, item, *headers):
        body = json.dumps(item).encode()
        lines = [
            "POST /xapi/statements HTTP/1.1", "Host: localhost", f"Authorization: Basic {lrs_key}",
            "X-Experience-API-Version: 1.0.3", "Content-Type: application/json", f"Content-Length: {len(body)}",
            *headers,
        ]  # fmt: skip
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    def test_requests_sent_together_are_answered_in_order(self, site, lrs_key):
        batch = [statement() for _ in range(5)]

        found = self.talk(site, *[self.request(lrs_key, item) for item in batch], until=b'"]')

        assert [line.split(b'"')[1].decode() for line in found.split(b"\r\n\r\n")[1:]] == [item["id"] for item in batch]
        assert found.count(b"HTTP/1.1 200 OK\r\n") == 5

    def test_the_connection_closes_when_the_client_says_so(self, site, lrs_key):
        found = self.talk(site, self.request(lrs_key, statement(), "Connection: close"), closes=True)

        assert found.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nconnection: close\r\n" in found
        assert HOT.encode() not in found

    def test_a_page_that_cannot_be_read_quickly_is_read_all_the_same(self, site, lrs_key, monkeypatch):
        item = statement()
        site.store(lrs_key, item)

        def fails(*_, **__):
            raise psycopg.OperationalError("gone")

        monkeypatch.setattr(queries, "plain_page", fails)
        answer = site("GET", "/xapi/statements", Authorization=f"Basic {lrs_key}", X_Experience_API_Version="1.0.3")

        assert [found["id"] for found in json.loads(answer.content)["statements"]] == [item["id"]]

    def test_who_has_gone_does_no_harm(self, site, lrs_key):
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", site.port), timeout=20) as connection:
                connection.sendall(self.request(lrs_key, statement()))

        assert site.store(lrs_key, statement()).status == 200


class TestFlask:
    """Whatever the front does not answer itself arrives at Flask as it came."""

    def test_pages_answer(self, site):
        answer = site("GET", "/sign-in")

        assert answer.status == 200
        assert b"csrf-token" in answer.content
        assert answer.getheader("content-security-policy")

    @pytest.mark.parametrize(
        "size", [0, 1, 70_000, 1 << 20, 3 << 20], ids=["none", "one", "some", "the limit", "large"]
    )
    def test_bodies_of_any_size_arrive_whole(self, site, size):
        assert json.loads(site("POST", "/echo", b"b" * size).content)["body"] == size

    def test_a_body_without_a_length_arrives_whole(self, site):
        pieces = iter([b"a" * 1000, b"b" * 5, b"c" * 200_000])

        assert json.loads(site("POST", "/echo", pieces).content)["body"] == 201_005

    def test_long_answers_come_whole(self, site):
        assert len(site("GET", "/long").content) == 3_000_000

    def test_a_head_request_has_no_body(self, site):
        answer = site("HEAD", "/healthz")

        assert (answer.status, answer.content) == (200, b"")

    def test_paths_and_queries_arrive_as_they_were_sent(self, site):
        answer = site("POST", "/echo?a=%2F&b=%C3%A9", b"")

        assert json.loads(answer.content)["args"] == "a=%2F&b=%C3%A9"
        assert site("POST", "/%65cho", b"").status == 200
        assert site("GET", "/%FF%00").status == 404

    def test_a_header_cannot_pass_for_another_by_an_underscore(self, site):
        connection = http.client.HTTPConnection("127.0.0.1", site.port)
        connection.request("GET", "/headers", headers={"X_Request_Id": "forged-forged", "X-Other": "kept"})
        found = json.loads(connection.getresponse().read())
        connection.close()

        assert found["X-Other"] == "kept"
        assert "X-Request-Id" not in found

    def test_too_large_is_said_and_the_server_lives_on(self, site):
        answer = site("POST", "/sign-in", b"x" * 100, Content_Length=str(10 << 30))

        assert answer.status in (400, 403, 413)
        assert site("GET", "/healthz").status == 200

    def test_what_cannot_be_answered_soon_is_refused_at_once(self, site, monkeypatch):
        monkeypatch.setattr(site.application._bridge, "_most", 0)

        answer = site("GET", "/healthz")

        assert answer.status == 503
        assert answer.getheader("retry-after")


class TestHotRoute:
    """POST statements on the event loop."""

    def test_a_plain_statement_is_stored_without_flask(self, site, lrs_key):
        site.store(lrs_key, statement())  # the first one makes the credential known
        item = statement()

        answer = site.store(lrs_key, item)

        assert (answer.status, json.loads(answer.content)) == (200, [item["id"]])
        assert answer.getheader(HOT) is None
        assert answer.getheader("x-experience-api-version") == "1.0.3"
        assert answer.getheader("x-experience-api-consistent-through")
        read = site(
            "GET", f"/xapi/statements?statementId={item['id']}",
            Authorization=f"Basic {lrs_key}", X_Experience_API_Version="1.0.3",
        )  # fmt: skip
        assert json.loads(read.content)["actor"] == item["actor"]

    def test_who_asks_too_often_is_refused_at_the_front(self, site, lrs_key, database, cast, monkeypatch):
        monkeypatch.setattr(rates, "AT_ONCE", 120.0)
        with database.write(cast.northwind) as session:
            (known,) = credentials.page(session, clock.now())
            credentials.set_rate(session, known.id, 1)  # two at once
        site.store(lrs_key, statement())  # the long way, and counted there

        assert site.store(lrs_key, statement()).status == 200
        for answer in (
            site.store(lrs_key, statement()),
            site.store(lrs_key, statement(actor={"mbox": "nobody"})),
            site("GET", "/xapi/statements", Authorization=f"Basic {lrs_key}", X_Experience_API_Version="1.0.3"),
            site.store(lrs_key, statement(), Content_Type="application/json; a=b"),
        ):
            assert answer.status == 429
            assert 1 <= int(answer.getheader("retry-after")) <= 60
            assert answer.getheader("x-experience-api-consistent-through")

    def test_both_ways_give_the_same_answer(self, site, lrs_key):
        site.store(lrs_key, statement())
        invalid = statement(actor={"mbox": "nobody"}, verb={"id": "did"})
        for item in (statement(), invalid):
            hot, flask = site.store(lrs_key, item), site.store(lrs_key, item, Content_Type="application/json; a=b")

            assert hot.getheader(HOT) is None
            assert flask.getheader(HOT)
            assert (hot.status, hot.content) == (flask.status, flask.content)
            names = {name.lower() for name, _ in hot.getheaders()}
            assert names <= {name.lower() for name, _ in flask.getheaders()}

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            pytest.param({"Authorization": "Basic eDp5"}, 401, id="a stranger"),
            pytest.param({"X_Experience_API_Version": "3.0"}, 400, id="an unknown version"),
            pytest.param({"Content_Type": "text/plain"}, 400, id="no JSON"),
        ],
    )
    def test_refusals_are_the_resources(self, site, lrs_key, headers, status):
        site.store(lrs_key, statement())

        assert site.store(lrs_key, statement(), **headers).status == status

    def test_a_conflict_is_explained(self, site, lrs_key):
        item = statement()
        site.store(lrs_key, item)

        assert site.store(lrs_key, item | {"actor": agent("ben")}).status == 409

    def test_a_body_that_is_no_json_is_refused(self, site, lrs_key):
        site.store(lrs_key, statement())
        sent = {"Authorization": f"Basic {lrs_key}", "X_Experience_API_Version": "1.0.3"}

        assert site("POST", "/xapi/statements", b"{", Content_Type="application/json", **sent).status == 400


class TestHotCommit:
    """POST of run-time data on the event loop."""

    @pytest.fixture
    def open_lesson(self, database, settings, cast):
        """A lesson of 2004 that ana has open, the headers her page sends, and what stands in the lesson."""
        now = clock.now()
        with database.write(cast.northwind) as session:
            registration = registered(session, cast.ana, edition=Edition.FOURTH)
            launch = launched(session, registration, now)
            token = login.open_session(session, cast.ana, now, ip_address="127.0.0.1", user_agent="test")
        headers = {
            "Cookie": f"theme=dark; {session_cookie(settings)}={token}",
            "X_CSRF_Token": csrf_for(settings, token),
            "Origin": settings.app_origin,
            "Sec_Fetch_Site": "same-origin",
            "Content_Type": "application/json",
        }
        return f"/runtime/{launch.session_id}/commit", headers

    def body(self, sequence, *changes, **more):
        return json.dumps({"batches": [{"sequence": sequence, "changes": changes}], "last": sequence} | more)

    def test_both_ways_give_the_same_answer(self, site, open_lesson):
        path, headers = open_lesson
        first = site("POST", path, self.body(1, ["cmi.location", "p1"]), **headers)

        hot = site("POST", path, self.body(1, ["cmi.location", "p1"]), **headers)
        flask = site("POST", path, self.body(1, ["cmi.location", "p1"], replay=True), **headers)

        assert json.loads(first.content) == {"saved": 1, "applied": 1, "follow": None, "ended": False}
        assert json.loads(hot.content) == {"saved": 1, "applied": 0, "follow": None, "ended": False}
        assert hot.getheader(HOT) is None
        assert flask.getheader(HOT)
        assert (hot.status, hot.content) == (flask.status, flask.content)
        assert {name.lower() for name, _ in hot.getheaders()} <= {name.lower() for name, _ in flask.getheaders()}

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            pytest.param({"X_CSRF_Token": "made up"}, 403, id="a forged request"),
            pytest.param({"Origin": "http://127.0.0.1"}, 403, id="from a package"),
            pytest.param({"Sec_Fetch_Site": "cross-site"}, 403, id="from another site"),
            pytest.param({"Cookie": "stoa_session=unknown"}, 403, id="a stranger"),
            pytest.param({"Host": "127.0.0.1"}, 404, id="on the content origin"),
        ],
    )
    def test_refusals_are_the_views(self, site, open_lesson, changed, status):
        path, headers = open_lesson
        site("POST", path, self.body(1, ["cmi.location", "p1"]), **headers)  # now she is known

        refused = site("POST", path, self.body(2, ["cmi.location", "p2"]), **(headers | changed))

        assert refused.status == status
        answer = site("POST", path, self.body(3), **headers)
        assert json.loads(answer.content)["saved"] == 1, "nothing was kept of it"

    def test_what_is_odd_or_somebody_elses_is_answered_by_the_view(self, site, open_lesson):
        path, headers = open_lesson
        site("POST", path, self.body(1, ["cmi.location", "p1"]), **headers)

        assert site("POST", path, b"{", **headers).status == 400
        assert site("POST", path, b'{"batches": [{}]}', **headers).status == 400
        assert site("POST", path.replace(path[9:45], str(uuid4())), self.body(1), **headers).status == 404
        ended = {"batches": [{"sequence": 2, "changes": [], "terminated": True}], "last": 2}
        assert json.loads(site("POST", path, json.dumps(ended), **headers).content)["ended"] is True


class TestHotReading:
    """GET and HEAD statements at the front: what Flask would answer, header by header."""

    OWN = frozenset({"date", "x-request-id", "x-experience-api-consistent-through"})  # of the moment

    def read(self, site, key, path, method="GET", **headers):
        sent = {"Authorization": f"Basic {key}", "X_Experience_API_Version": "1.0.3"} | headers
        return site(method, path, **{name: text for name, text in sent.items() if text is not None})

    @pytest.fixture
    def items(self, site, lrs_key):
        items = [statement(verb) for verb in ("passed", "completed", "failed")]
        for item in items:
            site.store(lrs_key, item)
        site.store(lrs_key, statement(context={"contextAgents": []}), X_Experience_API_Version="2.0.0")
        return items

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize(
        ("path", "headers"),
        [
            pytest.param("/xapi/statements", {}, id="all"),
            pytest.param("/xapi/statements?limit=2&ascending=true", {}, id="a page"),
            pytest.param("/xapi/1.0.3/statements?limit=1&format=ids", {}, id="ids"),
            pytest.param("/xapi/statements?format=canonical", {"Accept_Language": "de"}, id="canonical"),
            pytest.param("/xapi/2.0/statements", {"X_Experience_API_Version": "2.0"}, id="of 2.0"),
            pytest.param("/xapi/statements", {"Origin": "https://app.example"}, id="from another origin"),
            pytest.param("/xapi/statements?verb=http://nobody.example/did", {}, id="nothing"),
            pytest.param("/xapi/statements?verb=x", {}, id="a bad filter"),
            pytest.param("/xapi/statements?limit=1&limit=2", {}, id="a filter twice"),
            pytest.param("/xapi/statements?Limit=1", {}, id="an unknown filter"),
            pytest.param("/xapi/statements?verb=%00", {}, id="NUL"),
            pytest.param("/xapi/statements?statementId=ec531277-b57b-4c15-8d91-d292c5b2b8f7", {}, id="not there"),
            pytest.param("/xapi/statements/more/nonsense", {}, id="no link of ours"),
            pytest.param("/xapi/statements", {"X_Experience_API_Version": None}, id="no version"),
            pytest.param("/xapi/statements", {"X_Experience_API_Version": "3"}, id="an unknown version"),
            pytest.param("/xapi/statements", {"Authorization": "Basic eDp5"}, id="a stranger"),
            pytest.param("/xapi/statements?attachments=true", {}, id="attachments"),
        ],
    )
    def test_both_ways_give_the_same_answer(self, site, lrs_key, items, path, headers, method, monkeypatch):
        here = self.read(site, lrs_key, path, method, **headers)
        monkeypatch.setattr(front, "MOST_READING", 0)
        flask = self.read(site, lrs_key, path, method, **headers)

        assert here.status == flask.status
        if "attachments" not in path:  # its boundary is another each time
            assert here.content == flask.content
            ours, theirs = ({name.lower(): text for name, text in answer.getheaders()} for answer in (here, flask))
            names = ours.keys() - self.OWN
            assert {name: ours[name] for name in names} == {name: theirs.get(name) for name in names}
        assert flask.getheader(HOT)
        assert here.getheader("x-experience-api-consistent-through")
        if here.status == 200 and "attachments" not in path:
            assert here.getheader(HOT) is None

    def test_more_leads_through_everything_at_the_front(self, site, lrs_key, items):
        path, found = "/xapi/statements?limit=1&ascending=true", []
        while path:
            answer = self.read(site, lrs_key, path)
            assert answer.getheader(HOT) is None
            page = json.loads(answer.content)
            found += [item["id"] for item in page["statements"]]
            path = page["more"]

        assert found[:3] == [item["id"] for item in items]
        assert len(found) == 4

    def test_one_statement_says_when_it_was_stored(self, site, lrs_key, items, monkeypatch):
        path = f"/xapi/statements?statementId={items[0]['id']}"
        here = self.read(site, lrs_key, path)
        monkeypatch.setattr(front, "MOST_READING", 0)
        flask = self.read(site, lrs_key, path)

        assert here.getheader(HOT) is None
        assert here.getheader("last-modified") == flask.getheader("last-modified")
        assert here.content == flask.content


class TestStreams:
    """The live tail."""

    @pytest.fixture
    def cookie(self, sign_in):
        return f"stoa_session={sign_in('cem').get_cookie('stoa_session').value}"

    @contextmanager
    def tail(self, site, cookie, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=10)
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request("GET", "/lrs/statements/tail", headers={"Host": "localhost", "Cookie": cookie} | sent)
        answer = connection.getresponse()
        try:
            yield answer
        finally:
            answer.close()
            connection.close()

    def events(self, answer, count):
        found = []
        event = {}
        while len(found) < count:
            line = answer.readline().decode().rstrip("\n")
            if line.startswith(("id: ", "data: ", "event: ")):
                name, _, text = line.partition(": ")
                event[name] = text
            elif not line and event:
                found.append(event)
                event = {}
        return found

    def test_new_statements_appear_in_order(self, site, cookie, lrs_key):
        with self.tail(site, cookie) as answer:
            assert answer.getheader("content-type").startswith("text/event-stream")
            answer.readline()
            time.sleep(0.3)
            items = [statement(verb) for verb in ("passed", "completed")]
            for item in items:
                site.store(lrs_key, item)
            found = self.events(answer, 2)

        assert [json.loads(event["data"])["id"] for event in found] == [item["id"] for item in items]
        assert found[0]["id"] < found[1]["id"]

    def test_who_was_away_gets_what_came_meanwhile(self, site, cookie, lrs_key, database, cast):
        items = [statement() for _ in range(3)]
        site.store(lrs_key, items[0])
        with self.tail(site, cookie, Last_Event_ID="2020-01-01T00:00:00+00:00") as answer:
            (first,) = self.events(answer, 1)
        for item in items[1:]:
            site.store(lrs_key, item)

        with self.tail(site, cookie, Last_Event_ID=first["id"]) as answer:
            found = self.events(answer, 2)

        assert [json.loads(event["data"])["id"] for event in found] == [item["id"] for item in items[1:]]

    def test_another_organizations_statements_are_not_heard(self, site, sign_in, lrs_key):
        cookie = f"stoa_session={sign_in('zoe').get_cookie('stoa_session').value}"
        with self.tail(site, cookie, Last_Event_ID="2020-01-01T00:00:00+00:00") as answer:
            answer.readline()
            site.store(lrs_key, statement())
            answer.fp.raw._sock.settimeout(1)
            answer.readline()
            with pytest.raises(TimeoutError):
                answer.readline()

    @pytest.mark.parametrize(("name", "status"), [("ana", 403), (None, 401)])
    def test_only_those_who_may_look_can_listen(self, site, sign_in, name, status):
        cookie = f"stoa_session={sign_in(name).get_cookie('stoa_session').value}" if name else "stoa_session=x"

        with self.tail(site, cookie) as answer:
            assert answer.status == status

    def test_whoever_leaves_loses_the_open_stream_within_five_seconds(self, site, sign_in, cookie, database, cast):
        with database.write(cast.northwind) as session:
            roles.assign(session, cast.ben, "org_admin", clock.now(), by=cast.cem, may=PERMISSIONS)
        with self.tail(site, cookie) as answer:
            answer.readline()
            began = time.monotonic()
            with database.write(cast.northwind) as session:
                members.set_standing(session, cast.cem, "left", clock.now(), may_assign_roles=True)

            assert answer.read().replace(b":\n\n", b"").strip() in (b"", b"retry: 2000")
            assert time.monotonic() - began < 5

    def test_the_content_host_has_no_streams(self, site, cookie):
        with self.tail(site, cookie, Host="127.0.0.1") as answer:
            assert answer.status == 401

    def test_too_many_streams_are_refused(self, site, cookie, monkeypatch):
        monkeypatch.setattr(front, "MOST_STREAMS", 0)

        with self.tail(site, cookie) as answer:
            assert answer.status == 503

    def test_streams_end_when_the_server_stops(self, site, cookie):
        with self.tail(site, cookie) as answer:
            answer.readline()
            time.sleep(0.3)
            site.application._close_streams()

            assert answer.read() == b"\n"
