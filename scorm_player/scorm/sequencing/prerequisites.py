"""Prerequisites of SCORM 1.2 (`adlcp:prerequisites`, type `aicc_script`; CAM 1.2, 2.3.2.5.1): parsed and evaluated.

    S1 & (S2 | ~S3)          S1="passed"          S1<>"completed"          2*{S1,S2,S3}

An identifier alone is true when that activity is completed or passed. `~` binds closest, then `=`, `&`, `|`.
A script that cannot be read, or names an activity that is not here, keeps nobody out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.tree import ActivityTree, Node

_TOKENS = re.compile(r'\s*(?:(?P<name>[^\s&|~=<>*{}(),"]+)|(?P<text>"[^"]*")|(?P<sign><>|[&|~=*{}(),]))')
_DEEPEST = 50  # signs inside of one another: no author means more, and each costs a place on the stack
_STATUSES = {
    "p": "passed",
    "c": "completed",
    "b": "browsed",
    "i": "incomplete",
    "f": "failed",
    "n": "not attempted",
}


class ScriptError(ValueError):
    """The script does not follow the grammar."""


class Script(Protocol):
    """What a script, or a part of one, demands."""

    def holds(self, tree: ActivityTree) -> bool:
        """Tell whether it is so now."""


@dataclass(frozen=True)
class Done:
    """An activity is completed or passed."""

    identifier: str

    def holds(self, tree: ActivityTree) -> bool:
        return status(tree, self.identifier) in ("passed", "completed", None)


@dataclass(frozen=True)
class HasStatus:
    """An activity has this lesson status; where not `is_wanted`, any but this."""

    identifier: str
    status: str
    is_wanted: bool

    def holds(self, tree: ActivityTree) -> bool:
        found = status(tree, self.identifier)
        return found is None or (found == self.status) is self.is_wanted


@dataclass(frozen=True)
class Not:
    """Something else is not so."""

    part: Script

    def holds(self, tree: ActivityTree) -> bool:
        return not self.part.holds(tree)


@dataclass(frozen=True)
class AtLeast:
    """So many of these are so: one of those between `|`, all of those between `&`."""

    count: int
    parts: tuple[Script, ...]

    def holds(self, tree: ActivityTree) -> bool:
        return sum(part.holds(tree) for part in self.parts) >= self.count


def are_prerequisites_met(tree: ActivityTree, node: Node) -> bool:
    """Tell whether the activity's prerequisites let it begin; true when it has none."""
    return _unmet(tree, node) is None


def unmet(tree: ActivityTree, node: Node) -> Script | None:
    """Return what keeps the activity from beginning, its own prerequisites or those of what it lies in; else None."""
    return next((script for one in node.path() if (script := _unmet(tree, one)) is not None), None)


def _unmet(tree: ActivityTree, node: Node) -> Script | None:
    text = node.definition.prerequisites
    if not text:
        return None
    try:
        script = parse(text)
    except ScriptError:
        return None
    return None if script.holds(tree) else _lacking(script, tree)


def _lacking(script: Script, tree: ActivityTree) -> Script:
    """What is still lacking of a script that does not hold: where all is needed, what is so already is left out."""
    if not isinstance(script, AtLeast) or script.count != len(script.parts):
        return script
    parts = [_lacking(part, tree) for part in script.parts if not part.holds(tree)]
    return _together(len(parts), parts)


@lru_cache(maxsize=1_000)
def parse(script: str) -> Script:
    """Read an `aicc_script`. Raises ScriptError."""
    reader = _Reader(script)
    expression = reader.any_of()
    if reader.token:
        raise ScriptError(f"nothing may follow at {reader.token!r}")
    return expression


def status(tree: ActivityTree, identifier: str) -> str | None:
    """Answer an activity's lesson status as SCORM 1.2 says it; None when there is no such activity."""
    node = tree.find(identifier)
    if node is None:
        return None
    satisfied = objectives.is_satisfied(tree, node, node.primary)
    if satisfied is not None:
        return "passed" if satisfied else "failed"
    completed = objectives.is_completed(tree, node, node.primary)
    if completed:
        return "completed"
    return "incomplete" if node.state.attempt_count else "not attempted"


class _Reader:
    """Reads one script from left to right; each method reads one level of the grammar."""

    def __init__(self, script: str) -> None:
        self.script = script
        self.position = 0
        self.token = ""
        self.kind = ""
        self.depth = 0
        self.advance()

    def advance(self) -> str:
        """Go to the next token; answer the one that was here."""
        taken = self.token
        match = _TOKENS.match(self.script, self.position)
        if match is None:
            if self.script[self.position :].strip():
                raise ScriptError(f"cannot read {self.script[self.position :]!r}")
            self.token = self.kind = ""
        else:
            self.kind = match.lastgroup or ""
            self.token = match[self.kind]
            self.position = match.end()
        return taken

    def accept(self, sign: str) -> bool:
        """Take the sign if it is here."""
        if self.kind == "sign" and self.token == sign:
            self.advance()
            return True
        return False

    def expect(self, sign: str) -> None:
        """Take the sign, which must be here."""
        if not self.accept(sign):
            raise ScriptError(f"{sign!r} expected, not {self.token!r}")

    def any_of(self) -> Script:
        parts = [self.all_of()]
        while self.accept("|"):
            parts.append(self.all_of())
        return _together(1, parts)

    def all_of(self) -> Script:
        parts = [self.single()]
        while self.accept("&"):
            parts.append(self.single())
        return _together(len(parts), parts)

    def single(self) -> Script:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ScriptError(f"more than {_DEEPEST} signs inside of one another")
        expression = self.operand()
        self.depth -= 1
        return expression

    def operand(self) -> Script:
        if self.accept("~"):
            inner = self.single()
            return inner.part if isinstance(inner, Not) else Not(inner)
        if self.accept("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        if self.kind != "name":
            raise ScriptError(f"an identifier expected, not {self.token!r}")
        name = self.advance()
        if name.isdecimal() and self.accept("*"):
            return self.at_least(int(name[:9]))
        if self.accept("="):
            return HasStatus(name, self.wanted(), True)
        if self.accept("<>"):
            return HasStatus(name, self.wanted(), False)
        return Done(name)

    def at_least(self, count: int) -> Script:
        self.expect("{")
        parts = [self.any_of()]
        while self.accept(","):
            parts.append(self.any_of())
        self.expect("}")
        return AtLeast(count, tuple(parts))

    def wanted(self) -> str:
        if self.kind not in ("name", "text"):
            raise ScriptError(f"a status expected, not {self.token!r}")
        word = self.advance().strip('"').strip().lower()
        return _STATUSES.get(word, word)


def _together(count: int, parts: Sequence[Script]) -> Script:
    return parts[0] if len(parts) == 1 else AtLeast(count, tuple(parts))
