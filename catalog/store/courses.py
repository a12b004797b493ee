"""Queries on courses and their versions."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import aliased

from catalog.tables import Course, CourseStatus, CourseVersion, Module, VersionState
from core.db import Session

Current = aliased(CourseVersion)
Draft = aliased(CourseVersion)
Row = tuple[Course, CourseVersion | None, CourseVersion | None]
"""A course with the version that is published and the one being written."""


def find(session: Session, course_id: UUID, *, lock: bool = False) -> Course | None:
    """Return a course; locked, nobody else changes it or its draft until the transaction ends."""
    query = select(Course).where(Course.id == course_id).execution_options(populate_existing=True)
    return session.scalar(query.with_for_update(key_share=True) if lock else query)


def find_row(session: Session, course_id: UUID) -> Row | None:
    """Return a course with its two live versions."""
    rows = _rows(session, Course.id == course_id)
    return rows[0] if rows else None


def find_by_code(session: Session, code: str) -> Course | None:
    """Return the course that has this code."""
    return session.scalar(select(Course).where(Course.code == code))


def page(
    session: Session, statuses: Sequence[CourseStatus], search: str, offset: int, limit: int | None
) -> tuple[list[Row], int]:
    """Return courses by title, those with one of the statuses that match `search`, and how many there are in all."""
    where = and_(Course.status.in_(statuses), _matches(search))
    total = session.scalar(select(func.count()).select_from(Course).where(where)) or 0
    return _rows(session, where, offset, limit), total


def counts(session: Session, search: str) -> dict[CourseStatus, int]:
    """Return how many courses matching `search` have which status."""
    query = select(Course.status, func.count()).where(_matches(search)).group_by(Course.status)
    return dict(session.execute(query).all())


def find_version(session: Session, version_id: UUID) -> CourseVersion | None:
    """Return a version of a course."""
    query = select(CourseVersion).where(CourseVersion.id == version_id)
    return session.scalar(query.execution_options(populate_existing=True))


def version_in_state(session: Session, course_id: UUID, state: VersionState) -> CourseVersion | None:
    """Return a course's draft, or its published version; there is at most one of each."""
    query = select(CourseVersion).where(CourseVersion.course_id == course_id, CourseVersion.state == state)
    return session.scalar(query.execution_options(populate_existing=True))


def versions(session: Session, course_id: UUID) -> list[CourseVersion]:
    """Return all versions of a course, newest first."""
    query = select(CourseVersion).where(CourseVersion.course_id == course_id).order_by(CourseVersion.sequence.desc())
    return list(session.scalars(query))


def module_counts(session: Session, version_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return how many modules each of these versions has."""
    query = (
        select(Module.course_version_id, func.count())
        .where(Module.course_version_id.in_(version_ids))
        .group_by(Module.course_version_id)
    )
    return dict(session.execute(query).all())


def _rows(session: Session, where: ColumnElement[bool], offset: int = 0, limit: int | None = None) -> list[Row]:
    query = (
        select(Course, Current, Draft)
        .outerjoin(Current, and_(Current.course_id == Course.id, Current.state == VersionState.PUBLISHED))
        .outerjoin(Draft, and_(Draft.course_id == Course.id, Draft.state == VersionState.DRAFT))
        .where(where)
        .order_by(func.lower(Course.title), Course.id)
        .offset(offset)
        .limit(limit)
    )
    return [(course, current, draft) for course, current, draft in session.execute(query)]


def _matches(search: str) -> ColumnElement[bool]:
    pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return or_(
        *(column.ilike(pattern) for column in (Course.title, Course.code, func.coalesce(Course.description, "")))
    )
