"""Obligations: until when, and how they stand today (R-ASG, R-DUE)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class AssignmentType(StrEnum):
    """Why somebody must learn something."""

    INDIVIDUAL = "individual"
    ROLE_BASED = "role_based"
    DEPARTMENT_BASED = "department_based"
    COMPLIANCE_DRIVEN = "compliance_driven"
    REMEDIAL = "remedial"
    ONBOARDING = "onboarding"
    RENEWAL = "renewal"
    CAMPAIGN = "campaign"
    RULE = "rule"


class Standing(StrEnum):
    """How an obligation stands today; derived, never stored."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


DAYS = {AssignmentType.ONBOARDING: 30, AssignmentType.COMPLIANCE_DRIVEN: 60, AssignmentType.REMEDIAL: 14}
OTHER_DAYS = 90
SOON = timedelta(days=7)


def due_on(today: date, kind: AssignmentType = AssignmentType.INDIVIDUAL, explicit: date | None = None) -> date:
    """R-DUE-1: the explicit date, else today and the days of this kind of assignment."""
    return explicit or today + timedelta(days=DAYS.get(kind, OTHER_DAYS))


def end_of_day(day: date, zone: str) -> datetime:
    """Return the last second of a day in the organization's zone."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))
    return datetime.fromtimestamp(midnight.timestamp() - 1, ZoneInfo("UTC"))


@dataclass(frozen=True)
class Obligation:
    """What one assignment asks of one person."""

    due_at: datetime
    is_started: bool = False
    is_completed: bool = False
    is_cancelled: bool = False

    def standing(self, now: datetime) -> Standing:
        """R-DUE-3: overdue when the due moment has passed and it is still open; due soon within seven days."""
        if self.is_cancelled:
            return Standing.CANCELLED
        if self.is_completed:
            return Standing.COMPLETED
        if self.due_at < now:
            return Standing.OVERDUE
        if self.due_at - now <= SOON:
            return Standing.DUE_SOON
        return Standing.IN_PROGRESS if self.is_started else Standing.NOT_STARTED
