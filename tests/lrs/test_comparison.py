import pytest

from lrs.xapi.comparison import are_same
from lrs.xapi.versions import Version
from tests.lrs.factories import activity, agent, ref, statement, sub_statement

ID = "ec531277-b57b-4c15-8d91-d292c5b2b8f7"
TEAM = {"objectType": "Group", "member": [agent("ana"), agent("ben")]}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            {}, {"stored": "2026-03-01T09:30:00Z", "authority": agent("x"), "version": "1.0.0"}, id="what the LRS sets"
        ),
        pytest.param({}, {"timestamp": "2026-03-01T09:30:00Z"}, id="a timestamp the LRS may have set"),
        pytest.param(
            {"timestamp": "2026-03-01T10:30:00+01:00"}, {"timestamp": "2026-03-01T09:30:00.000Z"}, id="the zone"
        ),
        pytest.param({"actor": TEAM}, {"actor": TEAM | {"member": TEAM["member"][::-1]}}, id="the order of members"),
        pytest.param(
            {"verb": {"id": "http://x.y/z"}}, {"verb": {"id": "http://x.y/z", "display": {"en": "z"}}}, id="the display"
        ),
        pytest.param({"object": activity()}, {"object": activity(type="http://x.y/z")}, id="the definition"),
        pytest.param(
            {"context": {"registration": ID}}, {"context": {"registration": ID.upper()}}, id="the case of a UUID"
        ),
        pytest.param({"object": ref(ID)}, {"object": ref(ID.upper())}, id="the case of a target"),
        pytest.param(
            {"actor": {"mbox": "mailto:a@B.example"}}, {"actor": {"mbox": "mailto:a@b.example"}}, id="the mail domain"
        ),
        pytest.param(
            {"context": {"contextActivities": {"parent": activity()}}},
            {"context": {"contextActivities": {"parent": [activity()]}}},
            id="one activity or an array of one",
        ),
        pytest.param({"result": {"score": {"raw": 1}}}, {"result": {"score": {"raw": 1.0}}}, id="1 and 1.0"),
        pytest.param(
            {"object": sub_statement()},
            {"object": sub_statement(verb={"id": statement()["verb"]["id"], "display": {}})},
            id="inside a SubStatement",
        ),
    ],
)
def test_what_is_no_part_of_a_statement_makes_no_difference(one, other):
    base = statement()

    assert are_same(base | one, base | other)
    assert are_same(base | other, base | one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({}, {"verb": {"id": "http://x.y/z"}}, id="the verb"),
        pytest.param({}, {"actor": agent("ben")}, id="the actor"),
        pytest.param({}, {"actor": agent(name="Ana")}, id="the name"),
        pytest.param(
            {"actor": {"mbox": "mailto:A@b.example"}}, {"actor": {"mbox": "mailto:a@b.example"}}, id="the mail name"
        ),
        pytest.param({"timestamp": "2026-03-01T09:30:00Z"}, {"timestamp": "2026-03-01T09:30:01Z"}, id="the moment"),
        pytest.param(
            {"result": {"duration": "PT60S"}}, {"result": {"duration": "PT1M"}}, id="the writing of a duration"
        ),
        pytest.param(
            {"context": {"extensions": {"http://x.y/z": True}}},
            {"context": {"extensions": {"http://x.y/z": 1}}},
            id="true and 1",
        ),
        pytest.param({}, {"result": {"success": True}}, id="a result"),
        pytest.param(
            {"context": {"contextActivities": {"parent": [activity("a"), activity("b")]}}},
            {"context": {"contextActivities": {"parent": [activity("b"), activity("a")]}}},
            id="the order of activities",
        ),
    ],
)
def test_everything_else_does(one, other):
    base = statement()

    assert not are_same(base | one, base | other)


def test_durations_count_to_the_hundredth_in_2_0_only():
    base = statement()
    one, other = base | {"result": {"duration": "PT0.1237S"}}, base | {"result": {"duration": "PT0.12S"}}

    assert are_same(one, other, Version.V2_0)
    assert not are_same(one, other, Version.V1_0_3)
