"""Nobody reaches what is not theirs: other tenants' ids answer 404, other roles 403, on every address."""

import re
from uuid import uuid4

import pytest

from accounts.services import people
from tests.catalog.conftest import credential, published

OPEN_TO_LEARNERS = {"catalog.browse", "catalog.show_in_catalog"}
LISTS = {"catalog.browse", "catalog.list_courses", "catalog.new_course", "catalog.add_course"}
LISTS |= {"catalog.api_list_courses", "catalog.api_add_course"}


def addresses(app, ids):
    """Every address of the catalog with its ids filled in: (endpoint, method, path)."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("catalog."):
            path = re.sub(r"<uuid:(\w+)>", lambda found: str(ids[found[1]]), rule.rule)
            for method in rule.methods - {"HEAD", "OPTIONS"}:
                yield rule.endpoint, method, path


def filled(ids):
    """A body that every form and every REST address takes, so that only the ids can be wrong."""
    prefixed = {f"{ids[name]}-title": "x" for name in ("section_id", "module_id")}
    link = {"link-title": "x", "link-external_url": "https://x.example/", "link-activity_iri": "urn:x"}
    return {
        "title": "x", "code": "X-1", "language": "en", "section-title": "x", "by": "up", **prefixed,
        **{f"{ids['section_id']}-{name}": value for name, value in link.items()},
        f"{ids['section_id']}-package_version_id": str(ids["package_version_id"]),
        f"{ids['module_id']}-weight": "1",
        f"{ids['module_id']}-credential_id": str(ids["credential_id"]),
    }  # fmt: skip


@pytest.fixture
def ids(northwind, database, cast, now):
    made = northwind(published)
    with database.write(cast.northwind) as session:
        return vars(made) | {"credential_id": credential(session, now)}


def ask(client, method, path, ids):
    if not path.startswith("/api/"):
        return client.open(path, method=method, data=filled(ids) if method == "POST" else None)
    body = {"order": []} if path.endswith("reorder") else {"title": "x"}
    if path.endswith("/modules"):
        body = {"module_type": "package", "package_version_id": str(ids["package_version_id"])}
    if path.endswith("publish"):
        body = {}
    return client.open(path, method=method, json=body if method in ("POST", "PUT", "PATCH") else None)


def test_another_tenants_ids_answer_404_everywhere(app, sign_in, ids):
    zoe = sign_in("zoe")
    for endpoint, method, path in addresses(app, ids):
        if endpoint in LISTS:
            continue
        assert ask(zoe, method, path, ids).status_code == 404, f"{method} {endpoint}"


def test_unknown_ids_answer_404_everywhere(app, sign_in):
    names = ("course_id", "version_id", "section_id", "module_id", "credential_id", "package_version_id")
    ids = {name: uuid4() for name in names}
    ben = sign_in("ben")
    for endpoint, method, path in addresses(app, ids):
        if endpoint in LISTS:
            continue
        assert ask(ben, method, path, ids).status_code == 404, f"{method} {endpoint}"


def test_lists_show_nothing_of_another_tenant(sign_in, ids):
    zoe = sign_in("zoe")

    assert "Fire safety" not in zoe.get("/courses").text
    assert "Fire safety" not in zoe.get("/catalog").text
    assert zoe.get("/api/v1/courses").json["items"] == []


def test_another_tenants_package_and_credential_cannot_be_used(sign_in, ids):
    zoe = sign_in("zoe")
    course = zoe.post("/api/v1/courses", json={"code": "OWN", "title": "Own"}).json
    section = zoe.post(f"/api/v1/versions/{course['draft_version_id']}/sections", json={"title": "One"}).json
    modules = f"/api/v1/sections/{section['id']}/modules"
    link = {"module_type": "external_link", "title": "x", "external_url": "https://x.example/", "activity_iri": "urn:x"}
    module = zoe.post(modules, json=link).json

    stolen = zoe.post(modules, json={"module_type": "package", "package_version_id": str(ids["package_version_id"])})
    trusted = zoe.put(f"/api/v1/content/modules/{module['id']}/trusted-sources/{ids['credential_id']}")

    assert (stolen.status_code, stolen.json["errors"][0]["where"]) == (422, "package_version_id")
    assert (trusted.status_code, trusted.json["errors"][0]["where"]) == (422, "credential_id")


def test_a_learner_is_refused_everything_but_the_catalog(app, sign_in, ids):
    ana = sign_in("ana")
    for endpoint, method, path in addresses(app, ids):
        wanted = 200 if endpoint in OPEN_TO_LEARNERS else 403
        assert ask(ana, method, path, ids).status_code == wanted, f"{method} {endpoint}"


def test_nobody_gets_in_without_signing_in(app, client, ids):
    for _endpoint, method, path in addresses(app, ids):
        assert ask(client, method, path, ids).status_code in (302, 401, 403)


def test_an_author_writes_but_does_not_publish(app, sign_in, database, cast, ids, now):
    with database.write(cast.northwind) as session:
        people.add(
            session, email="dora@northwind.example", first_name="Dora", last_name="Author", roles=["content_author"],
            password="correct horse battery", now=now,
        )  # fmt: skip
    dora = sign_in("dora")
    course = f"/courses/{ids['course_id']}"

    assert dora.post(f"{course}/draft").status_code == 302
    page = dora.get(course).text
    assert "A training administrator can publish it." in page
    assert "/publish" not in page
    assert dora.get(f"{course}/publish").status_code == 403
    for path in ("publish", "archive", f"modules/{ids['module_id']}/sources"):
        assert dora.post(f"{course}/{path}").status_code == 403
