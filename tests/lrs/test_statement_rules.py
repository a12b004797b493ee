"""The rules for statements, group by group: what to change in a valid one, and where the fault must be found."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.xapi.statements import problems_of
from lrs.xapi.versions import Version
from tests.lrs.factories import activity, agent, ref, statement, sub_statement

BOTH = (Version.V1_0_3, Version.V2_0)
GROUP = {"objectType": "Group", "mbox": "mailto:team@northwind.example"}
ATTACHMENT = {
    "usageType": "http://example.com/usage",
    "display": {"en": "A file"},
    "contentType": "text/plain; charset=ascii",
    "length": 27,
    "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
}
LONG = {
    "actor": agent(name="Ana"),
    "result": {
        "score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10},
        "success": True,
        "completion": False,
        "response": "yes",
        "duration": "PT1S",
        "extensions": {"http://example.com/x": None},
    },
    "context": {
        "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
        "instructor": agent("ben"),
        "team": GROUP,
        "revision": "1",
        "platform": "x",
        "language": "en-US",
        "statement": ref("ec531277-b57b-4c15-8d91-d292c5b2b8f7"),
        "contextActivities": {"parent": [activity("p")], "grouping": activity("g"), "category": [], "other": []},
        "extensions": {"http://example.com/x": {"y": [None]}},
    },
    "timestamp": "2026-03-01T09:30:00Z",
    "stored": "2026-03-01T09:30:00Z",
    "authority": agent("lms"),
    "version": "1.0.3",
    "attachments": [ATTACHMENT | {"description": {"en": "x"}, "fileUrl": "http://example.com/file"}],
}


def paths(value: Any, version: Version = Version.V1_0_3) -> list[str]:
    return [problem.path for problem in problems_of(value, version)]


def changed(path: str, value: Any) -> dict[str, Any]:
    """The long statement with one property set, or taken away by `...`."""
    copy = orjson.loads(orjson.dumps(statement(**LONG)))
    place = copy
    *parents, last = path.split(".")
    for name in parents:
        place = place[int(name) if name.isdigit() else name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    "valid",
    [
        pytest.param(statement(), id="the smallest"),
        pytest.param(statement(**LONG), id="with everything"),
        pytest.param(statement(object=agent("ben")), id="about an agent"),
        pytest.param(statement(object=GROUP), id="about a group"),
        pytest.param(statement(object=ref("ec531277-b57b-4c15-8d91-d292c5b2b8f7")), id="about a statement"),
        pytest.param(statement(object=sub_statement()), id="about what might be"),
        pytest.param(
            statement(object=sub_statement(object=ref("ec531277-b57b-4c15-8d91-d292c5b2b8f7"))), id="a ref inside"
        ),
        pytest.param(statement("voided", object=ref("ec531277-b57b-4c15-8d91-d292c5b2b8f7")), id="voiding"),
        pytest.param(statement(actor={"account": {"homePage": "http://x.example", "name": "7"}}), id="an account"),
        pytest.param(statement(actor={"openid": "http://x.example/ana"}), id="an OpenID"),
        pytest.param(
            statement(actor={"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"}), id="a hashed mailbox"
        ),
        pytest.param(statement(actor={"objectType": "Group", "member": [agent()]}), id="an anonymous group"),
        pytest.param(statement(actor=GROUP | {"member": []}), id="an identified group without members"),
        pytest.param(
            statement(authority={"objectType": "Group", "member": [agent("app"), agent()]}), id="authority by OAuth"
        ),
        pytest.param(
            statement(object=activity(interactionType="choice", choices=[{"id": "a"}, {"id": "b"}])), id="choice"
        ),
        pytest.param(statement(result={}, context={}), id="empty parts"),
        pytest.param(statement(object=activity() | {"definition": {}}), id="an empty definition"),
    ],
)
def test_valid_statements_have_no_problems(valid, version):
    assert problems_of(valid, version) == []
    assert problems_of([valid], version) == []


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("path", "value", "at"),
    [
        ("actor", ..., "actor"),
        ("verb", ..., "verb"),
        ("object", ..., "object"),
        ("id", "AA97B177-9383-4934-8543-0F91A7A028368", "id"),
        ("id", 12345, "id"),
        ("id", None, "id"),
        ("inProgress", False, "inProgress"),
        ("Actor", {}, "Actor"),
        ("actor", [], "actor"),
        ("actor.objectType", "agent", "actor.objectType"),
        ("actor.objectType", 1, "actor.objectType"),
        ("actor.name", 1, "actor.name"),
        ("actor.name", None, "actor.name"),
        ("actor.mbox", ..., "actor"),
        ("actor.mbox", "ana@northwind.example", "actor.mbox"),
        ("actor.mbox", {}, "actor.mbox"),
        ("actor.openid", "http://x.example", "actor"),
        ("actor.member", [], "actor.member"),
        ("actor", {"mbox_sha1sum": "abc"}, "actor.mbox_sha1sum"),
        ("actor", {"openid": "ab=c://x"}, "actor.openid"),
        ("actor", {"account": {"homePage": "x.example", "name": "7"}}, "actor.account.homePage"),
        ("actor", {"account": {"homePage": "http://x.example"}}, "actor.account.name"),
        ("actor", {"account": {"name": "7"}}, "actor.account.homePage"),
        ("actor", {"account": {"homePage": "http://x.example", "name": "7", "x": 1}}, "actor.account.x"),
        ("actor", {"objectType": "Group"}, "actor.member"),
        ("actor", {"objectType": "Group", "member": []}, "actor.member"),
        ("actor", {"objectType": "Group", "member": agent()}, "actor.member"),
        ("actor", {"objectType": "Group", "member": [GROUP]}, "actor.member[0]"),
        ("actor", GROUP | {"openid": "http://x.example"}, "actor"),
        ("actor", GROUP | {"member": [{"name": "nobody"}]}, "actor.member[0]"),
        ("verb.id", ..., "verb.id"),
        ("verb.id", "experienced", "verb.id"),
        ("verb.display", {"a12345678": "x"}, "verb.display.a12345678"),
        ("verb.display", {"en": None}, "verb.display.en"),
        ("verb.display", "attended", "verb.display"),
        ("verb.name", "x", "verb.name"),
        ("object.id", ..., "object.id"),
        ("object.id", "course", "object.id"),
        ("object.objectType", "activity", "object.objectType"),
        ("object.objectType", ["Activity"], "object.objectType"),
        ("object.name", "x", "object.name"),
        ("object.definition", {"name": {"en": 1}}, "object.definition.name.en"),
        ("object.definition", {"type": "course"}, "object.definition.type"),
        ("object.definition", {"moreInfo": "x"}, "object.definition.moreInfo"),
        ("object.definition", {"moreinfo": "http://x.example"}, "object.definition.moreinfo"),
        ("object.definition", {"interactionType": "Choice"}, "object.definition.interactionType"),
        ("object.definition", {"choices": []}, "object.definition.interactionType"),
        ("object.definition", {"correctResponsesPattern": ["a"]}, "object.definition.interactionType"),
        (
            "object.definition",
            {"interactionType": "choice", "correctResponsesPattern": [1]},
            "object.definition.correctResponsesPattern[0]",
        ),
        (
            "object.definition",
            {"interactionType": "choice", "choices": [{"id": "a"}, {"id": "a"}]},
            "object.definition.choices[1].id",
        ),
        (
            "object.definition",
            {"interactionType": "likert", "scale": [{"description": {}}]},
            "object.definition.scale[0].id",
        ),
        ("object.definition", {"extensions": {"x": 1}}, "object.definition.extensions.x"),
        ("object", {"objectType": "StatementRef", "id": "x"}, "object.id"),
        ("object", {"objectType": "StatementRef"}, "object.id"),
        ("object", {"objectType": "Agent"}, "object"),
        ("object", {"mbox": "mailto:ana@northwind.example"}, "object.mbox"),
        ("result.success", "true", "result.success"),
        ("result.completion", 1, "result.completion"),
        ("result.response", 1, "result.response"),
        ("result.duration", "P4W1D", "result.duration"),
        ("result.extensions", {"should fail": 1}, 'result.extensions["should fail"]'),
        ("result.extensions", None, "result.extensions"),
        ("result.score.scaled", 1.01, "result.score.scaled"),
        ("result.score.scaled", "0.5", "result.score.scaled"),
        ("result.score.scaled", True, "result.score.scaled"),
        ("result.score.raw", -1, "result.score.raw"),
        ("result.score.raw", 11, "result.score.raw"),
        ("result.score.min", 10, "result.score.min"),
        ("result.score.percent", 1, "result.score.percent"),
        ("result.other", 1, "result.other"),
        ("context.registration", "x", "context.registration"),
        ("context.registration", None, "context.registration"),
        ("context.instructor", {"name": "x"}, "context.instructor"),
        ("context.team", agent(), "context.team.objectType"),
        ("context.team", {"mbox": "mailto:x@y.example"}, "context.team.objectType"),
        ("context.revision", 1, "context.revision"),
        ("context.platform", 1, "context.platform"),
        ("context.language", "a12345678", "context.language"),
        ("context.statement", {"id": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"}, "context.statement.objectType"),
        ("context.contextActivities.parents", [], "context.contextActivities.parents"),
        ("context.contextActivities.parent", [{}], "context.contextActivities.parent[0].id"),
        ("context.contextActivities.grouping", agent(), "context.contextActivities.grouping.objectType"),
        ("context.contextActivities", [], "context.contextActivities"),
        ("timestamp", "01/011/2015", "timestamp"),
        ("timestamp", 5, "timestamp"),
        ("stored", "yesterday", "stored"),
        ("authority", {"objectType": "Group", "member": [agent()]}, "authority"),
        ("authority", GROUP, "authority"),
        ("version", "1.1.0", "version"),
        ("version", "0.9.9", "version"),
        ("version", 1, "version"),
        ("attachments", ATTACHMENT, "attachments"),
        ("attachments.0.usageType", "x", "attachments[0].usageType"),
        ("attachments.0.display", ..., "attachments[0].display"),
        ("attachments.0.contentType", 1, "attachments[0].contentType"),
        ("attachments.0.length", "27", "attachments[0].length"),
        ("attachments.0.length", True, "attachments[0].length"),
        ("attachments.0.length", -1, "attachments[0].length"),
        ("attachments.0.sha2", ..., "attachments[0].sha2"),
        ("attachments.0.sha2", "abc", "attachments[0].sha2"),
        ("attachments.0.fileUrl", "should fail", "attachments[0].fileUrl"),
    ],
)
def test_a_fault_is_found_at_its_place(path, value, at, version):
    assert f"statement.{at}" in paths(changed(path, value), version)


@pytest.mark.parametrize("version", BOTH)
@pytest.mark.parametrize(
    ("sub", "at"),
    [
        pytest.param({"id": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"}, "id", id="no id of its own"),
        pytest.param({"stored": "2026-03-01T09:30:00Z"}, "stored", id="was never stored"),
        pytest.param({"version": "1.0.0"}, "version", id="no version"),
        pytest.param({"authority": agent()}, "authority", id="nobody vouches"),
        pytest.param({"object": sub_statement()}, "object", id="not nested"),
        pytest.param({"timestamp": "x"}, "timestamp", id="its parts are checked, too"),
        pytest.param({"context": {"registration": 1}}, "context.registration", id="and its context"),
    ],
)
def test_a_sub_statement_has_limits(sub, at, version):
    value = statement(object=sub_statement() | sub)

    assert f"statement.object.{at}" in paths(value, version)


def test_a_sub_statement_without_actor_verb_and_object_lacks_all_three():
    assert paths(statement(object={"objectType": "SubStatement"})) == [
        "statement.object.actor",
        "statement.object.verb",
        "statement.object.object",
    ]


def test_revision_and_platform_are_for_activities_only():
    context = {"revision": "1", "platform": "x"}

    assert paths(statement(object=agent(), context=context)) == [
        "statement.context.revision",
        "statement.context.platform",
    ]
    assert paths(statement(context=context)) == []


def test_only_a_reference_can_be_voided():
    assert paths(statement("voided")) == ["statement.object"]


def test_three_faults_give_three_problems_with_place_excerpt_and_section():
    value = [statement(), statement(actor={"mbox": "nobody"}, verb={"id": "did"}, result={"score": {"scaled": 2}})]

    problems = problems_of(value)

    assert [problem.path for problem in problems] == [
        "statements[1].actor.mbox",
        "statements[1].verb.id",
        "statements[1].result.score.scaled",
    ]
    assert [problem.requirement for problem in problems] == ["Data 2.4.2.3", "Data 2.4.3", "Data 2.4.5.1"]
    assert '"nobody"' in problems[0].message
    assert "2" in problems[2].message


def test_a_mis_cased_name_is_told_the_right_one():
    (problem,) = problems_of(statement(object=activity() | {"Definition": {}}))

    assert "definition" in problem.message
    assert problem.requirement == "Data 2.2"


def test_a_long_value_is_cut_in_the_message():
    (problem,) = problems_of(statement(verb={"id": "x" * 100_000}))

    assert len(problem.message) < 200


AGENT_HERE = {"objectType": "contextAgent", "agent": agent(), "relevantTypes": ["http://example.com/type"]}
GROUP_HERE = {"objectType": "contextGroup", "group": GROUP}


@pytest.mark.parametrize("is_inside", [False, True], ids=["itself", "its SubStatement"])
def test_context_agents_and_groups_are_for_2_0_only(is_inside):
    context = {"contextAgents": [AGENT_HERE], "contextGroups": [GROUP_HERE]}
    value = statement(object=sub_statement(context=context)) if is_inside else statement(context=context)
    at = "statement.object.context" if is_inside else "statement.context"

    assert paths(value, Version.V2_0) == []
    assert paths(value, Version.V1_0_3) == [f"{at}.contextAgents", f"{at}.contextGroups"]


@pytest.mark.parametrize(
    ("context", "at"),
    [
        ({"contextAgents": AGENT_HERE}, "contextAgents"),
        ({"contextAgents": [AGENT_HERE | {"objectType": "x"}]}, "contextAgents[0].objectType"),
        ({"contextAgents": [{"agent": agent()}]}, "contextAgents[0].objectType"),
        ({"contextAgents": [{"objectType": "contextAgent"}]}, "contextAgents[0].agent"),
        ({"contextAgents": [AGENT_HERE | {"agent": GROUP}]}, "contextAgents[0].agent.objectType"),
        ({"contextAgents": [AGENT_HERE | {"agent": {"key": 1}}]}, "contextAgents[0].agent"),
        ({"contextAgents": [AGENT_HERE | {"relevantTypes": []}]}, "contextAgents[0].relevantTypes"),
        ({"contextAgents": [AGENT_HERE | {"relevantTypes": ["abc"]}]}, "contextAgents[0].relevantTypes[0]"),
        ({"contextAgents": [AGENT_HERE | {"relevantTypes": "http://x.example"}]}, "contextAgents[0].relevantTypes"),
        ({"contextGroups": [GROUP_HERE | {"group": agent()}]}, "contextGroups[0].group.objectType"),
        ({"contextGroups": [GROUP_HERE | {"member": []}]}, "contextGroups[0].member"),
    ],
)
def test_context_agents_and_groups_have_rules(context, at):
    assert f"statement.context.{at}" in paths(statement(context=context), Version.V2_0)
    assert f"statement.object.context.{at}" in paths(
        statement(object=sub_statement() | {"context": context}), Version.V2_0
    )


def test_2_0_takes_statements_of_both_versions():
    assert paths(statement(version="2.0.0"), Version.V2_0) == paths(statement(version="1.0.9"), Version.V2_0) == []
    assert paths(statement(version="2.0.0"), Version.V1_0_3) == ["statement.version"]


def test_the_same_id_twice_in_a_batch_is_refused_by_2_0():
    one = statement()
    again = statement(id=one["id"].upper())

    assert paths([one, again], Version.V2_0) == ["statements[1].id"]
    assert paths([one, again], Version.V1_0_3) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
NAMES = st.sampled_from(
    [
        "id",
        "actor",
        "verb",
        "object",
        "result",
        "context",
        "objectType",
        "mbox",
        "account",
        "member",
        "name",
        "scaled",
        "definition",
        "display",
        "score",
        "contextActivities",
        "parent",
        "contextAgents",
        "agent",
        "attachments",
        "timestamp",
        "version",
        "authority",
        "statement",
    ]
)
NEARLY = st.recursive(
    JSON | st.sampled_from(["Agent", "Group", "Activity", "SubStatement", "StatementRef", "http://x.example/y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=40,
)


@given(JSON | NEARLY, st.sampled_from(Version))
def test_nothing_that_json_can_say_makes_the_rules_raise(value, version):
    problems_of(value, version)


@given(st.lists(NAMES, min_size=1, max_size=4), NEARLY, st.sampled_from(Version))
def test_no_mutation_of_a_valid_statement_makes_the_rules_raise(path, value, version):
    mutated = orjson.loads(orjson.dumps(statement(**LONG)))
    place = mutated
    for name in path[:-1]:
        inner = place.get(name)
        if not isinstance(inner, dict):
            break
        place = inner
    place[path[-1]] = value

    for problem in problems_of(mutated, version):
        assert problem.path.startswith("statement")
        assert problem.message
        assert problem.requirement
