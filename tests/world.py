"""An organization in which everything has happened once: whatever a page can show is there, each done by a request.

The stories of single rooms stay in their tests; this one goes through all of them, for the tests that look at every
page and at every write.
"""

import io
import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from accounts.services import api_clients
from core import clock, outgoing
from core.db import Database
from tests.conftest import Cast
from tests.lrs.factories import statement
from tests.scorm_player import manifests, zips
from tests.training import stage

Calls = Callable[..., TestResponse]
ROWS = text("SELECT count(*) FROM audit_logs WHERE organization_id = :id OR organization_id IS NULL")


class World:
    """Does things by requests, as the people of the stories, and keeps which views left lines in the audit log."""

    def __init__(
        self,
        app: Flask,
        sign_in: Callable[[str], FlaskClient],
        run_jobs: Callable[[], int],
        database: Database,
        cast: Cast,
    ) -> None:
        outgoing.allow(["127.0.0.0/8"])  # what is called there is away; the next application sets it anew
        self.app, self.sign_in, self.run_jobs, self.database, self.cast = app, sign_in, run_jobs, database, cast
        self.cem, self.ben, self.ana = (self.called(sign_in(name)) for name in ("cem", "ben", "ana"))
        self.lines: dict[str, list[int]] = defaultdict(list)
        """By view: how many lines each of its calls left, with the jobs that it set going."""
        self.places: dict[str, None] = {}
        """Where the calls led, in order."""

    def called(self, client: FlaskClient) -> Calls:
        """Return how this browser, or program, makes a call: it succeeds, what follows is done, and the log is read."""
        urls = self.app.url_map.bind("localhost")

        def call(method: str, path: str, **more: Any) -> TestResponse:
            before = self.rows()
            answer = client.open(path, method=method, **more)
            assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {said(answer)}"
            if answer.location:
                self.places[answer.location.partition("#")[0]] = None
            self.run_jobs()
            if method not in ("GET", "HEAD"):
                endpoint, _values = urls.match(path.partition("?")[0], method=method)
                self.lines[endpoint].append(self.rows() - before)
            return answer

        return call

    def rows(self) -> int:
        """How many lines the log has."""
        with self.database.read(self.cast.northwind) as session:
            return int(session.execute(ROWS, {"id": self.cast.northwind}).scalar_one())

    def id(self, table: str, where: str = "true", column: str = "id") -> UUID:
        """The id of the newest row there."""
        with self.database.read(self.cast.northwind) as session:
            found = session.execute(text(f"SELECT {column} FROM {table} WHERE {where} ORDER BY {column} DESC LIMIT 1"))
            return UUID(str(found.scalar_one()))

    def program(self, *scopes: str) -> Calls:
        """A program that may do everything a program may, or has these scopes."""
        with self.database.write(self.cast.northwind) as session:
            made = api_clients.issue(
                session, label="Personnel office", scopes=scopes or api_clients.SCOPES, permissions=api_clients.SCOPES,
                now=clock.now(), hash_key=self.app.extensions["stoa"].config.key("accounts.api_clients"),
                by=self.cast.cem, rate_per_minute=100_000,
            )  # fmt: skip
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made.token}"
        return self.called(client)


def said(answer: TestResponse) -> str:
    """What a page or a problem says, without its frame."""
    words = re.sub(r"<[^>]+>", " ", answer.text.partition("<main")[2] or answer.text)
    return " ".join(words.split())[:600]


def upload(content: bytes, name: str) -> tuple[io.BytesIO, str]:
    """A file for a form."""
    return io.BytesIO(content), name


def package(title: str = "Ladders") -> bytes:
    """A small SCORM 1.2 course."""
    manifest = manifests.scorm_12(
        identifier=f'identifier="{title}"',
        organizations='<organizations default="O1"><organization identifier="O1">'
        f"<title>{title}</title>{manifests.ITEM}</organization></organizations>",
    )
    return zips.zipped({"imsmanifest.xml": manifest, "index.html": "<!doctype html><title>x</title>"}).getvalue()


RULE = {
    "name": "",
    "kind.": "all",
    "new.": "role",
    "node": ["0"],
    "field.0": "role",
    "op.0": "is",
    "value.0": ["learner"],
}
UNIT = {"name": "Ward 3", "code": "W3", "unit_type": "team", "description": "", "parent_id": "", "manager_email": ""}
FACTS = {
    "first_name": "Ana", "last_name": "Tester", "position_title": "", "employee_id": "E-1", "hired_on": "",
    "manager_email": "", "org_unit_id": "", "position_id": "",
}  # fmt: skip
FIELD = {
    "code": "shift", "label": "Shift", "field_type": "choice", "choices": "День\nНочь", "is_required": "",
    "visibility": "readers", "sort_order": "1",
}  # fmt: skip
OTHER_STORE = {
    "name": "Their LRS", "endpoint": "http://127.0.0.1:9/xapi", "version": "1.0.3", "username": "u", "secret": "s",
    "start": "all", "every_minutes": "15",
}  # fmt: skip
PROVIDER = {
    "name": "Directory", "issuer": "https://id.example/realm", "client_id": "stoa", "client_secret": "shared secret",
    "auto_provision": "1",
}  # fmt: skip


def people_and_places(world: World) -> None:
    """Units, positions, fields, roles, audiences, all that can be known of people, a view, imports, a tag for many."""
    cem, cast = world.cem, world.cast
    cem("POST", "/people/units", data=UNIT)
    unit = world.id("org_units")
    cem("POST", f"/people/units/{unit}/edit", data=UNIT | {"name": "Ward three"})
    cem("POST", "/people/positions", data={"name": "Nurse", "code": "NUR", "description": ""})
    position = world.id("positions")
    cem("POST", f"/people/positions/{position}", data={"name": "Nurses", "code": "NUR", "description": ""})
    cem("POST", "/people/fields", data=FIELD)
    cem("POST", f"/people/fields/{world.id('custom_fields')}", data=FIELD | {"label": "Shifts"})
    facts = FACTS | {"org_unit_id": str(unit), "position_id": str(position), "manager_email": "ben@northwind.example"}
    cem("POST", f"/people/{cast.ana}/edit", data=facts | {"custom_shift": "Ночь"})
    known = {"date_of_birth": "1990-05-01", "phone": "+49 30 1234"}
    cem("POST", f"/people/{cast.ana}/personal-data", data=known)
    cem("POST", f"/people/{cast.ana}/external-ids", data={"source_system": "payroll", "external_id": "4711"})
    day = clock.now().date()
    stand_in = {"deputy_email": "cem@northwind.example", "deputy_from": str(day), "deputy_until": str(day)}
    cem("POST", f"/people/{cast.ben}/deputies", data=stand_in)
    cem("POST", "/roles", data={"name": "Reception", "description": "At the desk", "codes": ["people.read"]})
    role = world.id("roles")
    cem("POST", f"/roles/{role}", data={"name": "Reception", "codes": ["people.read", "people.write"]})
    cem("POST", f"/people/{cast.ana}/roles", data={"role": str(role)})
    cem("POST", "/people/audiences", data=RULE | {"name": "Learners", "do": "save"})
    cem("POST", f"/people/audiences/{world.id('audiences')}/edit", data=RULE | {"name": "All learners", "do": "save"})
    cem("POST", "/people", data={"email": "dora@northwind.example", "first_name": "Dora", "last_name": "Lang"})
    dora = world.id("users", "email = 'dora@northwind.example'")
    cem("POST", f"/people/{dora}/invite")
    cem("POST", "/people/views", data={"name": "Ours", "query": "q=tester", "shared": "1"})
    cem("POST", "/people/actions", data={"act": "tag", "user": [str(cast.ana), str(cast.ben)]})
    action = world.id("people_actions")
    cem("POST", f"/people/actions/{action}/target", data={"target": "ночь"})
    cem("POST", f"/people/actions/{action}/apply")
    import_people(world, "no address,X,Y,Z9")
    listed = import_people(world, "emil@northwind.example,Emil,Boss,W3")
    cem("POST", f"/people/imports/{listed}/apply")


def import_people(world: World, row: str) -> UUID:
    """Send a file of one person and have it checked; answer the import."""
    sent = upload(f"Почта,Имя,Фамилия,Отдел\n{row}\n".encode(), "people.csv")
    world.cem("POST", "/people/imports", data={"file": sent})
    listed = world.id("people_imports")
    meant = dict(zip((f"column_{n}" for n in range(4)), ("email", "first_name", "last_name", "unit"), strict=True))
    world.cem("POST", f"/people/imports/{listed}/check", data=meant | {"source_system": ""})
    return listed


def courses_and_learning(world: World) -> None:
    """Packages, courses, assignments, what ana learned, her certificate, and somebody who is stuck."""
    ben, ana, cast = world.ben, world.ana, world.cast
    ben("POST", "/packages", data={"package": upload(package(), "ladders.zip")})
    ladders = world.id("content_packages")
    ben("POST", f"/packages/{ladders}/playback", data={"attempts": "5"})
    ben("POST", f"/packages/{ladders}/versions/1/preview")
    ben("POST", "/packages", data={"package": upload(b"PDF", "no course.pdf")})
    ben("POST", "/api/v1/packages/uploads", headers={"Upload-Length": "9", "Upload-Metadata": "filename eA=="})
    made = ben("POST", "/courses", data={"code": "LADDER", "title": "Ladders"}).headers["Location"].partition("#")[0]
    ben("POST", f"{made}/sections", data={"section-title": "Start here"})
    section = world.id("sections")
    version = str(world.id("package_versions"))
    ben("POST", f"{made}/sections/{section}/packages", data={f"{section}-package_version_id": version})
    link = {"title": "Task", "external_url": "https://app.example/task", "activity_iri": "https://app.example/a"}
    ben("POST", f"{made}/sections/{section}/links", data={f"{section}-link-{k}": v for k, v in link.items()})
    with world.database.write(cast.northwind) as session:
        course = stage.course(session, stage.package_module(session, items=("one", "two")), code="FIRE")
    form = {"course_id": str(course.id), "user_ids": [str(cast.ana), str(cast.ben)], "due_on": ""}
    ben("POST", "/assignments", data=form)
    world.ana("POST", f"/learn/start/{course.id}")
    with world.database.write(cast.northwind) as session:
        short = stage.course(session, code="SHORT", title="Short of breath")
        _enrollment, registration = stage.playing(session, short, cast.ana, clock.now())
        about = {"actor": stage.about(cast.ana), "registration": registration}
        iri = "http://localhost/packages/short"
        said_of_it = [
            stage.said("initialized", f"{iri}/one", **about),
            stage.said("passed", f"{iri}/one", **about, success=True, score={"scaled": 0.9}),
            stage.said("completed", iri, **about, completion=True),
            stage.said("passed", iri, **about, success=True, score={"scaled": 0.9}),
        ]
        stage.store_own(session, *said_of_it)
        stage.store_as(session, short.app, stage.said("completed", iri, **about, completion=True))
    ana("GET", "/home")


def records(world: World) -> None:
    """Statements and credentials, stores of others, an import, a rule of keeping, a wish for one's own data."""
    cem = world.cem
    cem("POST", "/lrs/credentials", data={"label": "Tablets", "scopes": ["all"], "rate": "600"})
    credential = world.id("lrs_credentials")
    cem("POST", f"/lrs/credentials/{credential}/rate", data={"rate": "60"})
    cem("POST", f"/lrs/credentials/{credential}/test")
    lines = "\n".join(json.dumps(one) for one in (statement(), statement("passed"), {"id": "odd"}))
    cem("POST", "/lrs/imports", data={"statements": upload(lines.encode(), "old.ndjson")})
    cem("POST", "/lrs/forwarders", data=OTHER_STORE)
    cem("POST", "/lrs/pullers", data=OTHER_STORE)
    keep = {"kind": "statements", "credential": "", "keep_days": "900", "act": "delete", "legal_basis": "Contract"}
    cem("POST", "/lrs/retention", data=keep)
    cem("POST", f"/lrs/retention/{world.id('lrs_retention_rules')}/look")
    zoo = {"person": "mailto:zoo@northwind.example", "act": "export", "reason": "A letter"}
    cem("POST", "/lrs/privacy", data=zoo)
    profile = {
        "id": "https://example.org/profile", "@context": "https://w3id.org/xapi/profiles/context", "type": "Profile",
        "conformsTo": "https://w3id.org/xapi/profiles#1.0", "prefLabel": {"en": "Уход"},
        "definition": {"en": "Что делают сёстры"},
        "versions": [{"id": "https://example.org/profile/1", "generatedAtTime": "2026-01-01T00:00:00Z"}],
        "concepts": [{
            "id": "https://example.org/verbs/nursed", "inScheme": "https://example.org/profile/1", "type": "Verb",
            "prefLabel": {"en": "ухаживал"}, "definition": {"en": "Помог больному"},
        }],
    }  # fmt: skip
    cem("POST", "/lrs/profiles", data={"profile": upload(json.dumps(profile).encode(), "nursing.jsonld")})
    cem("POST", "/lrs/persons", data={"person": "https://a.example|1", "other": "https://b.example|2"})


def doors(world: World) -> None:
    """Providers, programs, settings and colors."""
    cem = world.cem
    cem("POST", "/identity-providers", data=PROVIDER)
    provider = world.id("identity_providers")
    cem("POST", f"/identity-providers/{provider}/edit", data=PROVIDER | {"name": "The directory"})
    cem("POST", "/api-clients", data={"label": "Personnel", "scopes": ["people.read"], "rate_per_minute": "60"})
    cem("POST", f"/api-clients/{world.id('api_clients')}/rotate")
    cem("POST", "/settings", data={"name": "Northwind Homes", "locale": "en", "timezone": "Europe/Berlin"})
    cem("POST", "/settings/theme", data={"brand": "#0e5a6e", "accent": "#9a3f18"})
    cem("POST", "/settings/playback", data={"attempts": "2"})
    cem("POST", "/audit/chain")
    world.ana("POST", "/me", data={"first_name": "Ana", "last_name": "Tester", "locale": "", "timezone": "UTC"})


def everything(world: World) -> None:
    """All of it."""
    people_and_places(world)
    courses_and_learning(world)
    records(world)
    doors(world)
