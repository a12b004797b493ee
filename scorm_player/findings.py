"""What the import has to say about a package: each finding with its place, the rule and the remedy."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Severity(StrEnum):
    """How bad it is: an error refuses the package, a warning may be felt by a learner, a note is good to know."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing found. `line` is 1-based, 0 where lines mean nothing; `file` is a path in the package or empty."""

    file: str
    line: int
    rule: str
    severity: Severity
    message: str
    remedy: str


LONGEST_MESSAGE = 600


def bounded(message: str) -> str:
    """Return a message as it is kept: what it quotes from a package may be of any length."""
    return message if len(message) <= LONGEST_MESSAGE else f"{message[: LONGEST_MESSAGE - 1]}…"


class Refused(Exception):
    """The package cannot be accepted; `finding` says what is wrong, where, and how to repair it.

    `also` is what was found before: often the reason behind, such as an href that leads nowhere.
    """

    also: tuple[Finding, ...] = ()

    def __init__(self, rule: str, message: str, remedy: str, *, file: str = "", line: int = 0) -> None:
        super().__init__(message)
        self.finding = Finding(file, line, rule, Severity.ERROR, bounded(message), remedy)


MENTIONED_PER_RULE = 25


@dataclass
class Findings:
    """Collects findings; of one rule's many it keeps the first and the number of all, so a report stays readable."""

    kept: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, rule: str, severity: Severity, message: str, remedy: str, *, file: str = "", line: int = 0) -> None:
        """Take one more finding."""
        self.counts[rule] += 1
        if self.counts[rule] <= MENTIONED_PER_RULE:
            self.kept.append(Finding(file, line, rule, severity, bounded(message), remedy))

    def take(self, others: Findings) -> None:
        """Take all that others have collected."""
        mentioned = Counter(finding.rule for finding in others.kept)
        for one in others.kept:
            self.add(one.rule, one.severity, one.message, one.remedy, file=one.file, line=one.line)
        self.counts += others.counts - mentioned

    def warn(self, rule: str, message: str, remedy: str, *, file: str = "", line: int = 0) -> None:
        """Take something a learner may feel."""
        self.add(rule, Severity.WARNING, message, remedy, file=file, line=line)

    def note(self, rule: str, message: str, remedy: str, *, file: str = "", line: int = 0) -> None:
        """Take something that is good to know."""
        self.add(rule, Severity.NOTE, message, remedy, file=file, line=line)

    def all(self) -> tuple[Finding, ...]:
        """Return the findings in the order they came; the last of a cut-off rule says how many more there are."""
        last = {finding.rule: position for position, finding in enumerate(self.kept)}
        told = list(self.kept)
        for rule, position in last.items():
            if (more := self.counts[rule] - MENTIONED_PER_RULE) > 0:
                told[position] = replace(
                    told[position], message=f"{told[position].message} (And {more} more like this.)"
                )
        return tuple(told)
