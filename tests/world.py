"""An organization in which everything has happened once: whatever a page can show is there, each done by a request.

The stories of single rooms stay in their tests; this one goes through all of them, for the tests that look at every
page and at every write.
"""

import base64
import email
import email.policy
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from accounts.services import api_clients, second_factor
from core import clock, outgoing
from core.db import Database
from tests.conftest import PASSWORD, Cast
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

    def letter(self) -> str:
        """The path that the newest letter leads to."""
        mail = max(
            (self.app.extensions["stoa"].config.home / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns
        )
        message = email.message_from_bytes(mail.read_bytes(), policy=email.policy.default)
        return re.search(r"http://localhost(/\S+)", message.get_body().get_content())[1]

    def number(self, table: str, column: str, where: str) -> int:
        """A number there."""
        with self.database.read(self.cast.northwind) as session:
            return int(session.execute(text(f"SELECT {column} FROM {table} WHERE {where}")).scalar_one())

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


def package(title: str = "Ladders", edition: str = "x") -> bytes:
    """A small SCORM 1.2 course; in another edition its next version."""
    manifest = manifests.scorm_12(
        identifier=f'identifier="{title}"',
        organizations='<organizations default="O1"><organization identifier="O1">'
        f"<title>{title}</title>{manifests.ITEM}</organization></organizations>",
    )
    return zips.zipped(
        {"imsmanifest.xml": manifest, "index.html": f"<!doctype html><title>{edition}</title>"}
    ).getvalue()


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
    for_ana, for_ben = (world.id("training_assignments", f"user_id = '{one}'") for one in (cast.ana, cast.ben))
    world.cem("POST", "/assignments/cancel", data={"assignment": str(for_ben), "reason": "Опечатка"})
    world.places[f"/assignments/cancel?assignment={for_ana}"] = None
    ana("GET", ana("POST", f"/learn/start/{course.id}").location, follow_redirects=True)
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
    ben("POST", f"/courses/{short.id}/draft")
    ben("POST", f"/courses/{short.id}/publish", data={"for_people": "retake", "change_note": "Новый закон"})
    world.places[f"/courses/versions/{world.id('course_versions', 'requires_retake')}/take-back"] = None
    ben("POST", f"/courses/{short.id}/draft")
    ben("POST", "/packages", data={"package": upload(package(edition="y"), "ladders.zip")})
    for way in ("hot-fix", "switch"):
        ben("POST", f"/packages/{ladders}/versions/2/{way}/1", data={"reason": "Опечатка"})


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


def programs(world: World) -> None:
    """What programs do by REST and SCIM: people, units, courses, records."""
    call, cast = world.program(), world.cast
    unit = call("POST", "/api/v1/org-units", json={"name": "Night", "code": "N"}).json["id"]
    call("PATCH", f"/api/v1/org-units/{unit}", json={"name": "Nights", "code": "N"})
    call("DELETE", f"/api/v1/org-units/{unit}")
    position = call("POST", "/api/v1/positions", json={"name": "Cook", "code": "C"}).json["id"]
    call("PATCH", f"/api/v1/positions/{position}", json={"name": "Cooks", "code": "C"})
    call("DELETE", f"/api/v1/positions/{position}")
    rule = {"all": [{"field": "role", "op": "is", "value": ["learner"]}]}
    call("POST", "/api/v1/audiences/preview", json={"rule": rule})
    audience = call("POST", "/api/v1/audiences", json={"name": "Everybody", "rule": rule}).json["id"]
    call("PUT", f"/api/v1/audiences/{audience}", json={"name": "Learners too", "rule": rule})
    call("DELETE", f"/api/v1/audiences/{audience}")
    names = {"email": "finn@northwind.example", "first_name": "Finn", "last_name": "Ode"}
    finn = call("POST", "/api/v1/people", json=names).json["id"]
    call("PATCH", f"/api/v1/people/{finn}", json={"employee_id": "F-1"})
    call("PUT", f"/api/v1/people/{finn}/roles/auditor", json={})
    call("DELETE", f"/api/v1/people/{finn}/roles/auditor")
    call("POST", f"/api/v1/people/{finn}/standing", json={"status": "left"})
    credential = call("POST", "/api/v1/lrs/credentials", json={"label": "Press", "scopes": ["all"]}).json
    basic = {"auth": (credential["key"], credential["secret"]), "content_type": "application/x-ndjson"}
    world.called(world.app.test_client())("POST", "/api/v1/lrs/imports", data=json.dumps(statement()), **basic)
    course = call("POST", "/api/v1/courses", json={"code": "REST", "title": "Rest"}).json
    call("PATCH", f"/api/v1/courses/{course['id']}", json={"title": "Rest well"})
    version = course["draft_version_id"]
    section = call("POST", f"/api/v1/versions/{version}/sections", json={"title": "One"}).json["id"]
    spare = call("POST", f"/api/v1/versions/{version}/sections", json={"title": "Two"}).json["id"]
    call("PATCH", f"/api/v1/sections/{section}", json={"title": "First"})
    call("POST", f"/api/v1/versions/{version}/sections/reorder", json={"order": [spare, section]})
    call("DELETE", f"/api/v1/sections/{spare}")
    link = {"module_type": "external_link", "title": "Task", "external_url": "https://app.example/t"}
    made = [
        call(
            "POST", f"/api/v1/sections/{section}/modules", json=link | {"activity_iri": f"https://app.example/{n}"}
        ).json
        for n in range(2)
    ]
    one, two = (module["id"] for module in made)
    call("POST", f"/api/v1/sections/{section}/modules/reorder", json={"order": [two, one]})
    call("PUT", f"/api/v1/content/modules/{one}", json={"title": "The task"})
    call("DELETE", f"/api/v1/content/modules/{two}")
    call("PUT", f"/api/v1/content/modules/{one}/trusted-sources/{credential['id']}")
    call("POST", f"/api/v1/courses/{course['id']}/versions/publish", json={"change_note": "First"})
    call("DELETE", f"/api/v1/content/modules/{one}/trusted-sources/{credential['id']}")
    call("POST", f"/api/v1/courses/{course['id']}/versions")
    call("DELETE", f"/api/v1/courses/{course['id']}/versions/draft")
    place, obligation = "/api/v1/training/assignments", {"course_id": course["id"], "user_ids": [str(cast.ana)]}
    given = call("POST", place, json=obligation).json["created"][str(cast.ana)]
    call("POST", f"{place}/{given}/cancel", json={"reason": "Too early"})
    given = call("POST", place, json=obligation).json["created"][str(cast.ana)]
    call("POST", f"{place}/cancel", json={"assignment_ids": [given], "reason": "Too early again"})
    call("DELETE", f"/api/v1/courses/{course['id']}")
    call("POST", f"/api/v1/courses/{course['id']}/restore")
    call("DELETE", f"/api/v1/lrs/credentials/{credential['id']}")
    zipped = package("Stairs")
    call("POST", "/api/v1/packages?name=stairs.zip", data=zipped, content_type="application/zip")
    begun = call("POST", "/api/v1/packages/uploads", headers={"Upload-Length": "9", "Upload-Metadata": "filename eA=="})
    piece = {"Upload-Offset": "0", "Tus-Resumable": "1.0.0"}
    place = urlsplit(begun.location).path
    call("PATCH", place, data=b"123", content_type="application/offset+octet-stream", headers=piece)
    call("DELETE", place, headers={"Tus-Resumable": "1.0.0"})
    _organization_by_program(world, call)
    scim = world.program("scim")
    user = {"schemas": [f"{SCIM}:core:2.0:User"], "userName": "gil@northwind.example",
            "name": {"givenName": "Gil", "familyName": "Ito"}, "active": True}  # fmt: skip
    gil = scim("POST", "/scim/v2/Users", json=user).json["id"]
    scim("PUT", f"/scim/v2/Users/{gil}", json=user | {"externalId": "G-1"})
    group = {"schemas": [f"{SCIM}:core:2.0:Group"], "displayName": "Ward", "members": [{"value": gil}]}
    ward = scim("POST", "/scim/v2/Groups", json=group).json["id"]
    scim("PUT", f"/scim/v2/Groups/{ward}", json=group | {"displayName": "Wards"})
    scim("DELETE", f"/scim/v2/Groups/{ward}")
    scim("DELETE", f"/scim/v2/Users/{gil}")
    for where in ("/scim/v2/.search", "/scim/v2/Users/.search", "/scim/v2/Groups/.search"):
        scim("POST", where, json={"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]})


def _organization_by_program(world: World, call: Calls) -> None:
    call("PATCH", "/api/v1/organization", json={"timezone": "Europe/Rome"})
    call("PUT", "/api/v1/organization/theme", json={"brand": "#0e5a6e", "accent": "#8a3a18"})
    call("PUT", "/api/v1/organization/theme/logo", data=PICTURE, content_type="image/png")
    call("DELETE", "/api/v1/organization/theme/logo")
    provider = call(
        "POST", "/api/v1/identity-providers", json=PROVIDER | {"client_id": "rest", "auto_provision": False}
    )
    call("PATCH", urlsplit(provider.location).path, json={"name": "The other directory"})
    with world.database.write(world.cast.northwind) as session:
        session.execute(text("UPDATE identity_providers SET tested_at = now() WHERE client_id = 'rest'"))
    world.cem("PATCH", urlsplit(provider.location).path, json={"is_active": True})


SCIM = "urn:ietf:params:scim:schemas"


def ends(world: World) -> None:
    """What takes things away, puts them right or ends them, where it has not happened yet."""
    cem, ben, ana, cast = world.cem, world.ben, world.ana, world.cast
    action, listed = world.id("people_actions"), world.id("people_imports")
    cem("POST", f"/people/actions/{action}/undo")
    cem("POST", f"/people/imports/{listed}/undo")
    cem("POST", f"/people/views/{world.id('people_views')}/remove")
    cem("POST", f"/people/{cast.ana}/external-ids/{world.id('external_ids')}/remove")
    cem("POST", f"/people/{cast.ben}/deputies/{world.id('deputies')}/remove")
    role = world.id("roles")
    held = world.id("role_assignments", f"role_id = '{role}'")
    cem("POST", f"/people/{cast.ana}/roles/{held}/remove")
    cem("POST", f"/roles/{role}/delete")
    cem("POST", f"/people/{cast.ana}/edit", data=FACTS | {"custom_shift": ""})
    for what, table in (("units", "org_units"), ("positions", "positions"), ("audiences", "audiences"),
                        ("fields", "custom_fields")):  # fmt: skip
        place = f"/people/{what}/{world.id(table, 'archived_at IS NULL')}"
        cem("POST", f"{place}/archive")
        cem("POST", f"{place}/restore")
    dora = world.id("users", "email = 'dora@northwind.example'")
    cem("POST", f"/people/{dora}/standing", data={"status": "left"})
    cem("POST", "/identity-providers/second-factor", data={"roles": []})
    client = world.id("api_clients")
    cem("POST", f"/api-clients/{client}/revoke")
    cem("POST", "/settings/theme/logo", data={"logo": upload(PICTURE, "logo.png")})
    cem("POST", "/settings/theme/logo/remove")
    ana("POST", "/me/password", data={"password": PASSWORD, "new_password": "seven quiet herons"})
    ana("POST", "/me/personal-data", data={"phone": "+49 30 99"})
    world.sign_in("ben")
    ben("POST", "/me/sessions/end-others")
    cem("POST", f"/people/{cast.ana}/view-as", data={"reason": "A question of hers"})
    cem("POST", "/view-as/end")
    own_account(world)
    _courses_end(world)
    _records_end(world)
    cem("PATCH", "/api/v1/settings", json={"requires_provider": True})  # signs everybody else out
    cem("POST", "/identity-providers/requirement", data={"is_required": "0"})
    provider = world.id("identity_providers", "is_active")
    cem("POST", f"/identity-providers/{provider}/switch", data={"is_active": "0"})
    cem("POST", "/sign-out")


def own_account(world: World) -> None:
    """What people do about their own account: letters and their links, second factor, sessions, another sign-in."""
    cem, cast = world.cem, world.cast
    guest = world.called(world.app.test_client())
    guest("POST", "/forgotten-password", data={"email": "ana@northwind.example"} | token_of(guest))
    guest("GET", world.letter())
    guest("POST", "/new-password", data={"password": "nine slow otters"} | token_of(guest))
    known = {"email": "ana@northwind.example", "password": "nine slow otters"}
    guest("POST", "/sign-in", data=known | token_of(guest))
    with world.database.write(cast.northwind) as session:
        session.execute(text("UPDATE jobs SET state = 'failed'"))
    cem("POST", f"/jobs/{world.id('jobs')}/retry")
    names = {"email": "gus@northwind.example", "first_name": "Gus", "last_name": "Lang", "role": "content_author"}
    cem("POST", "/people", data=names)
    gus = world.called(world.app.test_client())
    gus("GET", world.letter())
    gus("POST", "/invitation", data={"password": "nine slow otters"} | token_of(gus))
    with world.database.write(cast.northwind) as session:
        session.execute(text("UPDATE users SET email_verified_at = NULL WHERE email = 'gus@northwind.example'"))
    gus("POST", "/me/confirm-email", data=token_of(gus, "/me"))
    gus("GET", world.letter())
    gus("POST", "/confirm-email", data=token_of(gus))
    page = gus("POST", "/me/second-factor", data={"password": "nine slow otters"} | token_of(gus, "/me")).text
    secret = base64.b32decode(re.search(r'id="secret" value="([A-Z2-7 ]+)"', page)[1].replace(" ", ""))
    code = second_factor.code_at(secret, int(clock.now().timestamp()) // 30)
    gus("POST", "/me/second-factor/confirm", data={"code": code} | token_of(gus, "/me"))
    codes = gus("POST", "/me/second-factor/codes", data={"password": "nine slow otters"} | token_of(gus, "/me")).text
    again = world.called(world.app.test_client())
    again("POST", "/sign-in", data={"email": names["email"], "password": "nine slow otters"} | token_of(again))
    recovery = re.search(r"<code>([^<]+)</code>", codes)[1].split()[0]
    again("POST", "/sign-in/code", data={"code": recovery} | token_of(again))
    session_id = re.search(r"/me/sessions/([0-9a-f-]{36})/end", gus("GET", "/me/sessions").text)[1]
    gus("POST", f"/me/sessions/{session_id}/end", data=token_of(gus, "/me"))
    who = world.id("users", "email = 'gus@northwind.example'")
    cem("POST", f"/people/{who}/second-factor/reset", data={"reason": "Lost the phone"})
    cem("POST", "/api/v1/enrollments", json={"course_id": str(world.id("courses", "code = 'SHORT'"))})


def token_of(call: Calls, path: str = "/sign-in") -> dict[str, str]:
    """The token that a form of this browser carries."""
    page = call("GET", path, follow_redirects=True).text
    return {"csrf_token": re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)[1]}


def _courses_end(world: World) -> None:
    ben, cem = world.ben, world.cem
    asking = world.id("course_versions", "requires_retake")
    cem("POST", f"/courses/versions/{asking}/take-back", data={"reason": "Опечатка"})
    course = world.id("courses", "code = 'LADDER'")
    made = f"/courses/{course}"
    version = str(world.number("courses", "row_version", f"id = '{course}'"))
    facts = {"row_version": version, "code": "LADDER", "title": "Ladders and steps", "language": "en"}
    ben("POST", made, data=facts)
    draft = (
        f"course_version_id = (SELECT id FROM course_versions WHERE course_id = '{course}' AND published_at IS NULL)"
    )
    section = world.id("sections", draft)
    ben("POST", f"{made}/sections", data={"section-title": "More"})
    more = world.id("sections", draft)
    ben("POST", f"{made}/sections/{more}", data={f"{more}-title": "Yet more"})
    ben("POST", f"{made}/sections/{more}/move", data={"by": "up"})
    ben("POST", f"{made}/sections/{more}/remove")
    here = f"section_id = '{section}'"
    link = world.id("modules", f"{here} AND module_type = 'external_link'")
    ben("POST", f"{made}/modules/{link}", data={f"{link}-title": "The task"})
    ben("POST", f"{made}/modules/{link}/move", data={"by": "up"})
    credential = world.id("lrs_credentials", "revoked_at IS NULL")
    ben("POST", f"{made}/modules/{link}/sources", data={f"{link}-credential_id": str(credential)})
    ben("POST", f"{made}/modules/{link}/sources/{credential}/remove")
    ben("POST", f"{made}/modules/{link}/remove")
    ben("POST", f"{made}/publish", data={"change_note": "First"})
    ben("POST", f"{made}/draft")
    ben("POST", f"{made}/draft/discard")
    ben("POST", f"{made}/archive")
    ben("POST", f"{made}/restore")
    ben("POST", f"/packages/uploads/{world.id('package_uploads')}/remove")
    ben("POST", f"/packages/{world.id('content_packages', '''title = 'Stairs' ''')}/archive")
    enrollment = world.id(
        "module_registrations m JOIN course_enrollments e ON e.id = course_enrollment_id", OPEN, "e.id"
    )
    registration = world.id("module_registrations", f"course_enrollment_id = '{enrollment}'", "registration_id")
    cem("POST", f"/enrollments/{enrollment}/calls/{registration}", data={"on": "1"})
    ben("POST", f"/enrollments/{enrollment}/repair/{registration}/reset", data={"reason": "Wrong language"})
    certificate = world.id("certificates")
    ben("POST", f"/certificates/{certificate}/revoke", data={"reason": "Somebody else sat it"})


def _records_end(world: World) -> None:
    cem = world.cem
    forwarder, puller = (f"/lrs/{kind}/{world.id(f'lrs_{kind}')}" for kind in ("forwarders", "pullers"))
    cem("POST", forwarder, data=OTHER_STORE | {"name": "Theirs", "secret": ""})
    for act in ("pause", "resume", "catch-up", "dead/retry", "dead/discard", "remove"):
        cem("POST", f"{forwarder}/{act}", data={"since": "2026-01-01"})
    cem("POST", puller, data=OTHER_STORE | {"name": "Theirs", "secret": ""})
    for act in ("pause", "resume", "catch-up", "remove"):
        cem("POST", f"{puller}/{act}", data={"since": "2026-01-01"})
    rule, profile = f"/lrs/retention/{world.id('lrs_retention_rules')}", f"/lrs/profiles/{world.id('lrs_profiles')}"
    cem("POST", f"{rule}/switch", data={"on": "1"})
    cem("POST", f"{rule}/remove")
    cem("POST", f"{profile}/remove")
    cem("POST", f"/lrs/persons/merges/{world.id('lrs_person_merges')}/undo")
    for end in ("cancel", "confirm"):
        wanted = {"person": "mailto:zoo@northwind.example", "act": "delete", "reason": "A letter"}
        run = cem("POST", "/lrs/privacy", data=wanted).location
        cem("POST", f"{run}/{end}")
    cem("POST", f"/lrs/credentials/{world.id('lrs_credentials', 'revoked_at IS NULL')}/revoke")


OPEN = "completed_at IS NULL"
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000000000500010d0a2db40000000049454e44ae426082"
)
"""A PNG of one pixel."""
