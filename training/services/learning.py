"""The player page: one module of an enrollment, opened; where it stands; what surrounds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from accounts.services import people
from catalog.services.courses import Course
from catalog.services.modules import Module
from core.db import Session
from core.errors import NotFound
from scorm_player.services import registrations, runtime
from scorm_player.services.registrations import OutlineItem
from training.rules.progress import ProgressStatus
from training.services import certificates, enrollments
from training.services.certificates import Shown
from training.services.home import next_module
from training.services.sources import Sources
from training.store import completions as completion_store
from training.store import enrollments as store
from training.store import progress as progress_store
from training.tables import CourseEnrollment, EnrollmentStatus

CATCHING_UP = timedelta(seconds=15)


@dataclass(frozen=True)
class ModuleLine:
    """A module in the outline of the course."""

    id: UUID
    title: str
    status: ProgressStatus
    percent: Decimal
    is_required: bool
    is_external: bool


@dataclass(frozen=True)
class Outline:
    """The course's modules, and inside the one that is open its items; `whole` chooses that one itself."""

    enrollment_id: UUID
    module_id: UUID
    modules: Sequence[ModuleLine]
    items: Sequence[OutlineItem]
    whole: str | None
    is_catching_up: bool


@dataclass(frozen=True)
class Standing:
    """How far a learner is. `is_catching_up`: what was just done has perhaps not been counted yet."""

    enrollment_id: UUID
    module_id: UUID
    percent: Decimal
    module: ModuleLine
    is_completed: bool
    certificate: Shown | None
    next_module_id: UUID | None
    is_catching_up: bool


@dataclass(frozen=True)
class Opened:
    """A module on the player page. `launch` is the document for the player's script; none for what is elsewhere."""

    enrollment: CourseEnrollment
    course: Course
    module: Module
    launch: dict[str, Any] | None
    outline: Outline
    standing: Standing


def open_module(session: Session, enrollment_id: UUID, module_id: UUID, user_id: UUID, now: datetime) -> Opened:
    """Open a module of one's own enrollment: the run-time launches a package, an external module is linked to.

    Whoever has completed the course looks at it again in review mode. Raises NotFound, and what the launch raises.
    """
    enrollment = enrollments.accessible(session, enrollment_id, user_id)
    module = enrollments.module_of(session, enrollment, module_id)
    document = None
    if module.package_version_id is not None:
        registration_id = enrollments.registration(session, enrollment, module, now)
        person = people.get(session, user_id)
        mode = "review" if enrollment.status is EnrollmentStatus.COMPLETED else "normal"
        learner = runtime.Learner(str(user_id), f"{person.last_name}, {person.first_name}")
        document = runtime.launch(session, registration_id, mode=mode, person=learner, now=now).document
    enrollments.touch(session, enrollment, now)
    sources = Sources(session)
    return Opened(
        enrollment=enrollment,
        course=sources.course(enrollment.course_id),
        module=module,
        launch=document,
        outline=_outline(session, enrollment, module_id, now, sources),
        standing=_standing(session, enrollment, module_id, now, sources),
    )


def outline(session: Session, enrollment_id: UUID, module_id: UUID, user_id: UUID, now: datetime) -> Outline:
    """Return the outline of one's own enrollment beside an open module. Raises NotFound."""
    enrollment = enrollments.accessible(session, enrollment_id, user_id)
    return _outline(session, enrollment, module_id, now, Sources(session))


def standing(session: Session, enrollment_id: UUID, module_id: UUID, user_id: UUID, now: datetime) -> Standing:
    """Return how far one is in one's own enrollment. Raises NotFound."""
    enrollment = enrollments.accessible(session, enrollment_id, user_id)
    return _standing(session, enrollment, module_id, now, Sources(session))


def following(session: Session, enrollment_id: UUID, user_id: UUID) -> UUID:
    """Return the module with which one's own enrollment goes on. Raises NotFound."""
    enrollment = enrollments.accessible(session, enrollment_id, user_id)
    found = next_module(session, enrollment, Sources(session))
    if found is None:
        raise NotFound("This course holds nothing.")
    return found


def _outline(
    session: Session, enrollment: CourseEnrollment, module_id: UUID, now: datetime, sources: Sources
) -> Outline:
    lines = modules(session, enrollment, sources)
    here = _line(lines, module_id)
    registration_id = store.find_registration(session, enrollment.id, module_id)
    held = registrations.contents(session, registration_id) if registration_id is not None else None
    return Outline(
        enrollment_id=enrollment.id,
        module_id=module_id,
        modules=lines,
        items=held.items if held else (),
        whole=held.whole if held else None,
        is_catching_up=_is_catching_up(session, enrollment.id, here, now),
    )


def _line(lines: Sequence[ModuleLine], module_id: UUID) -> ModuleLine:
    for line in lines:
        if line.id == module_id:
            return line
    raise NotFound("This course has no such module.")


def _standing(
    session: Session, enrollment: CourseEnrollment, module_id: UUID, now: datetime, sources: Sources
) -> Standing:
    lines = modules(session, enrollment, sources)
    module = _line(lines, module_id)
    completion = completion_store.find_live(session, enrollment.id)
    proofs = certificates.of_completions(session, [completion.id], now) if completion is not None else {}
    later = [line for line in lines[lines.index(module) + 1 :] if line.status is not ProgressStatus.COMPLETED]
    return Standing(
        enrollment_id=enrollment.id,
        module_id=module_id,
        percent=enrollment.progress_percent,
        module=module,
        is_completed=completion is not None,
        certificate=next(iter(proofs.values()), None),
        next_module_id=later[0].id if later and module.status is ProgressStatus.COMPLETED else None,
        is_catching_up=completion is None and _is_catching_up(session, enrollment.id, module, now),
    )


def _is_catching_up(session: Session, enrollment_id: UUID, module: ModuleLine, now: datetime) -> bool:
    """Whether what was just done may not have been counted yet: then the page asks again by itself."""
    if module.status is ProgressStatus.COMPLETED:
        return False
    if module.is_external:
        return True  # its statements come from elsewhere, at any time
    registration_id = store.find_registration(session, enrollment_id, module.id)
    if registration_id is None:
        return False
    last = registrations.summary(session, registration_id).last_activity_at
    return last is not None and now - last < CATCHING_UP


def modules(session: Session, enrollment: CourseEnrollment, sources: Sources | None = None) -> list[ModuleLine]:
    """Return where an enrollment stands in each module of its version."""
    sources = sources or Sources(session)
    rows = progress_store.module_rows(session, enrollment.id)
    lines = []
    for module in sources.modules(enrollment.course_version_id):
        row = rows.get(module.id)
        lines.append(
            ModuleLine(
                id=module.id,
                title=module.title,
                status=row.status if row is not None else ProgressStatus.NOT_STARTED,
                percent=row.progress_percent if row is not None else Decimal(0),
                is_required=module.is_required,
                is_external=module.package_version_id is None,
            )
        )
    return lines
