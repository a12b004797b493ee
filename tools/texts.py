"""The texts of the code: what goes through gettext, and what errors and problems say, which the edge translates."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeGuard

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "accounts", "lrs", "scorm_player", "catalog", "training", "app")
GETTEXT = {"_": "gettext", "gettext": "gettext", "lazy_gettext": "gettext", "ngettext": "ngettext"}
PROBLEMS = {"Problem": 1, "_wrong": 2}
"""What tells a problem, and which of its arguments are the first to be told."""

TABLES = ("EXCEPTIONS",)
"""Tables whose values are told to people."""

_CLASS = re.compile(r"^class (\w+)\(([^)]*)\)", re.MULTILINE)
Found = tuple[int, str, Any, list[str]]


def extract(
    file: IO[bytes], keywords: Collection[str], comment_tags: Collection[str], options: Mapping[str, Any]
) -> Iterator[Found]:
    """Yield the texts of one Python file; a method of extraction as Babel wants it."""
    errors = error_names()
    for node in ast.walk(ast.parse(file.read())):
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) in TABLES and isinstance(node.value, ast.Dict):
            for said in filter(_is_text, node.value.values):
                yield said.lineno, "gettext", said.value, []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            texts = [argument.value for argument in node.args if _is_text(argument)]
            if name in GETTEXT and texts:
                wanted = tuple(texts[:2]) if GETTEXT[name] == "ngettext" else texts[0]
                yield node.lineno, GETTEXT[name], wanted, []
            elif name == "said":
                yield node.lineno, "gettext", texts[0], []
            elif name in PROBLEMS or name in errors:
                given = [*node.args[PROBLEMS.get(name, 0) :], *(word.value for word in node.keywords)]
                for text in {part.value for one in given for part in _choices(one) if " " in part.value}:
                    yield node.lineno, "gettext", text, []
        elif isinstance(node, ast.ClassDef) and node.name in errors:
            for line in node.body:
                if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "title" and _is_text(line.value):
                    yield line.lineno, "gettext", line.value.value, []
                elif isinstance(line, ast.FunctionDef):
                    for part in ast.walk(line):
                        if _is_text(part) and " " in part.value and part.value != ast.get_docstring(line, clean=False):
                            yield part.lineno, "gettext", part.value, []


@cache
def error_names() -> frozenset[str]:
    """The names of all errors that a person can be told about: StoaError and what descends from it."""
    parents: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for name, bases in _CLASS.findall(path.read_text(encoding="utf-8")):
                parents.setdefault(name, set()).update(re.findall(r"(\w+)\s*(?:,|$)", bases))
    found = {"StoaError"}
    while more := {name for name, bases in parents.items() if bases & found} - found:
        found |= more
    return frozenset(found)


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _choices(node: ast.expr) -> Iterator[Any]:
    """A text, or both texts of `one if … else other`."""
    if _is_text(node):
        yield node
    elif isinstance(node, ast.IfExp):
        yield from _choices(node.body)
        yield from _choices(node.orelse)
