"""The SCORM run-time on a plain dict of values: the API's states and errors.

* `Runtime(standard, edition, values, access, strict=…)`: the API instance. `initialize`, `terminate`, `get_value`,
  `set_value`, `commit`, `get_last_error`, `get_error_string`, `get_diagnostic` take and answer strings, as the
  standard's methods do (`LMSInitialize` … of 1.2 are the same methods). `values` holds what was set or given;
  defaults are not in it, so "did the SCO set it" is `element in values`.
* `apply(runtime, deltas)`: replay changes that a browser made, judged again.

What a session opens with, and what its end means, is in `visit`. static/player/runtime.js is the same in the browser;
both run the same test data.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from scorm_player.scorm.cmi import Values, completion_status, count_records, success_status
from scorm_player.scorm.data_model import Edition, Located, Refused, Standard, reader


class State(StrEnum):
    """The API instance's states (RTE 3.1.2): it goes through them once, in this order."""

    NOT_INITIALIZED = "not initialized"
    RUNNING = "running"
    TERMINATED = "terminated"


class Runtime:
    """One API instance: one communication session of one SCO."""

    def __init__(
        self,
        standard: Standard,
        edition: Edition = "4th",
        values: Mapping[str, str] | None = None,
        access: Mapping[str, str] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        """`access` narrows single elements ("r", "w", "rw" or ""), as shared data and review mode need."""
        self.reader = reader(standard, edition, strict=strict)
        self.standard = standard
        self.values: Values = dict(values or {})
        self.access = dict(access or {})
        self.state = State.NOT_INITIALIZED
        self.notes: list[str] = []
        self._known_counts: dict[str, int] | None = None  # counted when first asked for: most changes are no records
        self._known_holders: dict[tuple[str, str], dict[str, set[int]]] = {}  # of what must be unique, once asked for
        self._error = "0"
        self._diagnostic = ""

    # --- the standard's methods ---

    def initialize(self, argument: str = "") -> str:
        if argument != "":
            return self._fail("argument", "Initialize takes an empty string.")
        if self.state is State.RUNNING:
            return self._fail("initialize_twice")
        if self.state is State.TERMINATED:
            return self._fail("initialize_ended")
        self.state = State.RUNNING
        return self._succeed()

    def terminate(self, argument: str = "") -> str:
        if argument != "":
            return self._fail("argument", "Terminate takes an empty string.")
        if self.state is not State.RUNNING:
            return self._fail("terminate_before" if self.state is State.NOT_INITIALIZED else "terminate_after")
        self.state = State.TERMINATED
        return self._succeed()

    def commit(self, argument: str = "") -> str:
        if argument != "":
            return self._fail("argument", "Commit takes an empty string.")
        if self.state is not State.RUNNING:
            return self._fail("commit_before" if self.state is State.NOT_INITIALIZED else "commit_after")
        return self._succeed()

    def get_value(self, element: str) -> str:
        if self.state is not State.RUNNING:
            self._fail("get_before" if self.state is State.NOT_INITIALIZED else "get_after")
            return ""
        try:
            value = self.read(element)
        except Refused as refusal:
            self._fail("no_record" if refusal.reason == "leading_zero" else refusal.reason, f"GetValue of {element}")
            return ""
        self._succeed()
        return value

    def set_value(self, element: str, value: str) -> str:
        if self.state is not State.RUNNING:
            return self._fail("set_before" if self.state is State.NOT_INITIALIZED else "set_after")
        try:
            self.write(element, value, adds=True)
        except Refused as refusal:
            reason = "out_of_order" if refusal.reason == "leading_zero" else refusal.reason
            return self._fail(reason, f"SetValue of {element} to {value[:60]!r}")
        return self._succeed()

    def get_last_error(self) -> str:
        return self._error

    def get_error_string(self, code: str) -> str:
        return str(self.reader.table["messages"].get(str(code), ""))

    def get_diagnostic(self, code: str = "") -> str:
        """Tell more about an error: of the last one what was tried, of others the standard's text."""
        if code in ("", self._error) and self._diagnostic:
            return self._diagnostic
        return self.get_error_string(code or self._error)

    def fail_commit(self) -> str:
        """Answer a Commit that can be kept nowhere, neither on the device nor on the server."""
        return self._fail("commit", "The data could neither be sent nor kept on this device.")

    # --- reading and writing, with refusals raised ---

    def read(self, element: str) -> str:
        if element == "":
            raise Refused("get")
        if (keyword := self.reader.keyword(element)) and element not in self.reader.table["elements"]:
            return self._read_keyword(*keyword)
        located = self.reader.locate(element)
        self._require_records(located)
        if "r" not in self._access(element, located):
            raise Refused("write_only")
        value = self._effective(element, located)
        if value is None or (value == "" and located.element.get("blank")):
            if self.reader.table["errors"]["no_value"] == 0:
                return ""
            raise Refused("no_value")
        return value

    def write(self, element: str, value: str, *, adds: bool = False) -> None:
        """Keep a value. `adds`: to what is there, in an element that gathers; else it is all that was gathered."""
        if element == "":
            raise Refused("set")
        if self.reader.keyword(element) and self._is_keyword(element):
            raise Refused("keyword")
        located = self.reader.locate(element)
        if any(self.reader.table["collections"][pattern].get("read_only") for _, pattern, _ in located.records):
            self._refuse_given(element, located)
        if "w" not in self._access(element, located):
            raise Refused("read_only")
        self._require_place(element, located, value)
        gathers = located.element.get("gathers", False)
        if adds or not gathers:  # what has been gathered may be longer than any single value
            self.reader.check(located.element["type"], value, self._interaction(element, located))
        if adds and gathers:
            value = self._gathered(element, value)
        self._require_unique(element, located, value)
        if self.reader.exceeds(located.element["type"], value):
            self.notes.append(f"{element}: {len(value)} characters, more than the smallest permitted maximum")
        self._note_holder(element, located, value)
        self.values[element] = value
        for name, _, index in located.records:
            self._counts[name] = max(self._counts.get(name, 0), index + 1)

    @property
    def _counts(self) -> dict[str, int]:
        if self._known_counts is None:
            self._known_counts = count_records(self.values)
        return self._known_counts

    def count(self, collection: str) -> int:
        """Answer how many records a collection holds, by its full name ("cmi.interactions.2.objectives")."""
        return self._counts.get(collection, 0)

    # --- inside ---

    def _succeed(self) -> str:
        self._error, self._diagnostic = "0", ""
        return "true"

    def _fail(self, reason: str, diagnostic: str = "") -> str:
        self._error = str(self.reader.table["errors"][reason])
        message = self.get_error_string(self._error)
        self._diagnostic = f"{message}. {diagnostic}"[:255] if diagnostic else message
        return "false"

    def _gathered(self, element: str, value: str) -> str:
        """Add to what is there. Unless strict, a value that begins with all of that holds it already."""
        there = self.values.get(element, "")
        return value if value.startswith(there) and not self.reader.strict else there + value

    def _access(self, element: str, located: Located) -> str:
        return self.access.get(element, str(located.element["access"]))

    def _effective(self, element: str, located: Located) -> str | None:
        """Answer the value as the SCO sees it: statuses are judged by thresholds, absent values have defaults."""
        if self.standard == "2004" and element == "cmi.completion_status":
            return completion_status(self.values, strict=self.reader.strict)
        if self.standard == "2004" and element == "cmi.success_status":
            return success_status(self.values, strict=self.reader.strict)
        return self.values.get(element, located.element["default"])

    def _is_keyword(self, element: str) -> bool:
        pattern, _ = self.reader.pattern(element)
        base = pattern.rpartition(".")[0]
        return (
            pattern in self.reader.table["elements"]
            or (pattern.endswith("._children") and base in self.reader.table["children"])
            or (pattern.endswith("._count") and base in self.reader.table["collections"])
        )

    def _read_keyword(self, base: str, keyword: str) -> str:
        pattern, records = self.reader.pattern(base)
        for name, _, index in records:
            if index >= self.count(name):
                raise Refused("no_record")
        if keyword == "_children" and pattern in self.reader.table["children"]:
            return str(self.reader.table["children"][pattern])
        if keyword == "_count" and pattern in self.reader.table["collections"]:
            return str(self.count(base))
        if not self.reader.knows(pattern):
            raise Refused("undefined")
        raise Refused("no_children" if keyword == "_children" else "no_count")

    def _require_records(self, located: Located) -> None:
        for name, _, index in located.records:
            if index >= self.count(name):
                raise Refused("no_record")

    def _refuse_given(self, element: str, located: Located) -> None:
        """Records the LMS gives can be neither added nor, unless their element is writable, changed."""
        if "w" not in located.element["access"]:
            raise Refused("read_only")
        for name, _, index in located.records:
            if index >= self.count(name):
                raise Refused("out_of_order")

    def _require_place(self, element: str, located: Located, value: str) -> None:
        """Refuse records out of order, then elements whose dependencies are not set, level by level."""
        required = located.element.get("requires", ())
        for depth, (name, pattern, index) in enumerate(located.records):
            if index > self.count(name):
                raise Refused("out_of_order")
            record = f"{name}.{index}"
            innermost = depth == len(located.records) - 1
            needed = [n for n in required if n.startswith("^") != innermost]
            for sibling in sorted(needed):
                if f"{record}.{sibling.lstrip('^')}" not in self.values:
                    raise Refused("dependency")
            if self.reader.table["collections"][pattern].get("per_type"):
                most = self.reader.table["responses"][self.values[f"{name.rpartition('.')[0]}.type"]]["most"]
                if most is not None and index >= most:
                    raise Refused("set")

    def _interaction(self, element: str, located: Located) -> str | None:
        if located.element["type"] not in ("response", "pattern"):
            return None
        return self.values.get(f"{located.records[0][0]}.{located.records[0][2]}.type")

    def _require_unique(self, element: str, located: Located, value: str) -> None:
        if located.element.get("once") and self.values.get(element, value) != value:
            raise Refused("set")
        distinct = located.element.get("unique") or (
            located.element["type"] == "pattern"
            and self.reader.table["responses"][self._interaction(element, located) or "other"].get("distinct")
        )
        if not distinct:
            return
        name, _, own = located.records[-1]
        holders = self._holders(name, element.rpartition(".")[2]).get(value)
        if holders and holders != {own}:
            raise Refused("set")

    def _holders(self, name: str, key: str) -> dict[str, set[int]]:
        """Answer which records of a collection hold each value of `key`; looked up once, then kept with each write."""
        known = self._known_holders.get((name, key))
        if known is None:
            known = self._known_holders[name, key] = {}
            for index in range(self.count(name)):
                value = self.values.get(f"{name}.{index}.{key}")
                if value is not None:
                    known.setdefault(value, set()).add(index)
        return known

    def _note_holder(self, element: str, located: Located, value: str) -> None:
        """Keep what `_holders` knows up to date with a write that has not been made yet."""
        if not located.records:
            return
        name, _, own = located.records[-1]
        known = self._known_holders.get((name, element.removeprefix(f"{name}.{own}.")))
        if known is not None:
            known.get(self.values.get(element, ""), set()).discard(own)
            known.setdefault(value, set()).add(own)


def apply(runtime: Runtime, deltas: Iterable[Sequence[str]]) -> list[str]:
    """Replay [element, value] pairs in order; answer what was refused, as texts. A refusal stops nothing."""
    refused = []
    for element, value in deltas:
        try:
            runtime.write(str(element), str(value))
        except Refused as refusal:
            refused.append(f"{element}: {refusal.reason}")
    return refused
