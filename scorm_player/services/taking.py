"""What batches of run-time data do to an open session. Works on values alone: whoever calls reads and keeps rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from core.errors import BadRequest
from scorm_player import statements
from scorm_player.scorm import carried, cmi, transfer, visit
from scorm_player.scorm import runtime as rt
from scorm_player.services.playing import Sitting, promote, source_of
from scorm_player.tables import SessionState

LAST_NUMBER = (1 << 31) - 1
LATE = timedelta(seconds=60)  # a window's own clock may claim this much more than ours has counted


@dataclass(frozen=True, slots=True)
class Batch:
    """What content set between two sendings, numbered by its window. `seconds` passed since the one before."""

    sequence: int
    changes: Sequence[tuple[str, str]]
    seconds: Decimal = Decimal(0)
    initialized: bool = False
    terminated: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """Which elements were set by what was new, and whether content has called Terminate."""

    elements: frozenset[str]
    terminated: bool


def batch_of(given: Mapping[str, Any]) -> Batch:
    """Read a batch as the browser sends it. Raises BadRequest."""
    try:
        changes = [
            (str(element), carried.kept(str(element), str(value))) for element, value in given.get("changes", ())
        ]
        batch = Batch(
            sequence=int(given["sequence"]),
            changes=changes,
            seconds=Decimal(str(given.get("seconds", 0))),
            initialized=bool(given.get("initialized")),
            terminated=bool(given.get("terminated")),
        )
    except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError) as problem:
        raise BadRequest("This is not a batch of run-time data.") from problem
    if batch.sequence > LAST_NUMBER or not batch.seconds.is_finite():
        raise BadRequest("A batch has a number and a time that no window counts to.")
    return batch


def take(sitting: Sitting, batches: Sequence[Batch], announced: int) -> Taken:
    """Apply what is new and follows without a gap: values, time, what is promoted out of them, statements in `made`.

    `announced` is the highest number the window has given. What a delta does not touch is not looked at again; only
    the first one of a session looks at everything it was opened with.
    """
    launched, data = sitting.launched, sitting.data
    is_first = launched.last_sequence == 0
    launched.announced_sequence = max(launched.announced_sequence, announced, *(b.sequence for b in batches), 0)
    sitting.registration.last_activity_at = sitting.now
    runtime = rt.Runtime(sitting.item.standard, sitting.item.edition, data.values, data.access, strict=data.strict)
    given = data.values
    changes: list[tuple[str, str]] = []
    terminated = is_news = False
    for batch in sorted(batches, key=lambda one: one.sequence):
        if batch.sequence != launched.last_sequence + 1:
            continue
        is_news = True
        launched.last_sequence = batch.sequence
        if batch.initialized and launched.initialized_at is None:
            _initialize(sitting)
        rt.apply(runtime, batch.changes)
        changes += batch.changes
        _count_time(sitting, batch.seconds)
        terminated = terminated or batch.terminated
    if not is_news:
        return Taken(frozenset(), terminated=False)
    told = {element for element, value in changes if runtime.values.get(element) == value}
    told |= {element for element, _ in changes if runtime.values.get(element) != given.get(element)}
    data.values = runtime.values
    if not told.issubset(data.set_by_content):
        data.set_by_content = sorted(told.union(data.set_by_content))
    elements = frozenset(element for element, _ in changes)
    if is_first or any(map(cmi.bears_on_standing, elements)):
        promote(sitting)
    sitting.state.updated_at = sitting.now
    if sitting.counts and (is_first or any(map(cmi.is_told, elements))):
        source = source_of(sitting)
        sitting.made += statements.changed(
            source, data.values, data.said, sitting.now, touched=None if is_first else elements
        )
    sitting.state.cmi = data.text()
    return Taken(elements, terminated)


def _initialize(sitting: Sitting) -> None:
    launched = sitting.launched
    launched.initialized_at = sitting.now
    if launched.state is SessionState.LAUNCHED:
        launched.state = SessionState.INITIALIZED
    if sitting.counts and sitting.course.activity(sitting.node_identifier).is_sco:  # of an asset it was said before
        entry = sitting.data.values.get("cmi.entry", sitting.data.values.get("cmi.core.entry", ""))
        sitting.made.append(statements.opened(source_of(sitting), entry, sitting.now))


def _count_time(sitting: Sitting, seconds: Decimal) -> None:
    """Add measured time, never more than has passed since the launch: a window's claims are not believed blindly."""
    launched = sitting.launched
    passed = Decimal(str((sitting.now - launched.launched_at + LATE).total_seconds()))
    counted = min(launched.seconds + max(seconds, Decimal(0)), passed) - launched.seconds
    if counted > 0:
        launched.seconds += counted
        if sitting.counts:
            sitting.registration.total_seconds += counted


def follow(sitting: Sitting) -> tuple[str, str | None] | None:
    """Tell where content asked to go when it called Terminate."""
    if sitting.launched.state is not SessionState.TERMINATED:
        return None
    outcome = visit.end(sitting.item, sitting.data.values, terminated=True)
    request = transfer.navigation_request(outcome)
    return (request[0].value, request[1]) if request else None
