"""What training takes and answers over REST."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from core import rest
from training.rules.assignments import Standing
from training.rules.certificates import CertificateStanding


class AssignmentsWanted(rest.Paging):
    """Which assignments are asked for."""

    standing: Standing | None = None
    course: UUID | None = None
    person: UUID | None = None


class AssignmentAnswer(rest.Answer):
    """What one person was given to do by when, and how far they are."""

    id: UUID
    user_id: UUID
    name: str
    course_id: UUID
    course_title: str
    standing: str
    due_at: datetime | None
    assigned_at: datetime
    completed_at: datetime | None
    progress_percent: float
    enrollment_id: UUID | None
    cancelled_at: datetime | None
    cancelled_by: UUID | None = Field(description="Null where it ended because the person left.")
    cancel_reason: str | None


class Cancellation(rest.Sent):
    """Why an assignment is canceled."""

    reason: str = Field(min_length=1, max_length=500)


class Cancellations(Cancellation):
    """Which assignments are canceled, and why: all of them, or none."""

    assignment_ids: list[UUID] = Field(min_length=1, max_length=1000)


class CancelledAnswer(rest.Answer):
    """What became of it: what ended now, what was canceled before, and what is completed and stays so."""

    cancelled: list[UUID]
    already_cancelled: list[UUID]
    completed: list[UUID]


class AssignmentSent(rest.Sent):
    """A course for people, due at the end of a day."""

    course_id: UUID
    user_ids: list[UUID] = Field(max_length=10_000)
    due_on: date | None = None


class Assigned(rest.Answer):
    """What became of it: new assignments and open ones by person, and whose completion is still valid."""

    created: dict[UUID, UUID]
    already_open: dict[UUID, UUID]
    valid: list[UUID]


class PeopleOfVersion(rest.Answer):
    """People of the versions before one: how many there are now, and what its publishing did.

    `completed` hold a valid completion and have nothing open. `state`: nothing was to be done, or how far the job is.
    `taken_back`: why nobody has to take it again after all; `cancelled` assignments ended with that.
    """

    for_people: Literal["leave", "switch", "retake"]
    due_on: date | None
    not_started: int
    in_progress: int
    completed: int
    state: Literal["nothing", "working", "done", "failed"]
    progress_percent: int
    switched: int
    assigned: int
    taken_back: str | None
    cancelled: int


class EnrollmentSent(rest.Sent):
    """Which course to enroll in."""

    course_id: UUID


class Made(rest.Answer):
    """The id of what was made."""

    id: UUID


class ModuleProgress(rest.Answer):
    """How far somebody is in one module."""

    id: UUID
    title: str
    status: str
    progress_percent: float
    is_required: bool


class Progress(rest.Answer):
    """How far somebody is in a course, module by module."""

    id: UUID
    course_id: UUID
    course_version_id: UUID
    cycle_number: int
    status: str
    progress_percent: float
    started_at: datetime | None
    completed_at: datetime | None
    modules: list[ModuleProgress]


class CompletionAnswer(rest.Answer):
    """One row of the ledger, with the statements and package version it rests on."""

    id: UUID
    user_id: UUID
    course_id: UUID
    course_version_id: UUID
    enrollment_id: UUID
    cycle_number: int
    completed_at: datetime
    recorded_at: datetime
    final_score: float | None
    is_passed: bool | None
    time_spent_seconds: int | None
    method: str
    valid_until: date | None
    evidence: Any
    voided_at: datetime | None


class CertificatesWanted(rest.Paging):
    """Which certificates are asked for."""

    q: str = Field("", max_length=100, description="In number, holder or title.")
    standing: CertificateStanding | None = None


class CertificateAnswer(rest.Answer):
    """A certificate and where anybody can verify it."""

    id: UUID
    number: str
    user_id: UUID
    completion_id: UUID
    holder: str
    title: str
    issued_at: datetime
    expires_on: date | None
    standing: str
    verification_url: str


class Revocation(rest.Sent):
    """Why a certificate is taken back."""

    reason: str = Field(min_length=1, max_length=2000)
