"""Statements out as a file and in from one."""

import csv
import hashlib
import io
import json
import os
import zipfile
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from app import commands
from core import audit, clock
from core.files import Files
from lrs.services import export, imports
from lrs.services.browsing import Search
from lrs.services.export import Layout, harmless
from tests.lrs.factories import activity, agent, statement, voiding

DATA = b"a photograph \x00\xff"
SHA2 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def cem(sign_in):
    return sign_in("cem")


@pytest.fixture
def upload(cem, run_jobs):
    """Import a file as cem does on the page; answer the report's page."""

    def send(content, name="statements.ndjson", **form):
        data = {"statements": (io.BytesIO(content), name), **form}
        answer = cem.post("/lrs/imports", data=data, content_type="multipart/form-data")
        assert answer.status_code == 302, answer.text
        run_jobs()
        return cem.get(answer.location)

    return send


def lines(*items):
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def with_attachment(**more):
    declared = {
        "usageType": "http://id.example/photo", "display": {"en": "Photo"}, "contentType": "image/png",
        "length": len(DATA), "sha2": SHA2,
    }  # fmt: skip
    return statement(attachments=[declared], **more)


def packed(entries):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return content.getvalue()


class TestExport:
    def test_ndjson_has_every_statement_as_it_lies_in_the_store_oldest_first(self, lrs, cem, monkeypatch):
        monkeypatch.setattr(export, "PAGE", 2)
        batch = [statement() for _ in range(5)]
        lrs.post(*batch)

        answer = cem.get("/lrs/statements/export")

        found = [json.loads(line) for line in answer.data.splitlines()]
        assert [item["id"] for item in found] == [item["id"] for item in batch]
        assert found[0] == lrs.get("statements", statementId=batch[0]["id"]).json
        assert answer.mimetype == "application/x-ndjson"
        assert "attachment; filename=" in answer.headers["Content-Disposition"]

    def test_the_filters_of_the_browser_choose(self, lrs, cem):
        wanted, other = statement("passed"), statement("failed")
        lrs.post(wanted, other)

        answer = cem.get("/lrs/statements/export?verb=passed&person=ana@northwind.example")

        assert [json.loads(line)["id"] for line in answer.data.splitlines()] == [wanted["id"]]

    def test_a_filter_that_cannot_be_read_is_said_before_anything_is_sent(self, cem):
        assert cem.get("/lrs/statements/export?registration=x").status_code == 422
        assert cem.get("/lrs/statements/export?layout=xml").status_code == 400

    def test_what_is_stored_while_the_export_runs_is_not_in_it(self, lrs, database, cast, settings):
        lrs.post(statement())
        with database.read(cast.northwind) as session:
            selection = export.plan(session, Search())
        lrs.post(statement())

        pieces = export.stream(database, Files(settings.storage_url), cast.northwind, selection, Layout.NDJSON)

        assert b"".join(pieces).count(b"\n") == 1

    def test_csv_opens_in_a_spreadsheet_and_no_cell_is_a_formula(self, lrs, cem):
        item = statement(
            "completed", actor=agent("ana", name="=HYPERLINK(1)"), object=activity("c", name={"en": "@First, “Aid”"}),
            result={"score": {"scaled": -0.5, "raw": 3, "min": 0, "max": 6}, "success": False, "response": "+1\nx"},
        )  # fmt: skip
        lrs.post(item)

        (row,) = csv.DictReader(io.StringIO(cem.get("/lrs/statements/export?layout=csv").text))

        assert row["id"] == item["id"]
        assert row["actor"] == "'=HYPERLINK(1)"
        assert row["object"] == "'@First, “Aid”"
        assert row["response"] == "'+1\nx"
        assert (row["score_scaled"], row["success"], row["completion"]) == ("-0.5", "false", "")
        assert row["credential"] == "test"

    @pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\tx", "\r=1", "  =1"])
    def test_every_start_of_a_formula_is_put_behind_an_apostrophe(self, cell):
        assert harmless(cell) == f"'{cell}"

    def test_a_zip_brings_the_attachments(self, lrs, cem, upload):
        upload(packed({"statements.ndjson": lines(with_attachment(), with_attachment()), f"attachments/{SHA2}": DATA}))

        answer = cem.get("/lrs/statements/export?layout=zip")

        with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
            assert archive.testzip() is None
            assert archive.namelist() == ["statements.ndjson", f"attachments/{SHA2}"]
            assert archive.read(f"attachments/{SHA2}") == DATA
            assert len(archive.read("statements.ndjson").splitlines()) == 2

    def test_who_took_what_is_in_the_audit_log(self, lrs, cem, database, cast):
        cem.get("/lrs/statements/export?layout=csv&verb=passed")

        with database.read(cast.northwind) as session:
            entry = next(row for row in audit.page(session) if row.action == "statements.exported")
        assert (entry.actor_id, entry.details) == (cast.cem, {"layout": "csv", "filters": {"verb": "passed"}})

    def test_a_learner_takes_nothing(self, sign_in):
        assert sign_in("ana").get("/lrs/statements/export").status_code == 403

    def test_a_program_with_a_credential_takes_what_it_may_read(self, lrs, client_with):
        mine = client_with("statements/write", "statements/read/mine", authority="other")
        lrs.post(statement())
        own = statement()
        mine.post(own)

        def ids(client, **query):
            answer = client.get("/api/v1/lrs/statements", **query)
            return answer.status_code, [json.loads(line)["id"] for line in answer.data.splitlines()]

        assert ids(mine) == (200, [own["id"]])
        assert len(ids(lrs)[1]) == 2
        assert client_with("statements/write", authority="w").get("/api/v1/lrs/statements").status_code == 403
        assert lrs("GET", "/api/v1/lrs/statements", headers={"Authorization": None}).status_code == 401


class TestImport:
    def test_ids_and_moments_stay_and_the_authority_is_ours(self, lrs, cem, upload):
        item = statement(
            timestamp="2019-05-05T08:00:00.000000Z", stored="2019-05-05T08:00:01Z", authority=agent("their-lrs")
        )

        report = upload(lines(item))

        assert "Everything in the file is in the store." in report.text
        found = lrs.get("statements", statementId=item["id"]).json
        assert found["timestamp"] == item["timestamp"]
        assert found["authority"]["account"] == {"homePage": "http://localhost", "name": "imports"}
        assert found["stored"] > "2020"
        page = cem.get(f"/lrs/statements/{item['id']}").text
        assert "their-lrs" in page
        assert "2019-05-05T08:00:01Z" in page

    def test_a_bad_line_is_listed_with_every_reason_and_the_others_are_stored(self, lrs, cem, upload):
        good = [statement(), statement(version="2.0.0", context={"contextAgents": [_context_agent()]})]
        bad = statement(actor={"mbox": "ana"}, verb={"id": "did"})

        report = upload(lines(good[0], bad) + b"{nonsense\n[]\n\n" + lines(good[1]))

        assert "3 lines were refused" in report.text
        for words in ("Line 2", "statement.actor.mbox", "statement.verb.id", "Line 3", "is not JSON", "Line 4"):
            assert words in report.text
        assert set(lrs.speaking("2.0.0").found()) == {item["id"] for item in good}
        kept = cem.get(report.request.path + "/refusals").data.splitlines()
        assert [json.loads(line)["line"] for line in kept] == [2, 3, 4]
        assert json.loads(json.loads(kept[0])["content"]) == bad

    def test_a_second_import_finds_everything_here(self, lrs, upload, database, cast):
        content = lines(statement(), statement())
        upload(content)

        upload(content)

        with database.read(cast.northwind) as session:
            newest = imports.page(session)[0]
        assert (newest.lines, newest.stored, newest.known, newest.refused) == (2, 0, 2, 0)
        assert len(lrs.found()) == 2

    def test_the_same_id_with_other_content_is_refused_alone(self, lrs, upload):
        taken = statement()
        lrs.post(taken)
        fresh = statement()

        report = upload(lines(fresh, taken | {"verb": {"id": "http://x.example/other"}}, taken))

        assert "1 line was refused" in report.text
        assert "it is not the same" in report.text
        assert set(lrs.found()) == {taken["id"], fresh["id"]}

    def test_an_export_comes_back_whole_in_another_organization(
        self, lrs, client_with, cem, sign_in, cast, run_jobs, upload
    ):
        batch = [with_attachment(), statement(version="2.0.0"), statement()]
        upload(packed({"statements.ndjson": lines(*batch), f"attachments/{SHA2}": DATA}), "x.zip")
        taken = cem.get("/lrs/statements/export?layout=zip").data

        zoe, form = sign_in("zoe"), {"statements": (io.BytesIO(taken), "x.zip")}
        zoe.post("/lrs/imports", data=form, content_type="multipart/form-data")
        run_jobs()

        acme = client_with(organization=cast.acme)
        assert acme.speaking("2.0.0").found(ascending="true") == [item["id"] for item in batch]
        assert DATA in acme.get("statements", statementId=batch[0]["id"], attachments="true").data

    @pytest.mark.parametrize(
        ("entries", "words"),
        [
            pytest.param({}, "and attachments/", id="no data"),
            pytest.param({f"attachments/{SHA2}": b"other"}, "does not have the hash", id="other data"),
        ],
    )
    def test_an_attachment_must_have_come_along(self, lrs, upload, entries, words):
        report = upload(packed({"statements.ndjson": lines(with_attachment())} | entries), "x.zip")

        assert words in report.text
        assert lrs.found() == []

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            pytest.param(b"PK\x03\x04 nothing", "The zip cannot be read", id="no zip"),
            pytest.param(packed({"readme.txt": b""}), "has no file statements.ndjson", id="no statements"),
            pytest.param(packed({"statements.ndjson": b"\n" * (2 << 20)}), "far more than", id="a bomb"),
        ],
    )
    def test_a_file_that_is_no_export_is_said_so(self, upload, content, words, monkeypatch):
        monkeypatch.setattr(imports, "RATIO_FROM", 1 << 20)

        assert words in upload(content, "x.zip").text

    def test_an_interrupted_import_goes_on_where_it_was(self, database, cast, settings, monkeypatch, lrs):
        monkeypatch.setattr(imports, "BATCH", 2)
        batch = [statement() for _ in range(5)]
        for item in batch:
            del item["id"]
        storage = Files(settings.storage_url)
        with database.write(cast.northwind) as session:
            credential_id = imports.own_credential(session, home_page="http://h", hash_key=b"k", now=clock.now())
            row = imports.start(
                session, storage.put(lines(*batch)), file_name="x", credential_id=credential_id, created_by=None,
                now=clock.now(),
            )  # fmt: skip

        def die(percent, note):
            raise RuntimeError("the worker died")

        with pytest.raises(RuntimeError):
            imports.run(database, storage, cast.northwind, row.id, progress=die, now=clock.now())
        done = imports.run(database, storage, cast.northwind, row.id, progress=lambda *_: None, now=clock.now())

        assert (done.lines, done.stored, done.known, done.refused) == (5, 5, 0, 0)
        assert len(lrs.found()) == 5

    def test_only_so_many_refusals_are_kept_and_all_are_counted(self, upload, monkeypatch, database, cast):
        monkeypatch.setattr(imports, "KEPT_REFUSALS", 3)

        upload(b"x\n" * 5)

        with database.read(cast.northwind) as session:
            row = imports.page(session)[0]
            assert row.refused == 5
            assert len(imports.refusals(session, row.id, 100)) == 3

    def test_a_line_longer_than_any_statement_is_skipped(self, upload, monkeypatch, lrs):
        monkeypatch.setattr(imports, "LONGEST_LINE", 2000)
        item = statement()

        report = upload(b'{"x":"' + b"x" * 5000 + b'"}\n' + lines(item))

        assert "is longer than" in report.text
        assert lrs.found() == [item["id"]]

    def test_a_voiding_that_this_source_may_not_do_is_refused(self, lrs, upload):
        target = statement()
        lrs.post(target)

        report = upload(lines(voiding(target["id"]), statement()))

        assert "may not void" in report.text
        assert target["id"] in lrs.found()

    def test_stored_as_a_credential_of_ones_choice(self, lrs, upload, cem):
        item = statement()

        upload(lines(item), credential=str(lrs.credential.id))

        assert lrs.get("statements", statementId=item["id"]).json["authority"]["mbox"] == "mailto:lms@northwind.example"

    def test_a_file_must_be_chosen_and_hold_something(self, cem):
        assert cem.post("/lrs/imports", data={}).status_code == 422
        answer = cem.post("/lrs/imports", data={"statements": (io.BytesIO(b""), "x.ndjson")})
        assert (answer.status_code, "The file is empty." in answer.text) == (422, True)

    def test_the_bytes_may_go_when_the_import_is_over(self, upload, database, cast):
        upload(lines(statement()))

        with database.read(cast.northwind) as session:
            assert imports.page(session)[0].file_id is None

    def test_a_program_sends_a_file_and_asks_how_far_it_is(self, lrs, client_with, run_jobs):
        item = statement()
        answer = lrs("POST", "/api/v1/lrs/imports", data=lines(item, {}), content_type="application/x-ndjson")
        assert answer.status_code == 202
        run_jobs()

        state = lrs.get(answer.location).json

        assert (state["state"], state["stored"], state["refused"]) == ("completed", 1, 1)
        assert state["refusals"][0]["line"] == 2
        assert client_with(authority="other").get(answer.location).status_code == 404
        assert lrs.get(f"/api/v1/lrs/imports/{uuid4()}").status_code == 404

    def test_another_organization_finds_no_import(self, upload, sign_in):
        path = upload(lines(statement(), {})).request.path
        zoe = sign_in("zoe")

        assert [zoe.get(path + more).status_code for more in ("", "/progress", "/refusals")] == [404] * 3

    def test_rows_of_refusals_and_origins_are_the_tenants_own(self, upload, database, cast):
        upload(lines(statement(), {}))

        with database.read(cast.acme) as session:
            for table in ("lrs_imports", "lrs_import_refusals", "lrs_statement_origins"):
                assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0


def _context_agent():
    return {"objectType": "contextAgent", "agent": agent("ben"), "relevantTypes": ["http://id.example/role"]}


def test_the_command_line_exports_and_imports(lrs, settings, database_url, tmp_path, monkeypatch):
    for name, found in {"STOA_HOME": settings.home, "DATABASE_URL": database_url, "STOA_TEST": "1"}.items():
        monkeypatch.setitem(os.environ, name, str(found))
    lrs.post(statement("passed"), statement("failed"))
    path = tmp_path / "x.ndjson"

    out = CliRunner().invoke(
        commands.stoa, ["statements", "export", "--organization", "northwind", "--verb", "passed", "--output", path]
    )
    assert out.exit_code == 0, out.output
    assert len(path.read_bytes().splitlines()) == 1
    path.write_bytes(path.read_bytes() + b"{}\n")
    back = CliRunner().invoke(commands.stoa, ["statements", "import", "--organization", "acme", str(path)])

    assert "1 stored, 0 here already, 1 refused" in back.output
    assert "line 2: statement.actor" in back.output
    assert back.exit_code == 1
