from tests.catalog.conftest import credential, published, ready_package

FACTS = {"code": "FIRE-1", "title": "Fire safety", "estimated_minutes": 25}


def fields(answer):
    return {problem.get("where", "") for problem in answer.json["errors"]}


def test_a_course_is_built_and_published_over_rest(sign_in, database, cast, now):
    with database.write(cast.northwind) as session:
        package, simulator = ready_package(session, now), credential(session, now)
    ben = sign_in("ben")

    made = ben.post("/api/v1/courses", json=FACTS)
    assert made.status_code == 201
    version = f"/api/v1/versions/{made.json['draft_version_id']}"
    section = ben.post(f"{version}/sections", json={"title": "Start here"}).json
    modules = f"/api/v1/sections/{section['id']}/modules"
    first = ben.post(modules, json={"module_type": "package", "package_version_id": str(package)})
    assert first.status_code == 201
    link = {"module_type": "external_link", "title": "Simulator", "external_url": "https://sim.example/"}
    second = ben.post(modules, json=link | {"activity_iri": "urn:sim:fire"}).json
    source = f"/api/v1/content/modules/{second['id']}/trusted-sources/{simulator}"
    assert [problem["what"] for problem in ben.get(version).json["problems"]] == [
        "Nobody's statements could complete it."
    ]
    assert ben.put(source).status_code == 204
    assert ben.post(f"{modules}/reorder", json={"order": [second["id"], first.json["id"]]}).status_code == 204
    answer = ben.post(f"{made.location}/versions/publish", json={"change_note": "First"})

    assert answer.status_code == 200
    assert (answer.json["state"], answer.json["change_note"]) == ("published", "First")
    shown = ben.get(version).json
    assert [module["title"] for module in shown["sections"][0]["modules"]] == ["Simulator", "Fire safety"]
    assert ben.get(first.location).json["activity_iri"].startswith("https://app.example/packages/")
    assert ben.get(f"/api/v1/content/modules/{second['id']}").json["trusted_sources"] == [str(simulator)]


def test_the_next_version_over_rest(sign_in, northwind):
    made, ben = northwind(published), sign_in("ben")
    course = f"/api/v1/courses/{made.course_id}"

    draft = ben.post(f"{course}/versions").json
    section = ben.get(f"/api/v1/versions/{draft['id']}").json["sections"][0]
    assert ben.patch(f"/api/v1/sections/{section['id']}", json={"title": "Begin"}).status_code == 204
    module = f"/api/v1/content/modules/{section['modules'][0]['id']}"
    assert ben.put(module, json={"weight": 2}).json["weight"] == 2
    assert ben.delete(module).status_code == 204
    assert ben.delete(f"/api/v1/sections/{section['id']}").status_code == 204
    assert ben.delete(f"{course}/versions/draft").status_code == 204

    assert [version["state"] for version in ben.get(f"{course}/versions").json["items"]] == ["published"]


def test_a_course_is_changed_as_it_was_read_or_not_at_all(sign_in, northwind):
    made, ben = northwind(), sign_in("ben")
    course = f"/api/v1/courses/{made.course_id}"
    etag = ben.get(course).headers["ETag"]

    changed = ben.patch(course, json={"title": "Fire and smoke"}, headers={"If-Match": etag})

    assert (changed.status_code, changed.json["title"]) == (200, "Fire and smoke")
    assert changed.headers["ETag"] != etag
    assert ben.patch(course, json={"title": "Smoke"}, headers={"If-Match": etag}).status_code == 412
    assert ben.patch(course, json={"title": "Smoke"}, headers={"If-Match": "x"}).status_code == 400


def test_archiving_and_restoring_over_rest(sign_in, northwind):
    made, ben = northwind(published), sign_in("ben")
    course = f"/api/v1/courses/{made.course_id}"

    assert ben.delete(course).status_code == 204
    assert ben.get("/api/v1/courses?status=archived").json["total"] == 1
    assert ben.patch(course, json={"title": "x"}).status_code == 409
    assert ben.post(f"{course}/restore").json["status"] == "published"


BODIES = {
    "no JSON": ("{", 400, None),
    "half a character": ('"\\ud800"', 400, None),
    "a list": ("[]", 422, {""}),
    "nothing": ("{}", 422, {"code", "title"}),
    "wrong types": ('{"code": 5, "title": ["x"], "odd": 1}', 422, {"code", "title", "odd"}),
    "a zero character": ('{"code": "A", "title": "a\\u0000"}', 422, {"title"}),
    "a huge number": ('{"code": "A", "title": "b", "passing_score": 1e300}', 422, {"passing_score"}),
    "null": ('{"title": "b", "code": null}', 422, {"code"}),
}


def test_a_bad_body_is_refused_naming_the_fields(sign_in, subtests):
    ben = sign_in("ben")
    for name, (body, status, named) in BODIES.items():
        with subtests.test(name):
            answer = ben.post("/api/v1/courses", data=body, content_type="application/json")
            assert answer.status_code == status
            assert answer.content_type == "application/problem+json"
            assert named is None or fields(answer) == named


def test_a_taken_code_is_a_conflict_that_names_the_field(sign_in, northwind):
    northwind()

    answer = sign_in("ben").post("/api/v1/courses", json=FACTS)

    assert answer.status_code == 409
    assert fields(answer) == {"code"}


def test_an_order_of_strangers_is_refused(sign_in, northwind):
    made, ben = northwind(), sign_in("ben")
    path = f"/api/v1/sections/{made.section_id}/modules/reorder"

    assert ben.post(path, json={"order": [str(made.course_id)]}).status_code == 422
    assert ben.post(path, json={"order": ["x"]}).status_code == 422
    assert ben.post(path, json={}).status_code == 422


def test_a_status_that_does_not_exist_is_refused(sign_in):
    assert sign_in("ben").get("/api/v1/courses?status=gone").status_code == 422
