"""xAPI Profiles: reading one, Statements against its templates, series against its patterns, and the pages."""

import io
import json
from uuid import uuid4

import pytest

from lrs.xapi import jsonpath, profiles
from lrs.xapi.profiles import Match
from tests.lrs.factories import VERBS, activity, ref, statement

AT = "https://profiles.example/nursing"
COURSE = "http://adlnet.gov/expapi/activities/course"


def template(name, **more):
    return {"id": f"{AT}/templates/{name}", "type": "StatementTemplate", "prefLabel": {"en": name}} | more


def document(*templates, patterns=(), **more):
    return {
        "@context": "https://w3id.org/xapi/profiles/context", "id": AT, "type": "Profile",
        "conformsTo": "https://w3id.org/xapi/profiles#1.0", "prefLabel": {"en": "Nursing"},
        "definition": {"en": "What nurses do."}, "author": {"type": "Organization", "name": "Northwind"},
        "versions": [{"id": f"{AT}/v1", "generatedAtTime": "2026-01-01T00:00:00Z"},
                     {"id": f"{AT}/v2", "generatedAtTime": "2026-02-01T00:00:00Z"}],
        "concepts": [
            {"id": f"{VERBS}experienced", "type": "Verb", "prefLabel": {"en": "went through", "de": "erlebte"},
             "definition": {"en": "x"}, "inScheme": f"{AT}/v2"},
            {"id": COURSE, "type": "ActivityType", "prefLabel": {"en": "nursing course"}, "inScheme": f"{AT}/v2"},
        ],
        "templates": list(templates), "patterns": list(patterns),
    } | more  # fmt: skip


def profile(*templates, **more):
    found, problems = profiles.read(document(*templates, **more))
    assert problems == []
    return found


def nobody(_statement_id):
    return None


VALUE = {"a": [{"b": 1}, {"b": 2}, {"c": [3, 4]}], "x.y": {"z": True}, "n": None}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        pytest.param("$.a[0].b", [1], id="name and index"),
        pytest.param("$.a[*].b", [1, 2], id="wildcard"),
        pytest.param("$['x.y'].z", [True], id="quoted name"),
        pytest.param('$["a"][1]["b"]', [2], id="double quotes"),
        pytest.param("$.a[0,1].b", [1, 2], id="several indexes"),
        pytest.param("$..b", [1, 2], id="any depth"),
        pytest.param("$.a[2].c[-1]", [4], id="from the end"),
        pytest.param("$.a[0:2].b", [1, 2], id="slice"),
        pytest.param("$.a[0].b | $.a[2].c[0]", [1, 3], id="joined"),
        pytest.param("$.nowhere.b", [], id="nothing there"),
        pytest.param("$.n", [None], id="null is a value"),
        pytest.param("$", [VALUE], id="the whole"),
        pytest.param("$.a[2].c", [[3, 4]], id="an array is one value"),
    ],
)
def test_what_a_path_reaches(path, found):
    assert jsonpath.found(VALUE, path) == found


@pytest.mark.parametrize("path", ["a.b", "$.a[?(@.b)]", "$.a[(@.length-1)]", "$.", "$.a[", "$x", "$." + "a" * 1000])
def test_filters_scripts_and_nonsense_are_no_paths(path):
    with pytest.raises(jsonpath.Unreadable):
        jsonpath.parsed(path)


RESULT = {"score": {"scaled": 0.5, "raw": 5}, "success": True}
TAGS = {"http://x.example/tags": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("rule", "is_followed"),
    [
        pytest.param({"location": "$.result.score.scaled", "presence": "included"}, True, id="included, there"),
        pytest.param({"location": "$.result.duration", "presence": "included"}, False, id="included, missing"),
        pytest.param({"location": "$.result.duration", "presence": "excluded"}, True, id="excluded, missing"),
        pytest.param({"location": "$.result.success", "presence": "excluded"}, False, id="excluded, there"),
        pytest.param({"location": "$.result.success", "any": [True, False]}, True, id="any of"),
        pytest.param({"location": "$.result.success", "any": [1]}, False, id="true is not 1"),
        pytest.param({"location": "$.result.duration", "any": ["PT1S"]}, False, id="any of nothing"),
        pytest.param(
            {"location": "$.result.duration", "presence": "recommended", "any": ["PT1S"]},
            True,
            id="recommended, missing",
        ),
        pytest.param(
            {"location": "$.result.success", "presence": "recommended", "any": [False]}, False, id="recommended, wrong"
        ),
        pytest.param(
            {"location": "$.context.extensions['http://x.example/tags'][*]", "all": ["a", "b", "c"]}, True, id="all of"
        ),
        pytest.param(
            {"location": "$.context.extensions['http://x.example/tags'][*]", "all": ["a", "b"]},
            False,
            id="one too many",
        ),
        pytest.param(
            {"location": "$.context.extensions['http://x.example/tags'][*]", "none": ["d"]}, True, id="none of"
        ),
        pytest.param(
            {"location": "$.context.extensions['http://x.example/tags'][*]", "none": ["c"]}, False, id="a forbidden one"
        ),
        pytest.param(
            {"location": "$.result", "selector": "$.score.raw", "presence": "included"}, True, id="selector finds"
        ),
        pytest.param(
            {"location": "$.result", "selector": "$.score.max", "presence": "included"},
            False,
            id="selector finds nothing",
        ),
        pytest.param(
            {"location": "$.result", "selector": "$.score.max", "presence": "excluded"},
            True,
            id="unmatchable is excluded",
        ),
        pytest.param(
            {"location": "$.result", "selector": "$.score.max", "all": [1]}, False, id="unmatchable is not all"
        ),
    ],
)
def test_rules_of_a_template(rule, is_followed):
    said = statement(result=RESULT, context={"extensions": TAGS})

    (verdict,) = profiles.check(said, profile(template("t", rules=[rule])), nobody)

    assert (verdict.broken == []) is is_followed


OF_COURSE = activity(type=COURSE)


@pytest.mark.parametrize(
    ("determining", "is_about"),
    [
        pytest.param({"verb": f"{VERBS}experienced"}, True, id="verb"),
        pytest.param({"verb": f"{VERBS}passed"}, False, id="another verb"),
        pytest.param({"objectActivityType": COURSE}, True, id="type"),
        pytest.param({"objectActivityType": COURSE + "s"}, False, id="another type"),
        pytest.param({"contextGroupingActivityType": [COURSE]}, True, id="grouping"),
        pytest.param({"contextParentActivityType": [COURSE]}, False, id="no such parent"),
        pytest.param({"contextGroupingActivityType": [COURSE, "http://x.example/t"]}, False, id="one of two groupings"),
        pytest.param({"attachmentUsageType": ["http://x.example/photo"]}, True, id="attachment"),
        pytest.param({"attachmentUsageType": ["http://x.example/video"]}, False, id="another attachment"),
    ],
)
def test_which_statements_a_template_is_about(determining, is_about):
    said = statement(
        object=OF_COURSE,
        context={"contextActivities": {"grouping": [OF_COURSE]}},
        attachments=[{"usageType": "http://x.example/photo"}],
    )

    assert bool(profiles.check(said, profile(template("t", **determining)), nobody)) is is_about


def test_a_reference_must_lead_to_a_statement_of_the_template():
    target, other = statement("passed"), statement("failed")
    passed = template("passed", verb=f"{VERBS}passed")
    praised = template("praised", verb=f"{VERBS}commented", objectStatementRefTemplate=[passed["id"]])
    known = {item["id"]: item for item in (target, other)}
    found = profile(passed, praised)

    def broken(**more):
        return profiles.check(statement("commented", **more), found, known.get)[0].broken

    assert broken(object=ref(target["id"])) == []
    assert len(broken(object=ref(other["id"]))) == 1
    assert len(broken()) == 1
    assert broken(object=ref(str(uuid4()))) == [], "what is not here cannot be held against it"


def pattern(name, **more):
    return {"id": f"{AT}/patterns/{name}", "type": "Pattern", "primary": False} | more


A, B, C = (f"{AT}/templates/{name}" for name in "abc")


@pytest.mark.parametrize(
    ("inner", "series", "outcome"),
    [
        pytest.param({"sequence": [A, B]}, "ab", Match.SUCCESS, id="sequence"),
        pytest.param({"sequence": [A, B]}, "a", Match.PARTIAL, id="sequence, under way"),
        pytest.param({"sequence": [A, B]}, "ba", Match.FAILURE, id="wrong order"),
        pytest.param({"sequence": [A, B]}, "abc", Match.FAILURE, id="something behind it"),
        pytest.param({"alternates": [A, B]}, "b", Match.SUCCESS, id="alternates"),
        pytest.param({"alternates": [A, B]}, "c", Match.FAILURE, id="no alternative"),
        pytest.param({"oneOrMore": A}, "aaa", Match.SUCCESS, id="one or more"),
        pytest.param({"oneOrMore": A}, "b", Match.FAILURE, id="not even one"),
        pytest.param({"zeroOrMore": {"id": A}}, "", Match.SUCCESS, id="zero or more, written as an object"),
        pytest.param({"optional": A}, "a", Match.SUCCESS, id="optional"),
        pytest.param({"sequence": [A, f"{AT}/patterns/bs", C]}, "abbbc", Match.SUCCESS, id="patterns inside"),
        pytest.param({"sequence": [A, f"{AT}/patterns/bs", C]}, "abx", Match.FAILURE, id="broken inside"),
    ],
)
def test_series_and_patterns(inner, series, outcome):
    primary = pattern("p", primary=True, prefLabel={"en": "p"}, **inner)
    bs = pattern("bs", oneOrMore=B)
    found = profile(*(template(name) for name in "abc"), patterns=[primary, bs])

    assert profiles.follow([frozenset({f"{AT}/templates/{name}"}) for name in series], found)[0] is outcome


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        pytest.param({"type": "Course"}, "profile.type", id="no profile"),
        pytest.param({"versions": []}, "profile.versions", id="no version"),
        pytest.param({"prefLabel": "Nursing"}, "profile.prefLabel", id="label without language"),
        pytest.param(
            {"concepts": [{"id": "x", "type": "Verb", "prefLabel": {"en": "x"}}]}, "profile.concepts[0].id", id="id"
        ),
        pytest.param(
            {"templates": [template("t", rules=[{"location": "result"}])]}, "profile.templates[0].rules[0].location",
            id="path",
        ),
        pytest.param(
            {"templates": [template("t", rules=[{"location": "$.x"}])]}, "profile.templates[0].rules[0]", id="rule"
        ),
        pytest.param({"patterns": [pattern("p", sequence=[A])]}, "profile.patterns[0]", id="member that is not there"),
        pytest.param({"patterns": [pattern("p", oneOrMore=f"{AT}/patterns/p")]}, "profile.patterns[0]", id="of itself"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_used_says_where(wrong, path):
    found, problems = profiles.read(document(**wrong))

    assert found is None
    assert path in [one.path for one in problems]


def test_a_profile_is_taken_in_names_things_and_reports(lrs, sign_in):
    cem = sign_in("cem")
    good = statement(object=OF_COURSE, result={"success": True})
    bad, other = statement(object=OF_COURSE), statement("passed")
    lrs.post(good, bad, other)
    wanted = template(
        "went", verb=f"{VERBS}experienced", rules=[{"location": "$.result.success", "presence": "included"}]
    )

    def take_in(text):
        return cem.post("/lrs/profiles", data={"profile": (io.BytesIO(text), "nursing.jsonld")})

    assert take_in(b"{").status_code == 422
    assert "profile.type" in take_in(b"[]").text
    page = take_in(json.dumps(document(wanted)).encode()).location

    report = cem.get(page).text
    assert f"/lrs/statements/{bad['id']}" in report
    assert f"/lrs/statements/{good['id']}" not in report
    assert "$.result.success, included" in report
    words = cem.get(f"/lrs/statements/{bad['id']}").text
    assert "went through" in words
    assert "nursing course" in words
    assert "Breaks it" in words
    assert "Follows it" in cem.get(f"/lrs/statements/{good['id']}").text
    assert "went through" in cem.get("/lrs/statements").text
    assert sign_in("zoe").get(page).status_code == 404
    assert "went through" not in sign_in("zoe").get("/lrs/statements").text
    assert cem.get(page, query_string={"credential": "x"}).status_code in (404, 422)
    assert take_in(json.dumps(document()).encode()).location == page
    assert cem.post(page + "/remove").status_code == 302
    assert "went through" not in cem.get("/lrs/statements").text
