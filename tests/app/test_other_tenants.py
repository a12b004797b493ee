"""Every route that takes an id, called with another tenant's ids by somebody who may call it: nothing is there."""

from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text

from app.schema import METADATA
from core.http import access_of
from tests.catalog.conftest import credential, published


@pytest.fixture
def northwinds_ids(database, cast, now):
    """The ids of everything Northwind has, after a course was published and assigned."""
    with database.write(cast.northwind) as session:
        published(session, now)
        credential(session, now)
    ids: set[UUID] = {cast.ana, cast.ben, cast.cem}
    with database.read(cast.northwind) as session:
        for table in METADATA.sorted_tables:
            if "organization_id" in table.columns and "id" in table.columns:
                query = text(f"SELECT id FROM {table.name} WHERE organization_id = :id LIMIT 3")
                ids.update(session.execute(query, {"id": cast.northwind}).scalars())
    assert len(ids) > 10
    return ids


@pytest.fixture
def one_id(northwinds_ids, own_database, database, cast):
    """An id that means something of Northwind in every table that has rows: each route needs asking only once."""
    one = uuid4()
    with psycopg.connect(own_database.superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        for table in METADATA.sorted_tables:
            if "id" not in table.columns or table.columns["id"].type.python_type is not UUID:
                continue
            owner = "organization_id" if "organization_id" in table.columns else "id"
            old = connection.execute(
                f"SELECT id FROM {table.name} WHERE {owner} = ANY(%s) LIMIT 1", ([cast.northwind, cast.ana],)
            ).fetchone()
            if old is None or table.name == "organizations":
                continue
            for name, column in [(table.name, "id"), *_references(table)]:
                connection.execute(f"UPDATE {name} SET {column} = %s WHERE {column} = %s", (one, old[0]))
    with database.read(cast.northwind) as session:
        assert session.execute(text("SELECT id FROM courses")).scalar_one() == one
    return one


def _references(table):
    for other in METADATA.sorted_tables:
        for key in other.foreign_keys:
            if key.column is table.columns["id"]:
                yield other.name, key.parent.name


def test_another_tenants_ids_answer_404_everywhere(app, sign_in, one_id):
    assert sign_in("cem").get(f"/courses/{one_id}").status_code == 200
    zoe, called = sign_in("zoe"), 0
    zoe.environ_base["HTTP_ACCEPT"] = "application/json"
    for rule in app.url_map.iter_rules():
        access = access_of(app, rule.endpoint)
        converters = {name: type(converter).__name__ for name, converter in rule._converters.items()}
        takes_id = "UUIDConverter" in converters.values()
        if access is None or access.host != "app" or access.permission is None or not takes_id:
            continue
        filled = {"UUIDConverter": one_id, "IntegerConverter": 1}
        path = rule.build({name: filled.get(kind, "x") for name, kind in converters.items()})[1]
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = zoe.open(path, method=method, json={} if method != "GET" else None)
            called += 1
            assert answer.status_code in (404, 403) or (
                # a body is looked at before the database where there is nothing to tell anybody
                answer.status_code in (400, 422) and str(one_id) not in answer.text
            ), f"{method} {path}: {answer.status_code} {answer.text[:300]}"
            assert "Northwind" not in answer.text
    assert called > 100


def test_lists_show_nothing_of_another_tenant(app, sign_in, northwinds_ids):
    zoe = sign_in("zoe")
    pages = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if (access := access_of(app, rule.endpoint))
        and access.host == "app"
        and access.permission is not None
        and "GET" in rule.methods
        and not rule.arguments
    ]

    for page in pages:
        answer = zoe.get(page)
        assert answer.status_code in (200, 302, 403), (page, answer.status_code)
        assert not any(str(found) in answer.text for found in northwinds_ids), page
        assert "northwind" not in answer.text.lower(), page


def test_an_unknown_id_and_another_tenants_look_alike(sign_in, northwinds_ids):
    zoe = sign_in("zoe")

    def shape(found):
        answer = zoe.get(f"/courses/{found}")
        return answer.status_code, answer.text.replace(str(found), "").replace(answer.headers["X-Request-Id"], "")

    assert {shape(found) for found in northwinds_ids} == {shape(uuid4())}
