"""What learners did in a package: all attempts of a registration, and how the questions of a version were answered."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core import audit
from core.db import Session
from scorm_player.answers import Row
from scorm_player.scorm import cmi
from scorm_player.scorm.sequencing.definition import Activity
from scorm_player.services.registrations import RegistrationSummary, summary, summary_of
from scorm_player.store import answers as store
from scorm_player.store import registrations as registration_store
from scorm_player.store.answers import Answer, Question
from scorm_player.store.runtime import data_of
from scorm_player.tables import (
    Completion,
    LaunchMode,
    LaunchSession,
    Registration,
    ScormInteraction,
    ScormItemState,
    ScormObjective,
    SessionState,
    Success,
)

ANSWER_COLUMNS = (
    "item", "question", "type", "description", "answers", "correct_share", "mean_latency_seconds", "response",
    "result", "given",
)  # fmt: skip


@dataclass(frozen=True)
class Comment:
    """What a learner remarked, and where in the content."""

    text: str
    location: str | None
    at: str | None


@dataclass(frozen=True)
class Attempt:
    """One attempt on one item. `score` holds scaled, raw, min and max as far as they are known."""

    number: int
    status: str
    is_suspended: bool
    is_set_aside: bool
    progress: float | None
    score: dict[str, float]
    seconds: Decimal
    started_at: datetime
    updated_at: datetime
    visits: int
    bookmark: str
    interactions: Sequence[ScormInteraction]
    objectives: Sequence[ScormObjective]
    comments: Sequence[Comment]


@dataclass(frozen=True)
class Item:
    """A line of the activity tree with all attempts on it, oldest first.

    `is_of_earlier_version`: the registration has been switched to another version since, whose tree has no such line.
    """

    item_id: UUID
    title: str
    depth: int
    is_playable: bool
    attempts: Sequence[Attempt]
    is_of_earlier_version: bool = False


@dataclass(frozen=True)
class History:
    """Everything done under one registration. `is_open`: somebody may be playing just now."""

    registration: RegistrationSummary
    items: Sequence[Item]
    is_open: bool


@dataclass(frozen=True)
class Analyzed:
    """One interaction with the responses that were given to it, the most frequent first."""

    question: Question
    answers: Sequence[Answer]

    @property
    def correct_share(self) -> float | None:
        """How many of the judged answers were right, 0 … 1."""
        return self.question.correct / self.question.judged if self.question.judged else None


@dataclass(frozen=True)
class Standing:
    """Where one registration stands."""

    registration: RegistrationSummary
    attempts: int
    started_at: datetime | None
    completed_at: datetime | None


def history(session: Session, registration_id: UUID) -> History:
    """Return every attempt of a registration in the order of the activity tree. Raises NotFound."""
    registration = registration_store.get(session, registration_id)
    course = registration_store.course(session, registration.package_version_id)
    opened = store.sessions(session, registration_id)
    asked = _by_attempt(store.interactions(session, registration_id))
    reached = _by_attempt(store.objectives(session, registration_id))
    visits: dict[tuple[UUID, int], int] = defaultdict(int)
    for one in opened:
        if one.mode is LaunchMode.NORMAL:
            visits[one.package_item_id, one.attempt_number] += 1
    attempts: dict[UUID, list[Attempt]] = defaultdict(list)
    earlier: dict[UUID, registration_store.Course] = {}  # of a version from which they were switched
    for state in store.states(session, registration_id):
        key = (state.package_item_id, state.attempt_number)
        if not course.holds(state.package_item_id):
            earlier.setdefault(state.package_item_id, registration_store.course_of_item(session, state.package_item_id))
        of = earlier.get(state.package_item_id, course)
        standard = of.items[of.identifier(state.package_item_id)].standard
        attempts[state.package_item_id].append(_attempt(state, standard, visits[key], asked[key], reached[key]))
    items = [
        Item(
            item_id=course.item_ids[activity.identifier],
            title=activity.title,
            depth=depth,
            is_playable=bool(activity.resource),
            attempts=sorted(attempts[course.item_ids[activity.identifier]], key=lambda one: one.number),
        )
        for depth, activity in _walk(course.structure.root)
        if activity.identifier in course.item_ids
    ]
    items += [
        Item(
            item_id=item_id,
            title=of.activity(of.identifier(item_id)).title,
            depth=1,
            is_playable=True,
            attempts=sorted(attempts[item_id], key=lambda one: one.number),
            is_of_earlier_version=True,
        )
        for item_id, of in earlier.items()
    ]
    return History(summary(session, registration_id), items, _is_open(opened))


def _walk(activity: Activity, depth: int = 0) -> Iterator[tuple[int, Activity]]:
    yield depth, activity
    for child in activity.children:
        yield from _walk(child, depth + 1)


def _is_open(opened: Sequence[LaunchSession]) -> bool:
    return bool(opened) and opened[-1].state in (SessionState.LAUNCHED, SessionState.INITIALIZED)


def _by_attempt(rows: Sequence[Any]) -> dict[tuple[UUID, int], list[Any]]:
    found: dict[tuple[UUID, int], list[Any]] = defaultdict(list)
    for row in rows:
        found[row.package_item_id, row.attempt_number].append(row)
    return found


def _attempt(
    state: ScormItemState,
    standard: str,
    visits: int,
    interactions: Sequence[ScormInteraction],
    objectives: Sequence[ScormObjective],
) -> Attempt:
    values = data_of(state).values
    scores = {name: getattr(state, f"score_{name}") for name in ("scaled", "raw", "min", "max")}
    return Attempt(
        number=state.attempt_number,
        status=status_of(state),
        is_suspended=state.is_suspended,
        is_set_aside=state.set_aside_at is not None,
        progress=None if state.progress_measure is None else float(state.progress_measure),
        score={name: float(value) for name, value in scores.items() if value is not None},
        seconds=state.total_seconds,
        started_at=state.started_at,
        updated_at=state.updated_at,
        visits=visits,
        bookmark=values.get("cmi.location", values.get("cmi.core.lesson_location", "")),
        interactions=interactions,
        objectives=objectives,
        comments=_comments(standard, values),
    )


def status_of(row: ScormItemState | Registration) -> str:
    """Tell completion and success as one word for a chip."""
    if row.success is not Success.UNKNOWN:
        return row.success.value
    return "completed" if row.completion is Completion.COMPLETED else "in_progress"


def _comments(standard: str, values: dict[str, str]) -> list[Comment]:
    if standard == "1.2":
        text = values.get("cmi.comments", "")
        return [Comment(text, None, None)] if text else []
    return [
        Comment(record["comment"], record.get("location"), record.get("timestamp"))
        for record in cmi.records(values, "cmi.comments_from_learner")
        if record.get("comment")
    ]


def analysis(session: Session, version_id: UUID, registration_ids: Sequence[UUID] | None = None) -> list[Analyzed]:
    """Return how the questions of a version were answered, by all or only under these registrations."""
    given: dict[tuple[UUID, str], list[Answer]] = defaultdict(list)
    for answer in store.answers(session, version_id, registration_ids):
        given[answer.item_id, answer.identifier].append(answer)
    return [
        Analyzed(question, given[question.item_id, question.identifier])
        for question in store.questions(session, version_id, registration_ids)
    ]


def standings(session: Session, registration_ids: Sequence[UUID]) -> list[Standing]:
    """Return where these registrations stand, the one begun last first."""
    counts = store.attempt_counts(session, registration_ids)
    return [
        Standing(summary_of(row), counts.get(row.id, 0), row.started_at, row.completed_at)
        for row in store.registrations(session, registration_ids)
    ]


def exported(session: Session, version_id: UUID, title: str) -> list[Analyzed]:
    """Return how a version's questions were answered, for a file, and note that it was taken out."""
    found = analysis(session, version_id)
    details = {"title": title, "rows": len(found)}
    audit.record(session, "package.answers_exported", "package_version", version_id, details=details)
    return found


def answer_rows(found: Sequence[Analyzed]) -> list[Row]:
    """Return the analysis as flat rows, one per response, for a file."""
    return [
        {
            "item": analyzed.question.item_title,
            "question": analyzed.question.identifier,
            "type": analyzed.question.kind or "",
            "description": analyzed.question.description or "",
            "answers": analyzed.question.answers,
            "correct_share": "" if analyzed.correct_share is None else round(analyzed.correct_share, 4),
            "mean_latency_seconds": "" if analyzed.question.seconds is None else analyzed.question.seconds,
            "response": answer.response or "",
            "result": answer.result or "",
            "given": answer.count,
        }
        for analyzed in found
        for answer in analyzed.answers
    ]
