"""Calls of the API that no book expects: every element with values of every other, in no order. The same each time."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from scorm_player.scorm.data_model import Edition, Standard, table
from scorm_player.scorm.runtime import Runtime

STANDARDS: tuple[tuple[Standard, Edition], ...] = (("1.2", ""), ("2004", "2nd"), ("2004", "3rd"), ("2004", "4th"))
CALLS = 1500

INDEXES = ("0", "0", "0", "1", "1", "2", "3", "00", "01", "-1", "999999999999", "n", "1.0", "٠")
TARGETS = ("{target=a}", "{target=}", "{target=a.0}", "{target}", "a")
NO_ELEMENTS = (
    "", "cmi", "cmi.", "..", "constructor", "cmi.__proto__", "cmi.core.toString", "_count", "cmi._count",
    "cmi._children", "cmi._version", "cmi.core._children", "cmi.core.score._children", "cmi.score._children",
    "cmi.interactions", "cmi.interactions._count", "cmi.interactions._children", "cmi.interactions.0._count",
    "cmi.interactions.0.objectives._count", "cmi.objectives.0.score._children", "cmi.objectives._count",
    "cmi.suspend_data._children", "adl.data._count", "CMI.location", " cmi.location", "adl.data.0.x",
    "adl.data.1.store",
)  # fmt: skip
KINDS = (
    "true-false", "choice", "fill-in", "long-fill-in", "likert", "matching", "performance", "sequencing", "numeric",
    "other",
)  # fmt: skip
OF_A_RECORD = (
    "learner_response", "student_response", "correct_responses.0.pattern", "correct_responses.1.pattern",
    "objectives.0.id", "result", "latency", "timestamp", "time", "description", "weighting", "status", "score.raw",
    "score.scaled", "score.min", "score.max", "success_status", "completion_status", "progress_measure",
)  # fmt: skip
VALUES = (
    "", " ", "\n", "0", "1", "-1", "1.", "-.5", ".5", "+1", "1e5", "01", "-0", "0.12345678901", "100", "100.1",
    "-0.0001", "١", "９", "NaN", "Infinity", "9" * 400, "true", "TRUE", "t", "completed", "Completed", "incomplete",
    "not attempted", "browsed", "passed", "failed", "unknown", "normal", "suspend", "logout", "time-out", "correct",
    "wrong", "incorrect", "neutral", "unanticipated", *KINDS, "a", "b", "a,b", "a.b,c.d", "{a,b}", "a[,]b", "a[,]a",
    "a[.]b", "a[.]b[,]c[.]d", "[.]", "a[.]", "[,]", "1[:]2", "2[:]1", "[:]", "1[:]", "1[:]2[:]3",
    "{case_matters=true}x",
    "{case_matters=x}x", "{order_matters=false}{case_matters=true}a[,]b", "{lang=en}x", "{lang=}x", "{lang=en-a}x",
    "{lang=zz-xx-yy}x", "{lang=qaa}x", "{lang=en", "00:00:00", "24:00:00", "00:60:00", "0000:00:00.00", "1:2:3",
    "00:00:00.123", "99999:99:99", f"{'9' * 400}:00:00", "PT1S", "PT0.123S", "P1Y2M3DT4H5M6.7S", "P", "PT", "P1W",
    f"PT{'9' * 400}H", "2024", "2024-02-30", "2024-01-01T10:20:30.1Z", "2024-01-01T10:20:30Z", "2024-01-01 10:20:30",
    "1969", "urn:a:b", "urn:", "urn:\n", "URN:x", "http://e.org/a b", "x" * 256, "x" * 4097, "😀" * 250, "\u2028",
    "\x85",
    "é", "{target=a}choice", "{target=a}jump", "{target=}choice", "continue", "exitAll", "_none_", "en", "en-US", "x-a",
    "English language", "-100", "101",
)  # fmt: skip


@dataclass
class Session:
    """One session: what it was opened with, and its calls with what Python answered: [method, element, value, …].

    `changes` are what goes to the server, [element, value it has now], `left` the values at the end.
    """

    standard: Standard
    edition: Edition
    strict: bool
    values: dict[str, str]
    calls: list[list[str]] = field(default_factory=list)
    changes: list[list[str]] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def runtime(self) -> Runtime:
        return Runtime(self.standard, self.edition or "4th", self.values, strict=self.strict)


def sessions() -> Iterator[Session]:
    """Play one session of every standard and edition, strict and lenient."""
    for standard, edition in STANDARDS:
        for strict in (True, False):
            chance = random.Random(f"{standard} {edition} {strict}")  # noqa: S311 nothing here is secret
            values = {"adl.data.0.id": "d"} if edition == "4th" else {}
            if standard == "2004":
                values |= {"cmi.completion_threshold": "0.5", "cmi.scaled_passing_score": "0.8"}
            played = Session(standard, edition, strict, values)
            play(played, chance)
            yield played


def play(session: Session, chance: random.Random) -> None:
    """Make the calls."""
    runtime = session.runtime()
    runtime.initialize("")
    names = [*elements(session, chance), *NO_ELEMENTS]
    while len(session.calls) < CALLS:
        element = chance.choice(names)
        if chance.random() < 0.3:
            call(session, runtime, "GetValue", element, "")
            continue
        call(session, runtime, "SetValue", element, chance.choice(VALUES))
        collection = chance.choice(("cmi.interactions", "cmi.objectives"))
        record = f"{collection}.{chance.randrange(runtime.count(collection) + 1)}"
        if chance.random() < 0.5:
            call(session, runtime, "SetValue", f"{record}.id", chance.choice((*VALUES, *map(str, range(99)))))
            call(session, runtime, "SetValue", f"{record}.type", chance.choice(KINDS))
        call(session, runtime, "SetValue", f"{record}.{chance.choice(OF_A_RECORD)}", chance.choice(VALUES))
    session.left = dict(runtime.values)


def elements(session: Session, chance: random.Random) -> Iterator[str]:
    """Yield each element a few times, with indexes and targets filled in."""
    for pattern in table(session.standard, session.edition or "4th")["elements"]:
        for _ in range(3):
            parts = (chance.choice(INDEXES) if part == "n" else part for part in pattern.split("."))
            yield ".".join(parts).replace("{target}", chance.choice(TARGETS))


def call(session: Session, runtime: Runtime, method: str, element: str, value: str) -> None:
    """Make one call, and note what it was answered."""
    answer = runtime.get_value(element) if method == "GetValue" else runtime.set_value(element, value)
    session.calls.append([method, element, value, answer, runtime.get_last_error()])
    if method == "SetValue" and answer == "true":
        session.changes.append([element, runtime.values[element]])


def answers() -> str:
    """Tell all sessions as JSON; the browser must agree."""
    return json.dumps([vars(session) for session in sessions()])
