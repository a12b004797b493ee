"""The run-time: states, errors, and what begin and end of a session mean."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorm_player.scorm import cmi, visit
from scorm_player.scorm import runtime as rt
from tests.scorm_player import scorm_cases
from tests.scorm_player.scorm_cases import LEARNER, needs_cases


def judge(runtime: rt.Runtime, call: list[Any], *, only_own: bool = False) -> str | None:
    """Make one call of a case; answer what was wrong, or nothing.

    With `only_own`, values that only sequencing can know are not judged.
    """
    method, name, value, expected, error = call
    element = scorm_cases.resolve(name or "", runtime.values)
    is_given = element not in runtime.values or element.startswith("adl.nav.request_valid")
    if only_own and method == "GetValue" and is_given:
        return None
    answer = scorm_cases.answer(runtime, method, element, value)
    if answer is None or expected == "Returned a valid value or error code":
        return None
    if judged(answer, call, element) and error in (None, runtime.get_last_error()):
        return None
    found = f"{answer[:80]!r}, {runtime.get_last_error()}"
    return f"{method}({element}, {str(value)[:80]!r}) = {found}; not {expected!r:.80}, {error}"


def judged(answer: str, call: list[Any], element: str) -> bool:
    """Whether an answer is the expected one, as the cases mean it."""
    method, name, _, expected, _ = call
    if method == "GetValue" and name in ("cmi.learner_id", "cmi.learner_name"):
        return answer == {"cmi.learner_id": LEARNER.id, "cmi.learner_name": LEARNER.name}[name]
    if expected is None or answer == expected:
        return True
    if method == "GetValue" and name.endswith("&.id") and expected == "":  # the page looks the record up
        return True
    if element.endswith("_children"):
        return sorted(answer.split(",")) == sorted(expected.split(","))
    return same_number(answer, expected) or without_defaults(answer) == without_defaults(expected)


def same_number(answer: str, expected: str) -> bool:
    try:
        return float(answer) == float(expected)
    except ValueError:
        return False


def without_defaults(response: str) -> tuple[list[str], str]:
    """Take a response's leading delimiters apart; those that only say the default do not count."""
    prefixes = []
    while prefix := re.match(r"\{(\w+)=([^{}]*)\}", response):
        if prefix[0] not in ("{order_matters=true}", "{case_matters=false}", "{lang=en}"):
            prefixes.append(prefix[0])
        response = response[prefix.end() :]
    return sorted(prefixes), response


@needs_cases
@pytest.mark.conformance
@pytest.mark.parametrize("name", scorm_cases.names())
def test_every_call_of_a_case_answers_as_expected(name):
    """All calls of the DMI cases, and of the others those whose answer does not depend on sequencing."""
    only_own = not name.startswith("DMI")

    wrong = [
        f"{visit.name}: {found}"
        for visit in scorm_cases.visits(name)
        for call in visit.calls
        if (found := judge(visit.runtime, call, only_own=only_own))
    ]

    assert wrong == []


# --- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standard", "codes"),
    [
        pytest.param("2004", ["112", "122", "132", "142", "0", "103", "113", "123", "133", "143", "104"], id="2004"),
        pytest.param("1.2", ["301", "301", "301", "301", "0", "101", "301", "301", "301", "301", "101"], id="1.2"),
    ],
)
def test_each_method_knows_the_state_it_is_called_in(standard, codes):
    runtime = rt.Runtime(standard)
    element = "cmi.location" if standard == "2004" else "cmi.core.lesson_location"
    seen = []

    def call(answer: str) -> None:
        seen.append(runtime.get_last_error())

    call(runtime.terminate(""))
    call(runtime.get_value(element))
    call(runtime.set_value(element, "1"))
    call(runtime.commit(""))
    call(runtime.initialize(""))
    call(runtime.initialize(""))
    runtime.terminate("")
    call(runtime.terminate(""))
    call(runtime.get_value(element))
    call(runtime.set_value(element, "1"))
    call(runtime.commit(""))
    call(runtime.initialize(""))

    assert seen == codes


def test_an_argument_where_none_belongs_is_201_and_changes_no_state():
    runtime = rt.Runtime("2004")

    assert runtime.initialize("x") == "false"

    assert runtime.get_last_error() == "201"
    assert runtime.state is rt.State.NOT_INITIALIZED


def test_errors_are_told_in_the_standards_words_and_ours():
    runtime = running("2004")

    runtime.set_value("cmi.score.scaled", "2")

    assert runtime.get_last_error() == "407"
    assert runtime.get_error_string("407") == "Data Model Element Value Out Of Range"
    assert "cmi.score.scaled" in runtime.get_diagnostic("")
    assert runtime.get_error_string("9999") == ""
    assert runtime.get_last_error() == "407", "asking about an error is not an error"


def running(standard: str, edition: str = "4th", *, strict: bool = False, **values: str) -> rt.Runtime:
    runtime = rt.Runtime(standard, edition, values, strict=strict)
    runtime.initialize("")
    return runtime


# --- SCORM 1.2 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("element", "value", "answer", "code"),
    [
        pytest.param("cmi.core.lesson_location", "page 3", "true", "0", id="location"),
        pytest.param("cmi.core.lesson_status", "passed", "true", "0", id="status"),
        pytest.param("cmi.core.lesson_status", "unknown", "false", "405", id="status of the other standard"),
        pytest.param("cmi.core.lesson_status", "not attempted", "false", "405", id="only the LMS says not attempted"),
        pytest.param("cmi.core.student_id", "x", "false", "403", id="read only"),
        pytest.param("cmi.core._children", "x", "false", "402", id="keyword"),
        pytest.param("cmi.objectives._count", "4", "false", "402", id="count is a keyword"),
        pytest.param("cmi.core.score.raw", "101", "false", "405", id="score above 100"),
        pytest.param("cmi.core.score.raw", "", "true", "0", id="blank score"),
        pytest.param("cmi.core.session_time", "00:01:30.5", "true", "0", id="time"),
        pytest.param("cmi.core.session_time", "PT90S", "false", "405", id="time of the other standard"),
        pytest.param("cmi.suspend_data", "x" * 4096, "true", "0", id="4096 characters"),
        pytest.param("cmi.suspend_data", "x" * 4097, "false", "405", id="4097 characters"),
        pytest.param("cmi.objectives.0.id", "o1", "true", "0", id="first objective"),
        pytest.param("cmi.objectives.1.id", "o1", "false", "201", id="objective out of order"),
        pytest.param("cmi.interactions.0.student_response", "a", "true", "0", id="interaction without id"),
        pytest.param("cmi.student_preference.speed", "-101", "false", "405", id="preference out of range"),
        pytest.param("cmi.nonsense", "x", "false", "201", id="unknown element"),
        pytest.param("", "x", "false", "201", id="no element"),
    ],
)
def test_strict_set_value_in_scorm_1_2(element, value, answer, code):
    runtime = running("1.2", strict=True)

    assert (runtime.set_value(element, value), runtime.get_last_error()) == (answer, code)


@pytest.mark.parametrize(
    ("element", "answer", "code"),
    [
        pytest.param("cmi.core.lesson_status", "not attempted", "0", id="status at first"),
        pytest.param("cmi.suspend_data", "", "0", id="never set is empty, not an error"),
        pytest.param("cmi.core.exit", "", "404", id="write only"),
        pytest.param("cmi.core.score._children", "raw,min,max", "0", id="children"),
        pytest.param("cmi.core.student_id._children", "", "202", id="no children"),
        pytest.param("cmi.core.student_id._count", "", "203", id="no count"),
        pytest.param("cmi.interactions._count", "0", "0", id="count"),
        pytest.param("cmi.interactions.0.objectives._count", "", "201", id="count in a record that is not there"),
        pytest.param("cmi._version", "3.4", "0", id="version"),
        pytest.param("cmi.objectives.0.id", "", "201", id="record that is not there"),
        pytest.param("cmi.nonsense._children", "", "201", id="children of nothing"),
    ],
)
def test_get_value_in_scorm_1_2(element, answer, code):
    runtime = running("1.2", strict=True)

    assert (runtime.get_value(element), runtime.get_last_error()) == (answer, code)


@pytest.mark.parametrize(
    ("element", "value"),
    [
        pytest.param("cmi.suspend_data", "x" * 100_000, id="long suspend data"),
        pytest.param("cmi.core.lesson_status", "not attempted", id="not attempted"),
        pytest.param("cmi.core.score.raw", "120", id="score above 100"),
        pytest.param("cmi.core.session_time", "0:1:5", id="short time"),
        pytest.param("cmi.interactions.0.result", "incorrect", id="the other standard's word"),
    ],
)
def test_what_vendors_send_is_kept_in_lenient_mode(element, value):
    runtime = running("1.2")

    assert runtime.set_value(element, value) == "true"
    assert runtime.values[element] == value


def test_a_value_beyond_the_smallest_permitted_maximum_is_kept_and_noted():
    runtime = running("2004")

    runtime.set_value("cmi.suspend_data", "x" * 64001)

    assert runtime.notes == ["cmi.suspend_data: 64001 characters, more than the smallest permitted maximum"]


@pytest.mark.parametrize(
    ("status", "raw", "terminated", "mode", "after"),
    [
        pytest.param(None, None, True, "normal", "completed", id="set nothing: completed"),
        pytest.param(None, "85", True, "normal", "passed", id="set nothing but a score above mastery"),
        pytest.param(None, "40", True, "normal", "failed", id="set nothing but a score below mastery"),
        pytest.param("completed", "80", True, "normal", "passed", id="mastery itself passes"),
        pytest.param("passed", "40", True, "normal", "failed", id="mastery over status"),
        pytest.param("incomplete", "40", True, "normal", "incomplete", id="not finished is not failed"),
        pytest.param(None, None, False, "normal", "incomplete", id="closed window"),
        pytest.param("incomplete", "90", False, "normal", "incomplete", id="closed window concludes nothing"),
        pytest.param("passed", None, False, "normal", "passed", id="closed window keeps what was said"),
        pytest.param(None, "90", True, "browse", "browsed", id="browse"),
        pytest.param("completed", "40", True, "review", "completed", id="review judges nothing"),
    ],
)
def test_lesson_status_after_a_session(status, raw, terminated, mode, after):
    values = {"cmi.core.lesson_status": status, "cmi.core.score.raw": raw}
    item = visit.Item(standard="1.2", mastery_score="80")

    outcome = visit.end(item, {k: v for k, v in values.items() if v is not None}, terminated=terminated, mode=mode)

    assert outcome.values["cmi.core.lesson_status"] == after


# --- SCORM 2004 -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edition", "element", "code"),
    [
        pytest.param("4th", "adl.data._count", "0", id="shared data in the 4th"),
        pytest.param("3rd", "adl.data._count", "401", id="no shared data in the 3rd"),
        pytest.param("3rd", "adl.nav.request_valid.jump.{target=a}", "401", id="no jump in the 3rd"),
        pytest.param("3rd", "adl.nav.request_valid.choice.{target=a.b}", "0", id="choice, with a dot in the target"),
        pytest.param("3rd", "cmi.location._children", "301", id="no children"),
        pytest.param("3rd", "cmi.nonsense._count", "401", id="count of nothing"),
        pytest.param("3rd", "cmi.objectives._version", "301", id="only cmi has a version"),
        pytest.param("3rd", "", "301", id="no element"),
    ],
)
def test_get_value_by_edition(edition, element, code):
    runtime = running("2004", edition)

    runtime.get_value(element)

    assert runtime.get_last_error() == code


@pytest.mark.parametrize(
    ("values", "completion", "success"),
    [
        pytest.param({}, "unknown", "unknown", id="nothing said"),
        pytest.param({"progress_measure": "0.8"}, "completed", "unknown", id="threshold reached"),
        pytest.param(
            {"progress_measure": "0.7", "completion_status": "completed"}, "incomplete", "unknown", id="override"
        ),
        pytest.param({"completion_status": "completed"}, "completed", "unknown", id="no measure, the SCO is believed"),
        pytest.param({"score.scaled": "0.6"}, "unknown", "passed", id="passing score reached"),
        pytest.param({"score.scaled": "0.5", "success_status": "passed"}, "unknown", "failed", id="score over status"),
        pytest.param({"success_status": "passed"}, "unknown", "passed", id="no score, the SCO is believed"),
    ],
)
def test_thresholds_override_statuses(values, completion, success):
    item = visit.Item(completion_threshold="0.8", scaled_passing_score="0.6")
    runtime = rt.Runtime("2004", values=visit.begin(item, LEARNER).values)
    runtime.initialize("")
    for name, value in values.items():
        assert runtime.set_value(f"cmi.{name}", value) == "true"

    outcome = visit.end(item, runtime.values, terminated=True)

    assert (runtime.get_value("cmi.completion_status"), runtime.get_value("cmi.success_status")) == (
        completion,
        success,
    )
    assert (outcome.completion, outcome.success) == (completion, success)


def test_strictly_a_passing_score_without_a_score_leaves_success_unknown():
    runtime = running("2004", strict=True, **{"cmi.scaled_passing_score": "0.6"})

    runtime.set_value("cmi.success_status", "passed")

    assert runtime.get_value("cmi.success_status") == "unknown"


def test_strictly_a_completion_threshold_without_a_progress_measure_leaves_completion_unknown():
    """RTE 4.2.4.1: whatever the SCO sets, the measure decides as soon as there is one."""
    runtime = running("2004", strict=True, **{"cmi.completion_threshold": "0.6"})

    runtime.set_value("cmi.completion_status", "completed")

    assert runtime.get_value("cmi.completion_status") == "unknown"
    assert visit.end(visit.Item(), runtime.values, terminated=True, strict=True).completion == "unknown"
    runtime.set_value("cmi.progress_measure", "0.7")
    assert runtime.get_value("cmi.completion_status") == "completed"


def test_a_suspended_session_is_resumed_with_its_data_and_time():
    item = visit.Item()
    first = rt.Runtime("2004", values=visit.begin(item, LEARNER).values)
    first.initialize("")
    for element, value in [
        ("cmi.suspend_data", "page=3"),
        ("cmi.exit", "suspend"),
        ("cmi.session_time", "PT1M30.5S"),
        ("adl.nav.request", "suspendAll"),
    ]:
        first.set_value(element, value)
    outcome = visit.end(item, first.values, terminated=True)

    start = visit.begin(
        item, LEARNER, previous=outcome.values, suspended=outcome.suspended, total_seconds=outcome.seconds
    )

    assert outcome.navigation == "suspendAll"
    assert start.values["cmi.entry"] == "resume"
    assert start.values["cmi.suspend_data"] == "page=3"
    assert start.values["cmi.total_time"] == "PT1M30.5S"
    assert "cmi.exit" not in start.values
    assert "adl.nav.request" not in start.values


@pytest.mark.parametrize(
    ("standard", "exit_", "entry"),
    [
        ("1.2", None, ""),
        ("1.2", "", ""),
        ("1.2", "time-out", ""),
        ("1.2", "suspend", "resume"),
        ("1.2", "logout", ""),
        ("2004", None, ""),
        ("2004", "", ""),
        ("2004", "normal", ""),
        ("2004", "time-out", ""),
        ("2004", "suspend", "resume"),
        ("2004", "logout", ""),
    ],
)
def test_how_a_session_was_left_says_how_the_next_one_of_the_attempt_is_entered(standard, exit_, entry):
    item, core = visit.Item(standard), "cmi.core" if standard == "1.2" else "cmi"
    values = {"cmi.suspend_data": "page=3"} | ({} if exit_ is None else {f"{core}.exit": exit_})

    outcome = visit.end(item, values, terminated=True)
    start = visit.begin(item, LEARNER, previous=outcome.values, suspended=outcome.suspended)

    assert start.values[f"{core}.entry"] == entry
    assert start.values["cmi.suspend_data"] == "page=3"


@pytest.mark.parametrize(
    ("strict", "said", "kept"),
    [
        pytest.param(False, ["Too fast. ", "Too blue."], "Too fast. Too blue.", id="one after the other"),
        pytest.param(False, ["Too fast.", "Too fast. Too blue."], "Too fast. Too blue.", id="all of them each time"),
        pytest.param(False, ["Too fast.", ""], "Too fast.", id="nothing more"),
        pytest.param(True, ["a", "a", "ab"], "aaab", id="to the letter"),
    ],
)
def test_comments_of_1_2_are_added_to_what_the_learner_said_before(strict, said, kept):
    """As ADL's own run-time of SCORM 1.2 does. All there is goes to the server, so that no repeat adds twice."""
    runtime = rt.Runtime("1.2", strict=strict)
    runtime.initialize("")

    assert {runtime.set_value("cmi.comments", text) for text in said} == {"true"}

    assert runtime.get_value("cmi.comments") == kept
    server = rt.Runtime("1.2", strict=strict)
    assert rt.apply(server, [("cmi.comments", kept)] * 2) == []
    assert server.values["cmi.comments"] == kept


def test_to_the_letter_each_comment_of_1_2_has_its_longest_length_and_all_of_them_together_may_have_more():
    runtime = rt.Runtime("1.2", strict=True)
    runtime.initialize("")

    assert runtime.set_value("cmi.comments", "x" * 4097) == "false"
    assert [runtime.set_value("cmi.comments", "x" * 4096) for _ in range(2)] == ["true", "true"]

    whole = runtime.get_value("cmi.comments")
    assert len(whole) == 8192
    assert rt.apply(rt.Runtime("1.2", strict=True), [("cmi.comments", whole)]) == []


def test_a_closed_window_is_an_implicit_suspend():
    outcome = visit.end(
        visit.Item(),
        {"cmi.suspend_data": "x", "adl.nav.request": "exitAll"},
        terminated=False,
        measured_seconds=Decimal(12),
    )

    assert outcome.suspended
    assert outcome.navigation == "_none_", "what was asked for is only done by Terminate"
    assert outcome.seconds == 12


def test_the_objectives_of_the_activity_are_there_when_the_sco_starts():
    start = visit.begin(
        visit.Item(),
        LEARNER,
        previous={"cmi.objectives.0.id": "own", "cmi.objectives.0.success_status": "passed"},
        objectives=[visit.Objective("primary", success_status="passed", scaled="0.5"), visit.Objective("own")],
    )
    runtime = rt.Runtime("2004", values=start.values)
    runtime.initialize("")

    assert runtime.get_value("cmi.objectives._count") == "2"
    assert runtime.get_value("cmi.objectives.0.success_status") == "passed"
    assert runtime.get_value("cmi.objectives.1.id") == "primary"
    assert runtime.get_value("cmi.objectives.1.score.scaled") == "0.5"
    assert runtime.set_value("cmi.objectives.1.id", "other") == "false"


def test_changes_replayed_on_the_server_end_in_the_same_values():
    browser = running("2004")
    deltas = [
        ["cmi.interactions.0.id", "q1"],
        ["cmi.interactions.0.type", "choice"],
        ["cmi.interactions.0.learner_response", "a[,]b"],
        ["cmi.suspend_data", "page=3"],
    ]
    for element, value in deltas:
        browser.set_value(element, value)
    server = rt.Runtime("2004")

    assert rt.apply(server, [*deltas, ["cmi.learner_id", "somebody else"]]) == ["cmi.learner_id: read_only"]
    assert server.values == browser.values


class Scanning(rt.Runtime):
    """A run-time that looks through all records for whoever holds a value, each time it is asked."""

    def _holders(self, name: str, key: str) -> dict[str, set[int]]:
        self._known_holders.clear()
        return super()._holders(name, key)


IDENTIFIED = st.sampled_from(
    [f"cmi.objectives.{n}.id" for n in range(4)]
    + [f"cmi.interactions.0.objectives.{n}.id" for n in range(4)]
    + [f"cmi.interactions.0.correct_responses.{n}.pattern" for n in range(3)]
)
WRITES = st.one_of(
    st.tuples(IDENTIFIED, st.sampled_from("abcd")),
    st.tuples(st.just("cmi.interactions.0.type"), st.sampled_from(["choice", "sequencing", "fill-in", "other"])),
)


@given(st.lists(WRITES, max_size=40))
def test_what_must_be_unique_is_judged_as_if_all_records_were_looked_through(writes):
    opened = {"cmi.interactions.0.id": "q", "cmi.interactions.0.type": "choice", "cmi.objectives.0.id": "d"}
    keeping, scanning = rt.Runtime("2004", values=opened), Scanning("2004", values=opened)

    assert rt.apply(keeping, writes) == rt.apply(scanning, writes)
    assert keeping.values == scanning.values


class Watched(dict[str, str]):
    """Values that count how often one of them is looked at."""

    looks = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)


@pytest.mark.parametrize(
    "element",
    [
        "cmi.objectives.{n}.id",
        "cmi.interactions.0.objectives.{n}.id",
        "cmi.interactions.0.correct_responses.{n}.pattern",
    ],
)
def test_one_more_record_is_not_compared_with_each_that_is_there(element):
    def looks_for_one_more_than(count: int) -> int:
        runtime = rt.Runtime("2004", values={"cmi.interactions.0.id": "q", "cmi.interactions.0.type": "choice"})
        runtime.values = values = Watched(runtime.values)
        names: Sequence[str] = [element.format(n=n) for n in range(count + 1)]
        assert rt.apply(runtime, [(name, f"v{n}") for n, name in enumerate(names[:-1])]) == []
        before = values.looks
        runtime.write(names[-1], "another")
        return values.looks - before

    assert looks_for_one_more_than(300) == looks_for_one_more_than(3)


def test_records_are_read_as_lists_with_nested_collections():
    values = {
        "cmi.interactions.0.id": "q1",
        "cmi.interactions.0.objectives.0.id": "o1",
        "cmi.interactions.0.correct_responses.0.pattern": "a",
        "cmi.interactions.1.id": "q2",
        "cmi.objectives.0.score.raw": "3",
    }

    assert cmi.records(values, "cmi.interactions") == [
        {"id": "q1", "objectives": [{"id": "o1"}], "correct_responses": [{"pattern": "a"}]},
        {"id": "q2"},
    ]
    assert cmi.records(values, "cmi.objectives") == [{"score.raw": "3"}]


# --- scores and times -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "low", "high", "scaled"),
    [
        pytest.param(85, None, None, 0.85, id="percent"),
        pytest.param(15, 10, 20, 0.5, id="within min and max"),
        pytest.param(15, 20, 10, 0.15, id="min and max make no sense"),
        pytest.param(15, None, 20, 0.15, id="only max"),
        pytest.param(250, None, None, 1.0, id="never above 1"),
        pytest.param(None, 0, 100, None, id="no score"),
    ],
)
def test_a_raw_score_as_a_scaled_one(raw, low, high, scaled):
    assert cmi.scaled_from_raw(raw, low, high) == scaled


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        pytest.param("PT1H2M3.5S", "3723.50", id="iso"),
        pytest.param("P1DT1S", "86401.00", id="iso days"),
        pytest.param("0001:02:03.50", "3723.50", id="1.2"),
        pytest.param("nonsense", "0", id="unreadable"),
    ],
)
def test_session_times_as_seconds(duration, seconds):
    assert cmi.seconds_of(duration) == Decimal(seconds)


def test_total_times_are_written_in_the_standards_form():
    assert cmi.duration_of("2004", Decimal("3723.5")) == "PT1H2M3.5S"
    assert cmi.duration_of("2004", Decimal(0)) == "PT0H0M0S"
    assert cmi.duration_of("2004", Decimal(8420)) == "PT2H20M20S"
    assert cmi.duration_of("2004", Decimal("86400.55")) == "P1DT0.55S"
    assert cmi.duration_of("2004", Decimal(29 * 86400)) == "P29D"
    assert all(
        cmi.seconds_of(cmi.duration_of("2004", Decimal(n) / 4)) == Decimal(n) / 4 for n in range(0, 400_000, 997)
    )
    assert cmi.duration_of("1.2", Decimal("3723.5")) == "0001:02:03.50"


@pytest.mark.parametrize(
    ("standard", "values", "done"),
    [
        pytest.param("2004", {"cmi.progress_measure": "0.3"}, 0.3, id="what is stated goes first"),
        pytest.param(
            "1.2", {"cmi.objectives.0.id": "a", "cmi.objectives.0.status": "passed"}, 1.0, id="passed is done"
        ),
        pytest.param(
            "1.2",
            {"cmi.objectives.0.id": "a", "cmi.objectives.0.status": "completed", "cmi.objectives.1.id": "b"},
            0.5,
            id="share of completed objectives",
        ),
        pytest.param("1.2", {}, None, id="nothing known, nothing claimed"),
    ],
)
def test_progress_of_a_sco(standard, values, done):
    assert cmi.progress(standard, values) == done
