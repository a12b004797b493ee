import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.xapi import formats, versions
from lrs.xapi.activities import merged
from lrs.xapi.formats import LanguageChoice
from tests.lrs.factories import activity, agent, ref, statement, sub_statement

WORDS = {"en-US": "color", "en-GB": "colour", "de": "Farbe"}


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("de", "de"),
        ("en-GB", "en-GB"),
        ("EN-gb", "en-GB"),
        ("en", "en-US"),
        ("fr, de;q=0.5, en;q=0.4", "de"),
        ("en;q=0.4, de;q=0.5", "de"),
        ("de-CH", "de"),
        ("fr", "en-US"),
        ("*", "en-US"),
        ("en;q=0, *", "de"),
        ("", "en-US"),
        (None, "en-US"),
        ("de;q=x", "de"),
    ],
)
def test_each_language_map_gives_the_entry_that_fits_best(header, chosen):
    assert LanguageChoice(header).of(WORDS) == {chosen: WORDS[chosen]}


@given(st.text(max_size=100), st.dictionaries(st.text(max_size=10), st.text(max_size=5), max_size=4))
def test_any_header_gives_one_entry_of_any_map(header, language_map):
    assert len(LanguageChoice(header).of(language_map)) == min(len(language_map), 1)


NAMED = activity(name=WORDS, interactionType="choice", choices=[{"id": "a", "description": WORDS}])
FULL = statement(
    actor={"objectType": "Group", "member": [agent(name="Ana")], "name": "Team"},
    verb={"id": "http://x.example/v", "display": WORDS},
    object=sub_statement(object=NAMED, context={"contextActivities": {"parent": [NAMED]}}),
    context={
        "instructor": agent("ben", name="Ben"),
        "contextActivities": {"category": [NAMED]},
        "contextAgents": [{"objectType": "contextAgent", "agent": agent(name="Ana")}],
        "platform": "x",
    },
    authority=agent("lms", name="LMS"),
)
BARE = {"id": NAMED["id"]}


def test_ids_keep_only_what_identifies():
    short = formats.ids(FULL)

    assert short["actor"] == {"objectType": "Group", "member": [agent()]}
    assert short["verb"] == {"id": "http://x.example/v"}
    assert short["object"]["object"] == BARE
    assert short["object"]["context"] == {"contextActivities": {"parent": [BARE]}}
    assert short["context"] == {
        "instructor": agent("ben"),
        "contextActivities": {"category": [BARE]},
        "contextAgents": [{"objectType": "contextAgent", "agent": agent()}],
        "platform": "x",
    }
    assert short["authority"] == agent("lms")


def test_canonical_gives_the_stores_definitions_in_one_language_everywhere():
    known = {NAMED["id"]: {"name": WORDS, "type": "http://x.example/t"}}

    full = formats.canonical(FULL, known, "de")

    assert full["verb"]["display"] == {"de": "Farbe"}
    for found in (full["object"]["object"], full["object"]["context"]["contextActivities"]["parent"][0]):
        assert found["definition"] == {"name": {"de": "Farbe"}, "type": "http://x.example/t"}
    assert full["actor"] == FULL["actor"]


def test_canonical_without_a_known_definition_keeps_the_statements_own_in_one_language():
    found = formats.canonical(statement(object=NAMED), {}, "en-GB")["object"]["definition"]

    assert found["name"] == {"en-GB": "colour"}
    assert found["choices"] == [{"id": "a", "description": {"en-GB": "colour"}}]


def test_a_new_definition_adds_languages_and_replaces_the_rest():
    known = {"name": {"en": "old", "de": "alt"}, "type": "http://x.example/a", "moreInfo": "http://x.example"}

    assert merged(known, {"name": {"en": "new", "fr": "neuf"}, "type": "http://x.example/b"}) == {
        "name": {"en": "new", "de": "alt", "fr": "neuf"},
        "type": "http://x.example/b",
        "moreInfo": "http://x.example",
    }


def test_a_2_0_statement_is_converted_down_for_readers_of_1_0():
    converted = versions.converted_down(FULL | {"version": "2.0.0"})

    assert converted["version"] == "1.0.0"
    assert "contextAgents" not in converted["context"]
    only_new = statement(object=sub_statement(context={"contextGroups": []}), version="2.0.0")
    assert "context" not in versions.converted_down(only_new)["object"]


@pytest.mark.parametrize(
    ("header", "version"),
    [
        ("1.0", versions.Version.V1_0_3),
        ("1.0.9", versions.Version.V1_0_3),
        ("2.0", versions.Version.V2_0),
        ("2.0.0", versions.Version.V2_0),
        ("1.1.0", None),
        ("0.95", None),
        ("1", None),
        ("2.1.0", None),
        ("1.0.x", None),
        ("", None),
    ],
)
def test_the_version_header_names_one_of_two(header, version):
    assert versions.of_header(header) is version


def test_a_reference_keeps_its_id_in_every_format():
    target = ref("ec531277-b57b-4c15-8d91-d292c5b2b8f7")

    assert formats.ids(statement(object=target))["object"] == target
    assert formats.canonical(statement(object=target), {}, None)["object"] == target
