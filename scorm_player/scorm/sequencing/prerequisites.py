"""Prerequisites of SCORM 1.2 (`adlcp:prerequisites`, type `aicc_script`; CAM 1.2, 2.3.2.5.1): parsed and evaluated.

    S1 & (S2 | ~S3)          S1="passed"          S1<>"completed"          2*{S1,S2,S3}

An identifier alone is true when that activity is completed or passed. `~` binds closest, then `=`, `&`, `|`.
A script that cannot be read, or names an activity that is not here, keeps nobody out.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from scorm_player.scorm.sequencing import objectives
from scorm_player.scorm.sequencing.tree import ActivityTree, Node

Expression = Callable[[ActivityTree], bool]

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


def are_prerequisites_met(tree: ActivityTree, node: Node) -> bool:
    """Tell whether the activity's prerequisites let it begin; true when it has none."""
    script = node.definition.prerequisites
    if not script:
        return True
    try:
        return parse(script)(tree)
    except ScriptError:
        return True


@lru_cache(maxsize=1_000)
def parse(script: str) -> Expression:
    """Read an `aicc_script`; answer a function from a tree to whether it holds. Raises ScriptError."""
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

    def any_of(self) -> Expression:
        parts = [self.all_of()]
        while self.accept("|"):
            parts.append(self.all_of())
        return _any(parts)

    def all_of(self) -> Expression:
        parts = [self.single()]
        while self.accept("&"):
            parts.append(self.single())
        return _all(parts)

    def single(self) -> Expression:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ScriptError(f"more than {_DEEPEST} signs inside of one another")
        expression = self.operand()
        self.depth -= 1
        return expression

    def operand(self) -> Expression:
        if self.accept("~"):
            inner = self.single()
            return lambda tree: not inner(tree)
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
            return _has_status(name, self.wanted(), True)
        if self.accept("<>"):
            return _has_status(name, self.wanted(), False)
        return _is_done(name)

    def at_least(self, count: int) -> Expression:
        self.expect("{")
        parts = [self.any_of()]
        while self.accept(","):
            parts.append(self.any_of())
        self.expect("}")
        return lambda tree: sum(part(tree) for part in parts) >= count

    def wanted(self) -> str:
        if self.kind not in ("name", "text"):
            raise ScriptError(f"a status expected, not {self.token!r}")
        word = self.advance().strip('"').strip().lower()
        return _STATUSES.get(word, word)


def _any(parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else lambda tree: any(part(tree) for part in parts)


def _all(parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else lambda tree: all(part(tree) for part in parts)


def _has_status(identifier: str, wanted: str, holds: bool) -> Expression:
    def expression(tree: ActivityTree) -> bool:
        found = status(tree, identifier)
        return found is None or (found == wanted) is holds

    return expression


def _is_done(identifier: str) -> Expression:
    def expression(tree: ActivityTree) -> bool:
        return status(tree, identifier) in ("passed", "completed", None)

    return expression
