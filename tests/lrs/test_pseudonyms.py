"""Where a statement names people, and putting another name there."""

import pytest

from lrs.xapi import pseudonyms
from lrs.xapi.actors import identifier
from tests.lrs.factories import agent, statement

ANA = agent("ana")
TEAM = {"objectType": "Group", "member": [ANA]}
NAME = pseudonyms.pseudonym("x")


def rewritten(item):
    change = pseudonyms.in_place_of(frozenset({identifier(ANA)}), lambda value: pseudonyms.renamed(value, NAME))
    return pseudonyms.changed(item, change)


PLACES = [
    pytest.param({"actor": ANA | {"name": "Ana"}}, id="actor"),
    pytest.param({"actor": {"objectType": "Group", "member": [agent("ben"), ANA]}}, id="member of an anonymous group"),
    pytest.param({"object": ANA | {"objectType": "Agent", "name": "Ana"}}, id="object"),
    pytest.param({"context": {"instructor": ANA}}, id="instructor"),
    pytest.param({"context": {"team": TEAM}}, id="team"),
    pytest.param({"context": {"contextAgents": [{"objectType": "contextAgent", "agent": ANA}]}}, id="context agent"),
    pytest.param(
        {"context": {"contextGroups": [{"objectType": "contextGroup", "group": TEAM}]}},
        id="context group",
    ),
    pytest.param(
        {"object": {"objectType": "SubStatement", "actor": ANA, "verb": {"id": "http://x.example/v"}, "object": ANA}},
        id="sub-statement",
    ),
    pytest.param({"authority": ANA}, id="authority"),
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_a_person_is_replaced_wherever_a_statement_names_them(place):
    item = statement(**({"actor": agent("ben")} | place))

    found = rewritten(item)

    assert ANA["mbox"] not in str(found)
    assert "'name': 'Ana'" not in str(found)
    assert pseudonyms.HOME_PAGE in str(found)
    assert list(found) == list(item)


def test_who_is_not_meant_stays_and_nothing_is_copied():
    item = statement(actor=agent("ben"), context={"instructor": agent("cem")})

    assert rewritten(item) is item


def test_the_objects_given_are_not_changed_themselves():
    item = statement(actor=ANA | {"name": "Ana"})

    rewritten(item)

    assert item["actor"]["name"] == "Ana"
