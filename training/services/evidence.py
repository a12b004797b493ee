"""The evidence behind a completion, link by link: certificate, completion, activities, statements, package versions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.services import people
from accounts.services.people import Person
from catalog.services import courses
from catalog.services.courses import Course, CourseVersion
from catalog.services.modules import Module
from core.db import Session
from lrs.services import credentials, statements
from lrs.services.statements import StoredStatement
from scorm_player.services import packages
from scorm_player.services.packages import VersionSummary
from training.rules.counting import Reason
from training.services import certificates, completions
from training.services.certificates import Shown
from training.services.sources import Sources
from training.store import completions as completion_store
from training.store import enrollments
from training.store import progress as store
from training.tables import CompletionMethod, ModuleProgress, TrainingActivity


@dataclass(frozen=True)
class Ledger:
    """A completion as pages show it."""

    id: UUID
    user_id: UUID
    course_id: UUID
    enrollment_id: UUID
    cycle_number: int
    started_at: datetime | None
    completed_at: datetime
    final_score: Decimal | None
    seconds: int
    method: CompletionMethod
    recorded_at: datetime
    voided_at: datetime | None
    void_reason: str | None


@dataclass(frozen=True)
class Played:
    """A module of the course, where the person came in it, and the package version that was played."""

    module: Module
    progress: ModuleProgress | None
    package: VersionSummary | None
    is_unchanged: bool


@dataclass(frozen=True)
class Link:
    """One activity with the statement it rests on. `source` says who vouches: a credential's label, or Stoa itself."""

    activity: TrainingActivity
    statement: Mapping[str, Any]
    source: str | None
    is_cited: bool
    is_voided: bool


@dataclass(frozen=True)
class Evidence:
    """All that a completion rests on."""

    person: Person
    course: Course
    version: CourseVersion
    completion: Ledger
    certificate: Shown | None
    modules: Sequence[Played]
    links: Sequence[Link]
    hot_fixes: Sequence[Mapping[str, str]]  # as the ledger keeps them


@dataclass(frozen=True)
class Uncounted:
    """A statement that does not count, and why."""

    id: UUID
    statement_id: UUID
    stored_at: datetime
    reason: Reason
    module: Module | None
    statement: Mapping[str, Any]
    source: str | None


@dataclass(frozen=True)
class Rested:
    """A completion of an enrollment: whether it rests on the statement, and the certificate it gave."""

    id: UUID
    completed_at: datetime
    voided_at: datetime | None
    is_cited: bool
    certificate: Shown | None


@dataclass(frozen=True)
class Trail:
    """Where a statement led: to a registration of an enrollment, an activity or the reason why not, completions."""

    activity: TrainingActivity | None
    reason: Reason | None
    enrollment_id: UUID | None
    person: Person | None
    course: Course | None
    module: Module | None
    registration_id: UUID | None
    completions: Sequence[Rested]


def of_statement(session: Session, statement_id: UUID, registration_id: UUID | None, now: datetime) -> Trail:
    """Follow a statement up: the opposite way of `of_completion`. What is not there is left out."""
    activity, uncounted = store.find_activity(session, statement_id), store.find_uncounted(session, statement_id)
    sources = Sources(session)
    known = enrollments.find_by_registration(session, registration_id) if registration_id is not None else None
    enrollment = known[0] if known is not None else None
    if activity is not None and enrollment is None:
        enrollment = enrollments.find(session, activity.course_enrollment_id)
    module_id = activity.module_id if activity else known[1] if known else uncounted.module_id if uncounted else None
    return Trail(
        activity=activity,
        reason=uncounted.reason if uncounted is not None else None,
        enrollment_id=enrollment.id if enrollment is not None else None,
        person=people.get(session, enrollment.user_id) if enrollment is not None else None,
        course=courses.get(session, enrollment.course_id) if enrollment is not None else None,
        module=sources.module(module_id) if module_id is not None else None,
        registration_id=registration_id if known is not None else None,
        completions=_rested(session, enrollment.id, statement_id, now) if enrollment is not None else [],
    )


def _rested(session: Session, enrollment_id: UUID, statement_id: UUID, now: datetime) -> list[Rested]:
    rows = completion_store.of_enrollment(session, enrollment_id)
    given = certificates.of_completions(session, [row.id for row in rows], now)
    return [
        Rested(
            row.id, row.completed_at, row.voided_at, str(statement_id) in row.evidence["statements"], given.get(row.id)
        )
        for row in rows
    ]


def of_completion(session: Session, completion_id: UUID, now: datetime) -> Evidence:
    """Follow a completion down to its statements and package versions. Raises NotFound."""
    row = completions.get(session, completion_id)
    sources = Sources(session)
    cited = set(row.evidence["statements"])
    facts = store.activities(session, row.course_enrollment_id, with_voided=True)
    found = {item.id: item for item in statements.get_many(session, [fact.statement_id for fact in facts])}
    labels = _labels(session, found.values())
    return Evidence(
        person=people.get(session, row.user_id),
        course=courses.get(session, row.course_id),
        version=sources.version(row.course_version_id),
        completion=Ledger(
            id=row.id,
            user_id=row.user_id,
            course_id=row.course_id,
            enrollment_id=row.course_enrollment_id,
            cycle_number=row.cycle_number,
            started_at=row.started_at,
            completed_at=row.completed_at,
            final_score=row.final_score,
            seconds=row.time_spent_seconds,
            method=row.completion_method,
            recorded_at=row.recorded_at,
            voided_at=row.voided_at,
            void_reason=row.void_reason,
        ),
        certificate=certificates.of_completions(session, [row.id], now).get(row.id),
        modules=_played(session, row.course_enrollment_id, row.evidence["packages"], sources, row.course_version_id),
        hot_fixes=row.evidence.get("hot_fixes", []),
        links=[
            Link(
                activity=fact,
                statement=found[fact.statement_id].payload,
                source=_source(found[fact.statement_id].credential_id, labels),
                is_cited=str(fact.statement_id) in cited,
                is_voided=found[fact.statement_id].voided,
            )
            for fact in facts
        ],
    )


def _played(
    session: Session,
    enrollment_id: UUID,
    kept: Sequence[Mapping[str, str]],
    sources: Sources,
    course_version_id: UUID,
) -> list[Played]:
    """Each module with its package version; unchanged means that the hash in the ledger is the version's today."""
    rows = store.module_rows(session, enrollment_id)
    hashes = {entry["module_id"]: entry["sha256"] for entry in kept}
    played = []
    for module in sources.modules(course_version_id):
        version = packages.version(session, module.package_version_id) if module.package_version_id else None
        is_unchanged = version is None or hashes.get(str(module.id)) == version.sha256
        played.append(Played(module, rows.get(module.id), version, is_unchanged))
    return played


def uncounted(
    session: Session, reason: Reason | None = None, before: tuple[datetime, UUID] | None = None, limit: int = 50
) -> list[Uncounted]:
    """Return statements that do not count, newest first; `before` is (stored_at, id) of the last one seen."""
    rows = store.uncounted_page(session, reason, before, limit)
    found = {item.id: item for item in statements.get_many(session, [row.statement_id for row in rows])}
    sources, labels = Sources(session), _labels(session, found.values())
    return [
        Uncounted(
            id=row.id,
            statement_id=row.statement_id,
            stored_at=row.stored_at,
            reason=row.reason,
            module=sources.module(row.module_id) if row.module_id else None,
            statement=found[row.statement_id].payload,
            source=_source(found[row.statement_id].credential_id, labels),
        )
        for row in rows
    ]


def reasons(session: Session) -> dict[Reason, int]:
    """Return how many statements do not count, by reason."""
    return store.uncounted_reasons(session)


def _labels(session: Session, found: Iterable[StoredStatement]) -> dict[UUID, str]:
    return credentials.labels(session, {item.credential_id for item in found if item.credential_id is not None})


def _source(credential_id: UUID | None, labels: Mapping[UUID, str]) -> str | None:
    return None if credential_id is None else labels.get(credential_id, str(credential_id))
