"""Forwarding to and taking over from other record stores: the other one is a Stoa on a real socket, or a rude one."""

import hashlib
import threading
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import orjson
import pytest
from sqlalchemy import text
from werkzeug.serving import make_server

from core import audit, clock, outgoing
from core.files import Files
from core.jobs import Work
from lrs import jobs as lrs_jobs
from lrs.services import forwarding, imports, pulling, remotes, statements
from lrs.services.browsing import Search
from lrs.services.forwarding import ExchangeState
from lrs.services.remotes import Address
from tests.lrs.factories import agent, statement, voiding

DATA = b"a photograph \x00\xff"


@pytest.fixture(autouse=True)
def _loopback_may_be_called(app):
    outgoing.allow(["127.0.0.0/8"])
    yield
    outgoing.allow([])


@pytest.fixture
def there(app, client_with, cast):
    """Acme's store on a socket: another organization's, so that nothing here knows it."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    acme = client_with(authority="acme-lrs", organization=cast.acme)
    acme.endpoint = f"http://127.0.0.1:{server.port}/xapi/"
    yield acme
    server.shutdown()
    thread.join()
    server.server_close()


class Rude:
    """A store that answers what a test says, and remembers what it was asked."""

    def __init__(self):
        self.answers, self.heard = [], []

    def __call__(self, request):
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        self.heard.append((request.command, request.path, body))
        status, headers, content = self.answers.pop(0) if self.answers else (200, {}, b"[]")
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    @property
    def sent(self):
        """The ids of the statements that came, request by request."""
        found = [orjson.loads(body) for method, _, body in self.heard if method == "POST"]
        return [[item["id"] for item in (batch if isinstance(batch, list) else [batch])] for batch in found]


@contextmanager
def listening(rude):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            rude(self)

        do_GET = do_POST

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/xapi/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def rude():
    store = Rude()
    with listening(store) as store.endpoint:
        yield store


def address(there, version="1.0.3"):
    known = getattr(there, "credential", None)
    key, secret = (known.key, known.secret) if known else ("key", "secret")
    return Address("Their LRS", there.endpoint, version, key, secret)


@pytest.fixture
def forward(database, cast):
    """Make a forwarder for what is stored from the start on."""

    def make(there, *, version="1.0.3", since=None, **filters):
        with database.write(cast.northwind) as session:
            return forwarding.add(
                session, address(there, version), Search(**filters), since=since, by=None, now=clock.now()
            ).id

    return make


@pytest.fixture
def run(database, cast, settings):
    def one(forwarder_id):
        return forwarding.run(database, Files(settings.storage_url), cast.northwind, forwarder_id)

    return one


@pytest.fixture
def standing(database, cast):
    def of(forwarder_id):
        with database.read(cast.northwind) as session:
            return forwarding.standing(session, forwarder_id)

    return of


class TestForwarding:
    def test_what_is_stored_here_is_soon_there_in_the_same_order(self, lrs, there, forward, run_jobs, database, cast):
        batch = [statement() for _ in range(5)]
        lrs.post(*batch)
        forward(there)
        run_jobs()
        later = statement()
        lrs.post(later)

        lrs_jobs.on_statements(database, str(cast.northwind))  # what a worker hears at the commit
        run_jobs()

        assert there.found(ascending="true") == [item["id"] for item in [*batch, later]]

    def test_the_safety_net_finds_what_nobody_announced(self, lrs, there, forward, run_jobs, database, make_work):
        forward(there)
        run_jobs()
        lrs.post(statement())

        assert lrs_jobs.look_after_remotes(make_work(None)) == {"organizations": 1}
        run_jobs()

        assert len(there.found()) == 1

    def test_only_what_the_filter_finds_is_sent(self, lrs, there, forward, run):
        wanted = statement("passed", actor=agent("ben"))
        lrs.post(wanted, statement("passed"), statement("failed", actor=agent("ben")))

        run(forward(there, verb="passed", person="ben@northwind.example"))

        assert there.found() == [wanted["id"]]

    def test_sent_twice_is_there_once(self, lrs, there, forward, run, database, cast, standing):
        lrs.post(statement(), statement())
        forwarder_id = forward(there)
        run(forwarder_id)
        with database.write(cast.northwind) as session:
            forwarding.catch_up(session, forwarder_id, clock.now() - timedelta(days=1))

        run(forwarder_id)

        assert len(there.found()) == 2
        assert standing(forwarder_id).dead == 0

    def test_attachments_travel_along(self, lrs, there, forward, run):
        sha2 = hashlib.sha256(DATA).hexdigest()
        declared = {
            "usageType": "http://id.example/photo", "display": {"en": "Photo"}, "contentType": "image/png",
            "length": len(DATA), "sha2": sha2,
        }  # fmt: skip
        item = statement(attachments=[declared])
        body = (
            b"--b\r\nContent-Type: application/json\r\n\r\n" + orjson.dumps(item)
            + b"\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: "
            + sha2.encode() + b"\r\n\r\n" + DATA + b"\r\n--b--\r\n"
        )  # fmt: skip
        assert lrs("POST", "statements", data=body, content_type="multipart/mixed; boundary=b").status_code == 200

        run(forward(there))

        answer = there.get("statements", statementId=item["id"], attachments="true")
        assert DATA in answer.data

    def test_a_2_0_statement_goes_to_a_1_0_store_as_it_can_understand_it(self, lrs, there, forward, run):
        about = {"contextAgents": [{"objectType": "contextAgent", "agent": agent("ben")}]}
        item = statement(context=about)
        lrs.speaking("2.0.0").post(item)

        run(forward(there))

        found = there.get("statements", statementId=item["id"]).json
        assert (found["version"], "context" in found) == ("1.0.0", False)

    def test_from_now_on_means_that_the_past_stays_here(self, lrs, there, forward, run):
        lrs.post(statement())
        forwarder_id = forward(there, since=clock.now())
        later = statement()
        lrs.post(later)

        run(forwarder_id)

        assert there.found() == [later["id"]]

    def test_what_is_not_taken_is_a_dead_letter_and_the_rest_goes_on(self, lrs, rude, forward, run, standing):
        batch = [statement() for _ in range(3)]
        lrs.post(*batch)
        rude.answers = [(400, {}, b"no"), (200, {}, b"[]"), (400, {}, b"I do not like it"), (204, {}, b"")]

        forwarder_id = forward(rude)
        outcome = run(forwarder_id)

        assert (outcome.delivered, outcome.buried) == (2, 1)
        assert rude.sent == [[item["id"] for item in batch], *([item["id"]] for item in batch)]
        found = standing(forwarder_id)
        assert (found.dead, found.behind, found.forwarder.state) == (1, 0, ExchangeState.ACTIVE)

    def test_a_dead_letter_is_retried_and_discarded_by_hand(self, lrs, rude, forward, run, standing, sign_in, run_jobs):
        first, second = statement(), statement()
        lrs.post(first)
        rude.answers = [(400, {}, b"no"), (400, {}, b"still no"), (200, {}, b"[]")]
        forwarder_id = forward(rude)
        run(forwarder_id)
        cem, page = sign_in("cem"), f"/lrs/forwarders/{forwarder_id}"
        assert "Answered 400" in cem.get(page).text

        cem.post(page + "/dead/retry")
        run_jobs()
        assert "2 tries" in cem.get(page).text
        cem.post(page + "/dead/retry")
        run_jobs()
        assert standing(forwarder_id).dead == 0

        rude.answers = [(400, {}, b"no")]
        lrs.post(second)
        run(forwarder_id)
        cem.post(page + "/dead/discard")
        assert standing(forwarder_id).dead == 0
        assert rude.sent.count([first["id"]]) == 3

    @pytest.mark.parametrize(
        ("answer", "least"),
        [
            pytest.param((429, {"Retry-After": "600"}, b""), 600, id="too many"),
            pytest.param((503, {"Retry-After": "120"}, b""), 120, id="busy"),
            pytest.param((500, {}, b"oops"), 5, id="broken"),
            pytest.param((401, {}, b"who?"), 5, id="not let in"),
            pytest.param((301, {"Location": "http://127.0.0.1:1/"}, b""), 5, id="moved"),
        ],
    )
    def test_the_other_side_is_away_and_nothing_is_lost(self, lrs, rude, forward, run, standing, answer, least):
        lrs.post(statement(), statement())
        rude.answers = [answer]
        forwarder_id = forward(rude)

        outcome = run(forwarder_id)

        found = standing(forwarder_id)
        assert (found.forwarder.state, found.dead, found.behind) == (ExchangeState.FAILING, 0, 2)
        assert str(answer[0]) in found.forwarder.last_error
        assert outcome.go_on_at > clock.now() + timedelta(seconds=least - 3)
        run(forwarder_id)
        assert len(rude.sent[-1]) == 2
        assert standing(forwarder_id).forwarder.state is ExchangeState.ACTIVE

    def test_pauses_grow_to_an_hour(self, rude, forward, database, cast):
        forwarder_id = forward(rude)
        now = clock.now()
        with database.write(cast.northwind) as session:
            row = forwarding.get(session, forwarder_id)
            pauses = [(remotes.failed(row, remotes.TryLater("x"), now) - now).seconds for _ in range(14)]

        assert pauses[:3] == [5, 10, 20]
        assert pauses[-1] == 3600

    def test_a_conflict_about_the_same_statement_is_a_delivery(self, lrs, rude, forward, run, standing):
        item, other = statement(), statement()
        lrs.post(item)
        lrs.post(other)
        theirs = lrs.get("statements", statementId=item["id"]).data
        rude.answers = [
            (409, {}, b"known"), (409, {}, b"known"), (200, {}, theirs), (409, {}, b"another"), (200, {}, theirs),
        ]  # fmt: skip

        forwarder_id = forward(rude)
        outcome = run(forwarder_id)

        assert (outcome.delivered, outcome.buried) == (1, 1)

    def test_paused_means_nothing_is_sent_and_resumed_that_all_is(self, lrs, there, forward, run, database, cast):
        forwarder_id = forward(there)
        with database.write(cast.northwind) as session:
            forwarding.pause(session, forwarder_id)
        lrs.post(statement())
        run(forwarder_id)
        assert there.found() == []

        with database.write(cast.northwind) as session:
            forwarding.resume(session, forwarder_id)
        run(forwarder_id)

        assert len(there.found()) == 1

    def test_a_statement_that_commits_while_a_run_looks_is_not_passed_over(
        self, lrs, there, forward, run, database, cast, standing
    ):
        forwarder_id = forward(there)
        with database.write(cast.northwind) as session:
            late = statements.store(session, [statement()], authority=agent("lms"))
            run(forwarder_id)  # the turn to store is taken, its statement not visible yet
            assert there.found() == []

        run(forwarder_id)

        assert there.found() == [str(item) for item in late]

    def test_a_voiding_statement_is_forwarded(self, lrs, there, forward, run):
        target = statement()
        lrs.post(target)
        forwarder_id = forward(there)
        run(forwarder_id)
        lrs.post(voiding(target["id"]))

        run(forwarder_id)

        assert target["id"] not in there.found()
        assert there.get("statements", voidedStatementId=target["id"]).status_code == 200

    def test_the_secret_is_not_in_the_database_in_clear(self, there, forward, database, cast):
        forward(there)

        with database.read(cast.northwind) as session:
            row = session.execute(text("SELECT f::text FROM lrs_forwarders f")).scalar()
            log = [str(item.details) for item in audit.page(session)]
        assert there.credential.secret not in row
        assert there.credential.secret.encode().hex() not in row
        assert not any(there.credential.secret in item for item in log)


@pytest.fixture
def make_work(database, settings):
    def make(organization_id):
        return Work(database, Files(settings.storage_url), None, organization_id, uuid4())

    return make


class TestPages:
    def form(self, there, **more):
        known = address(there)
        return {
            "name": known.name, "endpoint": known.endpoint, "version": "1.0.3", "username": known.username,
            "secret": known.secret, "start": "all", "every_minutes": "15", **more,
        }  # fmt: skip

    def test_try_it_asks_about(self, there, sign_in):
        cem = sign_in("cem")

        good = cem.post("/lrs/forwarders", data=self.form(there, do="try"))
        bad = cem.post("/lrs/forwarders", data=self.form(there, do="try", secret="wrong"))

        assert (good.status_code, "lets this key in" in good.text) == (200, True)
        assert (bad.status_code, "may not read statements" in bad.text) == (422, True)
        assert "Nothing is forwarded" in cem.get("/lrs/remotes").text

    @pytest.mark.parametrize("kind", ["forwarders", "pullers"])
    def test_made_shown_changed_paused_and_removed(self, there, sign_in, run_jobs, kind):
        cem = sign_in("cem")
        made = cem.post(f"/lrs/{kind}", data=self.form(there))
        assert made.status_code == 302, made.text
        run_jobs()

        assert "Their LRS" in cem.get("/lrs/remotes").text
        assert there.endpoint in cem.get(made.location).text
        assert there.credential.secret not in cem.get(made.location + "/edit").text
        assert cem.post(made.location, data=self.form(there, name="New", secret="")).status_code == 302
        for act in ("pause", "resume", "catch-up"):
            assert cem.post(f"{made.location}/{act}").status_code == 302
        assert "New" in cem.get(made.location).text
        cem.post(made.location + "/remove")
        assert cem.get(made.location).status_code == 404

    def test_a_kept_secret_is_not_sent_to_a_new_address(self, there, rude, sign_in):
        cem = sign_in("cem")
        made = cem.post("/lrs/forwarders", data=self.form(there)).location
        elsewhere = self.form(there, endpoint=rude.endpoint, secret="")

        answers = [cem.post(made, data=elsewhere | more) for more in ({"do": "try"}, {})]

        assert [answer.status_code for answer in answers] == [422, 422]
        assert "enter the secret that is for there" in answers[0].text
        assert rude.heard == []

    def test_a_neighbor_cannot_be_entered(self, sign_in, there):
        outgoing.allow([])

        answer = sign_in("cem").post("/lrs/forwarders", data=self.form(there))

        assert answer.status_code == 422
        assert "OUTGOING_ALLOW" in answer.text

    def test_wrong_fields_are_named(self, there, sign_in):
        form = self.form(there, name="", version="3", username="a:b", registration="x")

        answer = sign_in("cem").post("/lrs/forwarders", data=form)

        assert answer.status_code == 422
        for name in ("name", "version", "username", "registration"):
            assert f'id="f-{name}-error"' in answer.text


@pytest.fixture
def pull(database, cast, settings):
    def make(there, since=None):
        with database.write(cast.northwind) as session:
            credential_id = imports.own_credential(
                session, home_page="http://localhost", hash_key=settings.key("lrs"), now=clock.now()
            )
            return pulling.add(
                session, address(there), since=since, every_minutes=15, credential_id=credential_id, by=None,
                now=clock.now(),
            ).id  # fmt: skip

    return make


@pytest.fixture
def run_pull(database, cast, settings):
    return lambda puller_id: pulling.run(database, Files(settings.storage_url), cast.northwind, puller_id)


class TestPulling:
    def test_everything_there_comes_over_page_by_page_and_then_what_is_new(
        self, lrs, there, pull, run_pull, monkeypatch
    ):
        monkeypatch.setattr(pulling, "TOGETHER", 2)
        batch = [statement() for _ in range(5)]
        there.post(*batch)
        puller_id = pull(there)
        run_pull(puller_id)
        assert lrs.found(ascending="true") == [item["id"] for item in batch]

        later = statement()
        there.post(later)
        came = run_pull(puller_id)

        assert later["id"] in lrs.found()
        assert came <= 2  # the last one once more, at most

    def test_an_interrupted_run_goes_on_with_its_next_page(self, lrs, rude, pull, run_pull, database, cast):
        items = [statement(stored="2026-01-01T00:00:00Z"), statement(stored="2026-01-02T00:00:00Z")]
        pages = [
            orjson.dumps({"statements": [item], "more": more}) for item, more in zip(items, ["/x/2", ""], strict=True)
        ]
        rude.answers = [(200, {}, pages[0]), (503, {}, b""), (200, {}, pages[1])]
        puller_id = pull(rude)

        assert run_pull(puller_id) == 1
        with database.read(cast.northwind) as session:
            assert pulling.get(session, puller_id).state is ExchangeState.FAILING
        assert run_pull(puller_id) == 1

        assert [path for _, path, _ in rude.heard[1:]] == ["/x/2", "/x/2"]
        assert len(lrs.found()) == 2
        with database.read(cast.northwind) as session:
            row = pulling.get(session, puller_id)
        assert (row.more, row.position.isoformat()) == (None, "2026-01-02T00:00:00+00:00")

    def test_what_was_not_consistent_there_is_asked_for_again(self, rude, pull, run_pull, database, cast):
        page = orjson.dumps({"statements": [statement(stored="2026-01-05T00:00:00Z")], "more": ""})
        rude.answers = [(200, {"X-Experience-API-Consistent-Through": "2026-01-03T00:00:00Z"}, page)]
        puller_id = pull(rude)

        run_pull(puller_id)

        with database.read(cast.northwind) as session:
            assert pulling.get(session, puller_id).position.day == 3

    def test_attachments_come_along_and_a_bad_statement_is_listed(self, lrs, there, forward, pull, run_pull, rude):
        sha2 = hashlib.sha256(DATA).hexdigest()
        declared = {
            "usageType": "http://id.example/photo", "display": {"en": "Photo"}, "contentType": "image/png",
            "length": len(DATA), "sha2": sha2,
        }  # fmt: skip
        good = statement(attachments=[declared], stored="2026-01-05T00:00:00Z", authority=agent("theirs"))
        body = (
            b"--b\r\nContent-Type: application/json\r\n\r\n" + orjson.dumps({"statements": [good, {}], "more": ""})
            + b"\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nX-Experience-API-Hash: "
            + sha2.encode() + b"\r\n\r\n" + DATA + b"\r\n--b--\r\n"
        )  # fmt: skip
        rude.answers = [(200, {"Content-Type": "multipart/mixed; boundary=b"}, body)]

        run_pull(pull(rude))

        assert DATA in lrs.get("statements", statementId=good["id"], attachments="true").data
        assert len(lrs.found()) == 1

    @pytest.mark.parametrize("content", [b"<html>", b"[]", b'{"statements":1}', b'{"statements":[],"more":5}'])
    def test_an_answer_that_is_no_page_moves_nothing(self, rude, pull, run_pull, database, cast, content):
        rude.answers = [(200, {}, content)]
        puller_id = pull(rude)

        run_pull(puller_id)

        with database.read(cast.northwind) as session:
            row = pulling.get(session, puller_id)
        assert (row.position, row.state) == (None, ExchangeState.FAILING)
        assert "no page of statements" in row.last_error
