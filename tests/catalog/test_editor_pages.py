import re
from uuid import uuid4

import pytest

from catalog.services import courses, drafts, modules
from tests.catalog.conftest import credential, published, ready_package

FACTS = {"title": "Fire safety", "code": "fire-1", "language": "en"}


def outline(database, cast, version_id):
    with database.read(cast.northwind) as session:
        return courses.outline(session, version_id)


def test_an_admin_builds_and_publishes_a_course_and_a_learner_finds_it(sign_in, database, cast, now):
    with database.write(cast.northwind) as session:
        package = ready_package(session, now)
    ben, ana = sign_in("ben"), sign_in("ana")

    course = ben.post("/courses", data=FACTS).location
    assert "The course is empty." in ben.get(course).text
    ben.post(f"{course}/sections", data={"section-title": "Start here"})
    section = re.search(r'id="section-([0-9a-f-]{36})"', ben.get(course).text)[1]
    ben.post(f"{course}/sections/{section}/packages", data={f"{section}-package_version_id": str(package)})
    assert "can be published" in ben.get(course).text
    answer = ben.post(f"{course}/publish", data={"change_note": "First"}, follow_redirects=True)

    assert answer.status_code == 200
    assert "Version 1 is in the catalog." in answer.text
    assert "Fire safety" in ana.get("/catalog").text
    assert "Start here" in ana.get(course.replace("/courses/", "/catalog/")).text


def test_a_refused_course_comes_back_as_it_was_filled_in_with_every_problem(sign_in):
    answer = sign_in("ben").post("/courses", data=FACTS | {"title": "", "estimated_minutes": "soon"})

    assert answer.status_code == 422
    assert "2 things need your attention" in answer.text
    assert 'href="#f-title"' in answer.text
    assert 'value="soon"' in answer.text


def test_a_code_that_is_taken_is_refused_at_its_field(sign_in, northwind):
    northwind()

    answer = sign_in("ben").post("/courses", data=FACTS)

    assert answer.status_code == 422
    assert "Another course has this code." in answer.text


def test_an_edit_from_an_old_page_does_not_overwrite_a_newer_one(sign_in, northwind):
    made, ben = northwind(), sign_in("ben")
    page = f"/courses/{made.course_id}"
    assert ben.post(page, data=FACTS | {"row_version": "1", "title": "Newer"}).status_code == 302

    assert ben.post(page, data=FACTS | {"row_version": "1", "title": "Older"}).status_code == 412
    assert "Newer" in ben.get(page).text


def test_a_refused_module_opens_its_form_again(sign_in, northwind):
    made, ben = northwind(), sign_in("ben")
    prefix = f"{made.module_id}-"

    answer = ben.post(
        f"/courses/{made.course_id}/modules/{made.module_id}",
        data={f"{prefix}title": "", f"{prefix}weight": "heavy", f"{prefix}package_version_id": str(uuid4())},
    )

    assert answer.status_code == 422
    for field in ("title", "weight", "package_version_id"):
        assert f'href="#f-{prefix}{field}"' in answer.text
    assert 'value="heavy"' in answer.text


def test_a_modules_settings_are_saved_from_the_page(sign_in, northwind, database, cast):
    made, ben = northwind(), sign_in("ben")
    prefix = f"{made.module_id}-"
    values = {"title": "Exam", "weight": "2,5", "passing_score": "80", "completion": "score"}

    ben.post(
        f"/courses/{made.course_id}/modules/{made.module_id}",
        data={prefix + name: value for name, value in values.items()}
        | {f"{prefix}package_version_id": str(made.package_version_id)},
    )

    module = outline(database, cast, made.version_id)[0].modules[0]
    assert (module.title, float(module.weight), module.passing_score, module.is_required) == ("Exam", 2.5, 80, False)
    assert module.completion_criteria == {"type": "score"}


def test_buttons_move_and_remove_what_the_page_shows(sign_in, northwind, database, cast):
    made, ben = northwind(), sign_in("ben")
    page = f"/courses/{made.course_id}"
    ben.post(f"{page}/sections", data={"section-title": "Second"})
    second = outline(database, cast, made.version_id)[1].id
    link = {"title": "Simulator", "external_url": "https://sim.example/", "activity_iri": "urn:sim:fire"}

    ben.post(f"{page}/sections/{second}/links", data={f"{second}-link-{name}": value for name, value in link.items()})
    ben.post(f"{page}/sections/{second}", data={f"{second}-title": "Practice"})
    ben.post(f"{page}/sections/{second}/move", data={"by": "up"})
    ben.post(f"{page}/modules/{made.module_id}/remove")

    assert [(one.title, [m.title for m in one.modules]) for one in outline(database, cast, made.version_id)] == [
        ("Practice", ["Simulator"]),
        ("Start here", []),
    ]
    ben.post(f"{page}/sections/{made.section_id}/remove")
    assert len(outline(database, cast, made.version_id)) == 1


def test_a_source_is_trusted_and_no_longer_from_the_page(sign_in, northwind, database, cast, now):
    made, ben = northwind(published), sign_in("ben")
    with database.write(cast.northwind) as session:
        simulator = credential(session, now)
    page = f"/courses/{made.course_id}/modules/{made.module_id}/sources"

    assert ben.post(page, data={f"{made.module_id}-credential_id": str(simulator)}).status_code == 302
    assert "1 trusted source" in ben.get(f"/courses/{made.course_id}").text
    assert ben.post(page, data={f"{made.module_id}-credential_id": "nonsense"}).status_code == 422
    ben.post(f"{page}/{simulator}/remove")

    with database.read(cast.northwind) as session:
        assert modules.trusted_sources(session, made.module_id) == frozenset()


def test_a_published_course_gets_a_new_draft_which_can_be_thrown_away(sign_in, northwind):
    made, ben = northwind(published), sign_in("ben")
    page = f"/courses/{made.course_id}"

    assert "Version 2 is a copy" in ben.post(f"{page}/draft", follow_redirects=True).text
    assert "Publish version 2" in ben.get(page).text
    assert "Learners get version 1" in ben.get(page).text
    old = ben.get(f"{page}/versions/{made.version_id}").text
    assert "This version is final" in old
    assert "Make a new draft" not in old
    ben.post(f"{page}/draft/discard")
    assert "Make a new draft" in ben.get(page).text


def test_publishing_what_is_not_ready_says_what_is_missing(sign_in, northwind, database, cast):
    made, ben = northwind(), sign_in("ben")
    with database.write(cast.northwind) as session:
        drafts.add_section(session, made.version_id, "Later")

    answer = ben.post(f"/courses/{made.course_id}/publish")

    assert answer.status_code == 422
    assert "This section is empty." in answer.text


def test_a_published_module_is_refused_changes_over_http(sign_in, northwind):
    made, ben = northwind(published), sign_in("ben")

    answer = ben.post(f"/courses/{made.course_id}/modules/{made.module_id}/remove")

    assert answer.status_code == 409
    assert "final" in answer.text


def test_archived_and_restored_from_the_page(sign_in, northwind):
    made, ben, ana = northwind(published), sign_in("ben"), sign_in("ana")
    page = f"/courses/{made.course_id}"

    ben.post(f"{page}/archive")
    assert ana.get(f"/catalog/{made.course_id}").status_code == 404
    assert ben.post(f"{page}/sections", data={"section-title": "More"}).status_code == 422
    ben.post(f"{page}/restore")
    assert ana.get(f"/catalog/{made.course_id}").status_code == 200


def test_the_list_has_chips_with_counts_and_keeps_the_search_in_the_url(sign_in, northwind):
    northwind(code="LIFT", title="Manual handling")
    northwind(published)
    ben = sign_in("ben")

    assert "2 courses, 1 of them in the catalog." in ben.get("/courses").text
    page = ben.get("/courses?status=draft&q=hand").text
    assert "Manual handling" in page
    assert "Fire safety" not in page
    assert "/courses?status=published&amp;q=hand" in page


def test_no_query_breaks_a_list(sign_in):
    ben = sign_in("ben")

    for query in ("q=%00", "page=99999999999999999999", "page=-1", "status=nonsense", "q=%25_%5C"):
        for page in ("/courses", "/catalog", "/api/v1/courses"):
            assert ben.get(f"{page}?{query}").status_code in (200, 422), (page, query)


def test_a_draft_and_an_unknown_course_look_alike_to_a_learner(sign_in, northwind):
    made, ana = northwind(), sign_in("ana")

    assert ana.get(f"/catalog/{made.course_id}").status_code == 404
    assert ana.get(f"/catalog/{uuid4()}").status_code == 404


def test_what_can_be_done_with_a_course_comes_from_the_application(app, sign_in, northwind):
    made, ana = northwind(published), sign_in("ana")

    def page(course_actions):
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(app.jinja_env.globals, "course_actions", course_actions)
            return ana.get(f"/catalog/{made.course_id}").text

    assert "page-action" not in page(lambda _course: "")
    assert "Start FIRE-1" in page(lambda course: f"Start {course.code}")


def test_text_of_a_course_is_never_markup(sign_in, northwind):
    attack = "<script>alert(1)</script>"
    made = northwind(published, title=attack, description=attack)

    for page in (f"/courses/{made.course_id}", "/courses", "/catalog"):
        assert attack not in sign_in("ben").get(page).text
    assert attack not in sign_in("ana").get(f"/catalog/{made.course_id}").text
