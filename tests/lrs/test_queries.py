from itertools import product
from uuid import uuid4

import orjson
import pytest

from tests.lrs.factories import VERBS, activity, agent, ref, statement, sub_statement, voiding

REGISTRATION = "ec531277-b57b-4c15-8d91-d292c5b2b8f7"
BEN = agent("ben")
TEAM = {"objectType": "Group", "mbox": "mailto:team@northwind.example", "member": [agent("cem")]}


def text(value: object) -> str:
    return orjson.dumps(value).decode()


def ids(*statements: dict[str, object]) -> list[object]:
    """As a query answers: newest first."""
    return [item["id"] for item in reversed(statements)]


@pytest.mark.parametrize(
    ("more", "is_direct"),
    [
        pytest.param({"actor": BEN}, True, id="actor"),
        pytest.param({"object": BEN}, True, id="object"),
        pytest.param({"actor": {"objectType": "Group", "member": [agent(), BEN]}}, True, id="member of the actor"),
        pytest.param({"object": TEAM | {"member": [BEN]}}, True, id="member of the object"),
        pytest.param({"context": {"instructor": BEN}}, False, id="instructor"),
        pytest.param({"context": {"team": TEAM | {"member": [BEN]}}}, False, id="member of the team"),
        pytest.param({"object": sub_statement(actor=BEN)}, False, id="actor of a SubStatement"),
        pytest.param({"object": sub_statement(object=BEN)}, False, id="object of a SubStatement"),
        pytest.param({"object": sub_statement(context={"instructor": BEN})}, False, id="instructor of a SubStatement"),
    ],
)
def test_an_agent_is_found_where_the_filter_looks(lrs, more, is_direct):
    one = statement(**more)
    lrs.post(one, statement())

    assert lrs.found(agent=text(BEN)) == (ids(one) if is_direct else [])
    assert lrs.found(agent=text(BEN), related_agents="true") == ids(one)


@pytest.mark.parametrize("name", ["contextAgents", "contextGroups"])
def test_context_agents_and_groups_are_related(lrs, name):
    item = (
        {"objectType": "contextAgent", "agent": BEN}
        if name == "contextAgents"
        else {"objectType": "contextGroup", "group": TEAM | {"member": [BEN]}}
    )
    one = statement(context={name: [item]})
    lrs.speaking("2.0.0").post(one)

    assert lrs.found(agent=text(BEN)) == []
    assert lrs.found(agent=text(BEN), related_agents="true") == ids(one)


def test_the_authority_is_related_to_its_statements(client_with):
    ours, theirs = client_with(authority="lms"), client_with(authority="app")
    one, other = statement(), statement(actor=agent("app"))
    ours.post(one)
    theirs.post(other)

    assert ours.found(agent=text(agent("lms")), related_agents="true") == ids(one)
    assert ours.found(agent=text(agent("app")), related_agents="true") == ids(other)
    assert ours.found(agent=text(agent("lms"))) == []


@pytest.mark.parametrize(
    "actor",
    [
        {"mbox_sha1sum": "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"},
        {"openid": "http://ben.example/"},
        {"account": {"homePage": "http://northwind.example", "name": "7"}},
        TEAM,
    ],
)
def test_agents_are_the_same_by_their_identifier(lrs, actor):
    one = statement(actor=actor | {"name": "One"})
    lrs.post(one)

    assert lrs.found(agent=text(actor | {"name": "Another"})) == ids(one)
    assert lrs.found(agent=text(agent())) == []


WANTED = activity("wanted")


@pytest.mark.parametrize(
    ("more", "is_direct"),
    [
        pytest.param({"object": WANTED}, True, id="object"),
        *(
            pytest.param({"context": {"contextActivities": {name: [WANTED]}}}, False, id=name)
            for name in ("parent", "grouping", "category", "other")
        ),
        pytest.param({"context": {"contextActivities": {"parent": WANTED}}}, False, id="a single one"),
        pytest.param({"object": sub_statement(object=WANTED)}, False, id="object of a SubStatement"),
        pytest.param(
            {"object": sub_statement(context={"contextActivities": {"other": [WANTED]}})},
            False,
            id="inside, in context",
        ),
    ],
)
def test_an_activity_is_found_where_the_filter_looks(lrs, more, is_direct):
    one = statement(**more)
    lrs.post(one, statement())

    assert lrs.found(activity=WANTED["id"]) == (ids(one) if is_direct else [])
    assert lrs.found(activity=WANTED["id"], related_activities="true") == ids(one)


class TestReferences:
    """Communication 2.1.3, Filter Conditions for StatementRefs."""

    TARGET = {
        "actor": BEN,
        "verb": {"id": VERBS + "passed"},
        "object": WANTED,
        "context": {
            "registration": REGISTRATION,
            "instructor": agent("cem"),
            "contextActivities": {"parent": [activity("parent")]},
        },
    }
    QUERIES = (
        {"agent": text(BEN)},
        {"verb": VERBS + "passed"},
        {"activity": WANTED["id"]},
        {"registration": REGISTRATION},
        {"agent": text(agent("cem")), "related_agents": "true"},
        {"activity": activity("parent")["id"], "related_activities": "true"},
        {"agent": text(BEN), "verb": VERBS + "passed", "activity": WANTED["id"], "registration": REGISTRATION},
    )

    @pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)], ids=str)
    def test_a_chain_answers_for_its_end_whatever_came_first(self, lrs, order):
        chain = [statement(**self.TARGET)]
        for _ in range(3):
            chain.append(statement("commented", object=ref(chain[-1]["id"])))
        for number in order:
            lrs.post(chain[number])

        for query in self.QUERIES:
            assert set(lrs.found(**query)) == {item["id"] for item in chain}, query

    def test_a_chain_in_one_batch_is_followed(self, lrs):
        target = statement(**self.TARGET)
        chain = [target, statement(object=ref(target["id"]))]
        chain.append(statement(object=ref(chain[1]["id"])))
        lrs.post(*chain[::-1])

        assert len(lrs.found(verb=VERBS + "passed")) == 3

    def test_a_circle_ends(self, lrs):
        one, other = statement(), statement("passed")
        one["object"], other["object"] = ref(other["id"]), ref(one["id"])
        lrs.post(one)
        lrs.post(other)

        assert set(lrs.found(verb=VERBS + "passed")) == {one["id"], other["id"]}

    def test_conditions_may_be_met_by_the_reference_and_its_target_together(self, lrs):
        target = statement(actor=BEN)
        about = statement("commented", object=ref(target["id"]))
        lrs.post(target, about)

        assert lrs.found(agent=text(BEN), verb=VERBS + "commented") == ids(about)

    def test_time_and_order_are_those_of_the_reference_itself(self, lrs):
        target = statement(actor=BEN)
        lrs.post(target)
        stored = lrs.get("statements", statementId=target["id"]).json["stored"]
        about = statement(object=ref(target["id"]))
        lrs.post(about)

        assert lrs.found(agent=text(BEN), since=stored) == ids(about)
        assert lrs.found(agent=text(BEN), until=stored) == ids(target)

    def test_what_voids_answers_for_what_it_voided(self, lrs):
        target = statement(actor=BEN)
        void = voiding(target["id"])
        lrs.post(target, void)

        assert lrs.found(agent=text(BEN)) == ids(void)

    def test_a_reference_in_context_is_not_followed(self, lrs):
        target = statement(actor=BEN)
        lrs.post(target, statement(context={"statement": ref(target["id"])}))

        assert lrs.found(agent=text(BEN)) == ids(target)


def test_since_is_exclusive_and_until_inclusive(lrs):
    batch = [statement() for _ in range(4)]
    lrs.post(*batch)
    moments = [item["stored"] for item in lrs.get("statements", ascending="true").json["statements"]]

    assert lrs.found(since=moments[1]) == ids(*batch[2:])
    assert lrs.found(until=moments[1]) == ids(*batch[:2])
    assert lrs.found(since=moments[0], until=moments[2], ascending="true") == [item["id"] for item in batch[1:3]]


FILTERS = {
    "agent": {"agent": text(BEN)},
    "related agent": {"agent": text(agent("cem")), "related_agents": "true"},
    "verb": {"verb": VERBS + "passed"},
    "activity": {"activity": WANTED["id"]},
    "related activity": {"activity": activity("parent")["id"], "related_activities": "true"},
    "registration": {"registration": REGISTRATION},
    "all": {"agent": text(BEN), "verb": VERBS + "passed", "activity": WANTED["id"], "registration": REGISTRATION},
    "nothing": {},
}


@pytest.mark.parametrize(("name", "ascending"), list(product(FILTERS, ["true", "false"])))
def test_pages_follow_each_other_without_gap_or_repetition(lrs, name, ascending):
    wanted = [statement(**TestReferences.TARGET) for _ in range(5)]
    wanted += [statement("commented", object=ref(wanted[0]["id"])), statement(object=ref(wanted[3]["id"]))]
    noise = [statement(actor=agent("zoe"), object=activity(str(number))) for number in range(5)]
    lrs.post(*(item for pair in zip(wanted, noise, strict=False) for item in pair), *wanted[5:])
    everything = lrs.found(**FILTERS[name], ascending=ascending)

    paged = lrs.found(**FILTERS[name], ascending=ascending, limit="2")

    assert paged == everything
    assert len(set(paged)) == len(paged)
    assert {item["id"] for item in wanted} <= set(paged)


def test_a_more_link_keeps_format_attachments_and_version(lrs):
    new = lrs.speaking("2.0.0")
    context = {"contextAgents": [{"objectType": "contextAgent", "agent": agent("ben", name="Ben")}]}
    new.post(*(statement(actor=agent(name="Ana"), context=context) for _ in range(3)))

    more = new.get("statements", limit="1", format="ids").json["more"]
    page = new.get(more).json["statements"][0]

    assert page["actor"] == agent()
    assert page["context"]["contextAgents"][0]["agent"] == BEN
    assert "context" not in lrs.get(more).json["statements"][0]
    with_data = lrs.get("statements", limit="1", attachments="true").data
    token = orjson.loads(with_data.split(b"\r\n")[3])["more"]
    assert lrs.get(token).content_type.startswith("multipart/mixed")


def test_a_more_link_is_of_its_mount_and_not_moved_by_new_statements(lrs):
    batch = [statement() for _ in range(3)]
    lrs.post(*batch)
    first = lrs("GET", "/xapi/1.0.3/statements?limit=1").json

    lrs.post(statement())

    assert first["more"].startswith("/xapi/1.0.3/statements/more/")
    assert [item["id"] for item in lrs.get(first["more"]).json["statements"]] == [batch[1]["id"]]


@pytest.mark.parametrize("token", ["x", "W10", "e30", "%00", "A" * 5000, "WzEsMiwzLDQsNSw2LDcsOF0"])
def test_a_more_link_that_was_never_given_is_400(lrs, token):
    assert lrs.get(f"statements/more/{token}").status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        {"statementId": "x"},
        {"statementId": REGISTRATION, "voidedStatementId": REGISTRATION},
        {"statementId": REGISTRATION, "limit": "1"},
        {"voidedStatementId": REGISTRATION, "ascending": "true"},
        {"StatementId": REGISTRATION},
        {"nonsense": "1"},
        {"agent": "x"},
        {"agent": "[]"},
        {"agent": "{}"},
        {"agent": '{"objectType":"Group","member":[{"mbox":"mailto:a@b.example"}]}'},
        {"agent": '{"mbox":"nobody"}'},
        {"verb": "x"},
        {"activity": "x"},
        {"registration": "x"},
        {"related_agents": "True"},
        {"related_activities": "1"},
        {"since": "yesterday"},
        {"until": "2026-13-01T00:00:00Z"},
        {"limit": "-1"},
        {"limit": "1.5"},
        {"limit": "٣"},
        {"limit": "99999999999999999999"},
        {"format": "Exact"},
        {"attachments": "yes"},
        {"ascending": "0"},
    ],
    ids=str,
)
def test_parameters_are_held_to_the_standard(lrs, query):
    answer = lrs.get("statements", **query)

    assert answer.status_code == 400
    assert answer.json["detail"]


def test_a_parameter_given_twice_is_refused(lrs):
    assert lrs.get("statements?limit=1&limit=2").status_code == 400


def test_nothing_found_is_an_empty_result(lrs):
    assert lrs.get("statements", verb="http://x.example/never").json == {"statements": [], "more": ""}
    assert lrs.get("statements", statementId=str(uuid4())).status_code == 404
