"""Packages from upload to version: by the pages, by REST, and what is left of what was refused."""

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

from core import clock
from core.errors import NotFound
from core.jobs import Work
from core.tables import AuditLog, DomainEvent, File
from scorm_player import jobs
from scorm_player.services import packages
from scorm_player.store import packages as store
from scorm_player.tables import ContentPackage, PackageImport, PackageItem, PackageVersion
from tests.scorm_player import manifests, zips
from tests.scorm_player.test_manifest import LOM_2004
from tools.pack import pack

ROOT = Path(__file__).resolve().parents[2]

PAGE = "<!doctype html><title>Lesson</title>"


def course(manifest=None, **files):
    """The zip of a course of one page."""
    text = manifest or manifests.scorm_12(
        resources=manifests.SCO_12.replace("/>", '><file href="index.html"/></resource>')
    )
    return zips.zipped({"imsmanifest.xml": text, "index.html": PAGE, **files})


@pytest.fixture
def ben(sign_in):
    return sign_in("ben")


@pytest.fixture
def upload(ben, run_jobs):
    """Upload a zip as ben, let the job run, and answer the import as REST tells it."""

    def uploaded(file, name="course.zip"):
        answer = ben.post("/api/v1/packages", data={"package": (file, name)}, content_type="multipart/form-data")
        assert answer.status_code == 202, answer.text
        run_jobs()
        return ben.get(answer.headers["Location"]).json

    return uploaded


def rows(database, tenant, table):
    with database.read(tenant) as session:
        return list(session.scalars(select(table)))


def stored_files(app):
    return [p for p in app.extensions["stoa"].files.folder.rglob("*") if p.is_file()]


def test_an_uploaded_course_becomes_a_version_that_can_be_played(upload, database, cast):
    done = upload(course(manifests.scorm_2004(metadata=LOM_2004), **{"extra.js": ""}))

    assert done["state"] == "ready"
    assert [f["rule"] for f in done["findings"]] == ["manifest.unlisted_files"]
    with database.read(cast.northwind) as session:
        (version,) = packages.ready_versions(session)
        items = packages.items(session, version.id)
        iris = packages.activity_iris(session, version.id)
        leaves = packages.launchable_iris(session, version.id)
        manifest = packages.manifest(session, version.id)
    assert str(version.id) == done["package_version_id"]
    assert (version.title, version.description, version.sequence) == ("Course", "All of it", 1)
    assert (version.estimated_minutes, version.finding_count, version.standard) == (90, 1, "scorm_2004_4e")
    assert [(i.identifier, i.kind, i.launch_path) for i in items] == [
        ("O1", "organization", None),
        ("I1", "sco", "index.html"),
    ]
    assert items[1].parent_id == items[0].id
    assert version.activity_iri == f"http://localhost/packages/{version.package_id}"
    assert iris == {version.activity_iri, f"{version.activity_iri}/I1"}
    assert leaves == {f"{version.activity_iri}/I1"}
    assert manifest.url(manifest.organizations[0].structure.root.children[0]) == "index.html"


def test_the_import_is_announced_and_noted(upload, database, cast):
    upload(course())

    events = [event.event_type for event in rows(database, cast.northwind, DomainEvent)]
    actions = [entry.action for entry in rows(database, cast.northwind, AuditLog)]
    assert events == ["PackageImported"]
    assert "package.imported" in actions


def test_the_same_bytes_are_the_same_version(upload, database, cast):
    first, again = upload(course()), upload(course())

    assert first["package_version_id"] == again["package_version_id"]
    assert len(rows(database, cast.northwind, PackageVersion)) == 1
    assert len(rows(database, cast.northwind, File)) == 1
    assert [event.event_type for event in rows(database, cast.northwind, DomainEvent)] == ["PackageImported"]


def test_the_same_identifier_with_other_bytes_is_a_new_version(upload, database, cast, ben):
    first, second = upload(course()), upload(course(extra="more"))

    (package,) = rows(database, cast.northwind, ContentPackage)
    versions = ben.get(f"/api/v1/packages/{package.id}").json["versions"]
    assert [(v["sequence"], v["id"]) for v in versions] == [
        (2, second["package_version_id"]),
        (1, first["package_version_id"]),
    ]
    with database.read(cast.northwind) as session:
        assert [v.sequence for v in packages.ready_versions(session)] == [2]
        assert packages.version(session, versions[1]["id"]).sequence == 1


def test_another_identifier_and_another_standard_are_other_packages(upload, database, cast):
    upload(course())
    upload(course(manifests.scorm_12(identifier='identifier="course-2"')))
    upload(course(manifests.scorm_2004()))

    assert len(rows(database, cast.northwind, ContentPackage)) == 3


@pytest.mark.parametrize(
    ("file", "rule"),
    [
        pytest.param(io.BytesIO(b"no zip at all"), "zip.not_a_zip", id="no zip"),
        pytest.param(zips.zipped({"index.html": PAGE}), "manifest.missing", id="no manifest"),
        pytest.param(zips.zipped({"imsmanifest.xml": "<!DOCTYPE x><manifest/>"}), "xml.document_type", id="DOCTYPE"),
        pytest.param(zips.named(b"../../etc/passwd"), "zip.unsafe_name", id="a name that leads out"),
    ],
)
def test_a_refused_upload_leaves_nothing_but_its_report(file, rule, upload, app, database, cast):
    file.seek(0)

    done = upload(io.BytesIO(file.getvalue()))

    assert done["state"] == "failed"
    assert [(f["rule"], f["severity"]) for f in done["findings"]] == [(rule, "error")]
    assert done["findings"][0]["remedy"]
    assert stored_files(app) == []
    for table in (File, ContentPackage, PackageVersion, PackageItem):
        assert rows(database, cast.northwind, table) == []
    assert [event.event_type for event in rows(database, cast.northwind, DomainEvent)] == ["PackageRefused"]


def test_a_refusal_comes_with_what_was_found_before_it(upload):
    outside = manifests.SCO_12.replace("index.html", "../../lost.html")

    done = upload(course(manifests.scorm_12(resources=outside)))

    assert [(f["rule"], f["severity"]) for f in done["findings"]] == [
        ("manifest.nothing_to_play", "error"),
        ("manifest.outside", "warning"),
        ("manifest.resource_without_href", "warning"),
        ("manifest.nothing_to_open", "warning"),
        ("manifest.empty_organization", "warning"),
    ]


SHARED = {
    "fire/imsmanifest.xml": manifests.scorm_12(
        manifests.ITEM + '<item identifier="I2" identifierref="R2"><title>Shared</title></item>',
        manifests.SCO_12 + manifests.SCO_12.replace("R1", "R2").replace("index.html", "../Pages/shared page.html?a=1"),
    ),
    "fire/index.html": PAGE,
    "pages/shared page.html": "<title>Shared</title>",
}


def test_what_lies_beside_the_manifests_folder_is_played_from_there(upload, client, database, cast):
    """Whoever zips the folder above has all that the manifest names in the zip; nothing outside of it is ever read."""
    done = upload(zips.zipped(SHARED))

    with database.write(cast.northwind) as session:
        (version,) = packages.ready_versions(session)
        items = [item.launch_path for item in packages.items(session, version.id) if item.launch_path]
        path = packages.content_path(session, version.id, clock.now())
    assert [f["rule"] for f in done["findings"]] == ["manifest.nested", "manifest.file_name"]
    assert items == ["fire/index.html", "pages/shared%20page.html?a=1"]
    for item in items:
        assert client.get(path + item, base_url="http://127.0.0.1").status_code == 200
    assert client.get(f"{path}../../etc/passwd", base_url="http://127.0.0.1").status_code == 404


def test_pages_of_every_name_leave_by_the_address_they_are_opened_at(upload, client, database, cast):
    names = [
        "a b.html",
        "Übung/Straße.html",
        "100%.html",
        "a+b&c;d=e,f.html",
        "課程/一.html",
        "#1 why?.html",
        "a%20b.html",
    ]
    hrefs = [quote(name) for name in names]
    items = "".join(manifests.ITEM.replace("I1", f"I{n}").replace("R1", f"R{n}") for n in range(len(names)))
    resources = "".join(
        manifests.SCO_12.replace("R1", f"R{n}").replace("index.html", f"{href}?part={n}#top")
        for n, href in enumerate(hrefs)
    )

    upload(zips.zipped({"imsmanifest.xml": manifests.scorm_12(items, resources), **{name: name for name in names}}))

    with database.write(cast.northwind) as session:
        (version,) = packages.ready_versions(session)
        pages = [item.launch_path for item in packages.items(session, version.id) if item.launch_path]
        path = packages.content_path(session, version.id, clock.now())
    answers = [client.get(path + page.partition("#")[0], base_url="http://127.0.0.1") for page in pages]
    assert [answer.text for answer in answers] == names


def test_the_folder_of_the_manifest_stays_the_package_where_nothing_lies_beside_it(upload, database, cast):
    files = {name: content for name, content in SHARED.items() if name.startswith("fire/")}

    done = upload(zips.zipped({**files, "fire/shared page.html": PAGE}))

    with database.read(cast.northwind) as session:
        (version,) = packages.ready_versions(session)
        items = [item.launch_path for item in packages.items(session, version.id) if item.launch_path]
    assert items == ["index.html", "shared%20page.html?a=1"]
    assert [f["rule"] for f in done["findings"]] == ["manifest.nested", "manifest.outside"]


def test_bytes_that_somebody_else_holds_survive_a_refusal(upload, app, database, cast):
    # A limit that was lowered refuses what another tenant imported before.
    upload(course())
    (version,) = rows(database, cast.northwind, PackageVersion)
    work = Work(database, app.extensions["stoa"].files, None, cast.acme, None)  # type: ignore[arg-type]
    with database.write(cast.acme) as session:
        stored = packages.StoredFile(version.sha256, 1)
        other = packages.receive(
            session,
            stored,
            file_name="c.zip",
            source="api",
            home="http://localhost",
            created_by=None,
            now=version.ready_at,
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PACKAGE_MAX_FILES", "1")
        work.progress = lambda *_: None  # type: ignore[method-assign]
        assert jobs.import_package(work, str(other.id), "http://localhost")["refused"] == "zip.too_many_files"

    assert len(stored_files(app)) == 1


def test_a_job_that_runs_twice_imports_once(upload, app, database, cast, run_jobs):
    done = upload(course())
    work = Work(database, app.extensions["stoa"].files, None, cast.northwind, None)  # type: ignore[arg-type]

    jobs.import_package(work, done["id"], "http://localhost")

    assert len(rows(database, cast.northwind, PackageVersion)) == 1
    with database.write(cast.northwind) as session:
        again = packages.accept(session, done["id"], None, home="", now=None)  # type: ignore[arg-type]
        assert str(again.id) == done["package_version_id"]


def test_a_nested_folder_is_the_package(upload, database, cast):
    done = upload(zips.zipped({"my course/imsmanifest.xml": manifests.scorm_12(), "my course/index.html": PAGE}))

    assert done["state"] == "ready"
    (version,) = rows(database, cast.northwind, PackageVersion)
    with database.read(cast.northwind) as session:
        blob = store.get_version(session, version.id).member_index
    assert {m.name for m in packages.Index.from_bytes(blob).members} == {"imsmanifest.xml", "index.html"}


def test_content_that_needs_a_window_of_its_own_is_reported_with_the_reason(upload):
    menu = '<a href="index.html" target="lesson">Lesson</a>'

    done = upload(course(**{"js/driver.js": "top.API", "frames.html": "<iframe name='lesson'>", "menu.html": menu}))

    told = {finding["rule"]: finding["file"] for finding in done["findings"]}
    assert told["content.top_window"] == "js/driver.js"
    assert told["content.frames"] == "menu.html"


def test_warnings_are_told_apart_from_notes(upload):
    assert upload(course(manifests.scorm_12(manifests.ITEM * 2)))["state"] == "ready_with_warnings"


def test_an_identifier_too_long_for_an_iri_gets_a_short_one(upload, database, cast):
    long = "ä" * 255
    upload(course(manifests.scorm_12(manifests.ITEM.replace("I1", long))))

    (item,) = [i for i in rows(database, cast.northwind, PackageItem) if i.kind == "sco"]
    assert item.identifier == long
    assert len(item.activity_iri) < 1000


def test_a_tree_of_several_organizations_keeps_its_order(upload, database, cast):
    organizations = (
        '<organizations default="B"><organization identifier="A"><title>A</title>'
        '<item identifier="a" identifierref="R1"><title>a</title></item></organization>'
        '<organization identifier="B"><title>B</title><item identifier="c"><title>c</title>'
        '<item identifier="d" identifierref="R1"><title>d</title></item></item>'
        '<item identifier="e" identifierref="R1"><title>e</title></item></organization></organizations>'
    )
    done = upload(course(manifests.scorm_12(organizations=organizations)))

    with database.read(cast.northwind) as session:
        items = packages.items(session, done["package_version_id"])
        course_iri = packages.version(session, done["package_version_id"]).activity_iri
    assert [i.identifier for i in items] == ["B", "c", "d", "e", "A", "a"]
    assert [i.identifier for i in items if i.activity_iri == course_iri] == ["B"]


# --- the pages ---


def test_an_admin_uploads_a_course_and_reads_its_report(ben, run_jobs):
    assert "No packages yet" in ben.get("/packages").text
    assert 'type="file"' in ben.get("/packages/new").text

    answer = ben.post("/packages", data={"package": (course(manifests.scorm_12(manifests.ITEM * 2)), "safety.zip")})
    waiting = ben.get(answer.location).text
    run_jobs()
    report = ben.get(answer.location + "/progress").text
    listed = ben.get("/packages").text

    assert "Waiting for a worker" in waiting
    assert "hx-get" in waiting
    assert "ready as version 1" in report
    assert "hx-get" not in report
    assert "manifest.duplicate_identifier" in report
    assert "Ready, with warnings" in listed


def test_a_package_shows_its_versions_and_what_learners_open(ben, upload, database, cast):
    upload(course())
    (package,) = rows(database, cast.northwind, ContentPackage)

    page = ben.get(f"/packages/{package.id}").text
    version = ben.get(f"/packages/{package.id}/versions/1").text

    assert "Version 1" in page
    assert "Lesson" in page
    assert "Nothing to report" in version
    assert ben.get(f"/packages/{package.id}/versions/2").status_code == 404


def test_a_refusal_shows_what_is_wrong_and_how_to_fix_it(ben, run_jobs):
    answer = ben.post("/packages", data={"package": (io.BytesIO(b"PDF"), "course.pdf")})
    run_jobs()

    page = ben.get(answer.location).text

    assert "Refused" in page
    assert "This is not a zip file." in page
    assert "publishes" in page
    assert "course.pdf" in ben.get("/packages").text


@pytest.mark.parametrize("data", [{}, {"package": (io.BytesIO(b""), "")}])
def test_a_form_without_a_file_comes_back_with_a_message(ben, data):
    answer = ben.post("/packages", data=data, content_type="multipart/form-data")

    assert answer.status_code == 422
    assert "Choose the zip file" in answer.text


def test_an_empty_file_is_refused_at_once(ben, app):
    answer = ben.post("/packages", data={"package": (io.BytesIO(b""), "empty.zip")})

    assert answer.status_code == 422
    assert "empty" in answer.text


def test_an_archived_package_leaves_the_lists_until_it_is_uploaded_again(ben, upload, database, cast):
    upload(course())
    (package,) = rows(database, cast.northwind, ContentPackage)

    assert ben.post(f"/packages/{package.id}/archive").status_code == 302
    assert ben.get("/api/v1/packages").json["total"] == 0
    with database.read(cast.northwind) as session:
        assert packages.ready_versions(session) == []
    upload(course())
    assert ben.get("/api/v1/packages").json["total"] == 1


def test_a_course_as_large_as_uploads_may_be_is_taken(ben, run_jobs, app):
    app.config["MAX_CONTENT_LENGTH"] = 2000
    big = course(**{"film.mp4": bytes(100_000)})
    file = zips.zipped({n: zipfile.ZipFile(big).read(n) for n in zipfile.ZipFile(big).namelist()}, method=0)

    answer = ben.post("/packages", data={"package": (file, "c.zip")})
    assert answer.status_code == 302


# --- REST ---


def test_a_tool_may_send_the_zip_as_the_body(ben, run_jobs):
    sent = ben.post("/api/v1/packages?name=tool.zip", data=course().getvalue(), content_type="application/zip")
    run_jobs()

    done = ben.get(sent.headers["Location"]).json
    assert (sent.status_code, done["state"], done["file_name"]) == (202, "ready", "tool.zip")


def test_versions_reports_and_trees_are_read_by_rest(ben, upload):
    upload(course())
    (package,) = ben.get("/api/v1/packages?q=cour").json["items"]
    base = f"/api/v1/packages/{package['id']}/versions/1"

    assert package["versions"][0]["file_count"] == 2
    assert ben.get(base).json["title"] == "Course"
    assert ben.get(base + "/report").json == {"state": "ready", "findings": []}
    assert [i["title"] for i in ben.get(base + "/items").json["items"]] == ["Course", "Lesson"]
    assert ben.get("/api/v1/packages?q=nothing").json["items"] == []


def test_a_list_is_read_page_by_page(ben, upload):
    for number in range(3):
        upload(course(manifests.scorm_12(identifier=f'identifier="c{number}"')))

    first = ben.get("/api/v1/packages?limit=2").json
    second = ben.get(f"/api/v1/packages?limit=2&cursor={first['next_cursor']}").json

    assert [len(first["items"]), len(second["items"]), second["next_cursor"]] == [2, 1, None]


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "limit=1000", "cursor=x", "cursor=-1"])
def test_a_page_that_makes_no_sense_is_refused(ben, query):
    assert ben.get(f"/api/v1/packages?{query}").status_code == 422


def test_what_is_no_upload_is_refused(ben):
    answer = ben.post("/api/v1/packages", data="hello", content_type="text/plain")

    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")


def test_another_tenants_packages_do_not_exist(upload, sign_in, database, cast):
    done = upload(course())
    (package,) = rows(database, cast.northwind, ContentPackage)
    zoe = sign_in("zoe")

    for path in (f"packages/{package.id}", f"packages/{package.id}/versions/1", f"packages/imports/{done['id']}"):
        assert zoe.get(f"/{path}").status_code == 404
        assert zoe.get(f"/api/v1/{path}").status_code == 404
    assert zoe.post(f"/packages/{package.id}/archive").status_code == 404
    with database.read(cast.acme) as session, pytest.raises(NotFound):
        packages.manifest(session, done["package_version_id"])


def test_a_learner_may_not_see_packages(sign_in):
    ana = sign_in("ana")

    assert ana.get("/packages").status_code == 403
    assert ana.post("/api/v1/packages", data={"package": (course(), "c.zip")}).status_code == 403


# --- the path by which content is read ---


def test_a_reading_path_changes_every_month_and_the_last_one_still_reads(upload, database, cast, now):
    version_id = upload(course())["package_version_id"]

    def path(at):
        with database.write(cast.northwind) as session:
            return packages.content_path(session, version_id, at)

    def leads_to(path):
        with database.read(None) as session:
            found = store.version_by_capability(session, path.split("/")[2])
        return str(found[1]) if found else None

    (version,) = rows(database, cast.northwind, PackageVersion)
    ready = version.ready_at
    paths = [
        path(ready),
        path(ready + timedelta(days=29)),
        path(ready + timedelta(days=31)),
        path(ready + timedelta(days=62)),
    ]

    assert paths[0] == paths[1]
    assert len(set(paths)) == 3
    assert [leads_to(p) for p in (paths[0], paths[2], paths[3])] == [None, version_id, version_id]
    with database.write(cast.northwind) as session:
        packages.revoke_reading(session, version_id, now)
    assert [leads_to(p) for p in paths] == [None] * 4


def test_an_import_that_was_given_up_says_so(ben, database, cast, app, run_jobs):
    answer = ben.post("/packages", data={"package": (course(), "c.zip")})
    for file in stored_files(app):
        file.unlink()
    (found,) = rows(database, cast.northwind, PackageImport)
    for _ in range(3):
        with database.write(cast.northwind) as session:
            packages.jobs.find(session, found.job_id).run_at = found.created_at
        run_jobs()

    assert "This did not work." in ben.get(answer.location).text


@pytest.mark.parametrize("name", ["hello-scorm12", "fire-safety", "privacy"])
def test_the_sample_courses_have_nothing_to_report(name, upload):
    done = upload(io.BytesIO(pack(ROOT / "packages" / name)))

    assert (done["state"], done["findings"]) == ("ready", [])
