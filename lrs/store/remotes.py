"""Forwarders, dead letters and pullers in the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of, uuid7
from core.errors import NotFound
from lrs.tables import DeadLetter, ExchangeState, Forwarder, Remote

AnyRemote = TypeVar("AnyRemote", bound=Remote)


def get(session: Session, kind: type[AnyRemote], remote_id: UUID, *, lock: bool = False) -> AnyRemote:
    """The tenant's forwarder or puller. Raises NotFound."""
    row = session.get(kind, (organization_of(session), remote_id), with_for_update=lock)
    if row is None:
        raise NotFound("There is no such connection.")
    return row


def page(session: Session, kind: type[AnyRemote]) -> list[AnyRemote]:
    """All of the tenant, by name."""
    return list(session.scalars(select(kind).order_by(kind.name, kind.id)))


def awake(session: Session, kind: type[AnyRemote]) -> list[UUID]:
    """The ids of those that are not paused."""
    return list(session.scalars(select(kind.id).where(kind.state != ExchangeState.PAUSED).order_by(kind.id)))


def tenants(session: Session) -> list[UUID]:
    """The organizations that have any which is not paused; asked without a tenant."""
    return list(session.execute(text("SELECT * FROM organizations_with_remotes()")).scalars())


def dead_letters(session: Session, forwarder_id: UUID, *, limit: int, only_to_retry: bool = False) -> list[DeadLetter]:
    """The oldest dead letters."""
    query = select(DeadLetter).where(DeadLetter.forwarder_id == forwarder_id).order_by(DeadLetter.id).limit(limit)
    return list(session.scalars(query.where(DeadLetter.is_to_retry) if only_to_retry else query))


def count_dead(session: Session, ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many dead letters each forwarder has."""
    query = (
        select(DeadLetter.forwarder_id, func.count())
        .where(DeadLetter.forwarder_id.in_(ids))
        .group_by(DeadLetter.forwarder_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def bury(session: Session, values: Mapping[str, Any]) -> None:
    """Keep a dead letter; one that was tried again counts its attempts on."""
    row = {"organization_id": organization_of(session), "id": uuid7(), "attempts": 1, "is_to_retry": False, **values}
    added = insert(DeadLetter).values(row)
    session.execute(
        added.on_conflict_do_update(
            index_elements=["organization_id", "forwarder_id", "statement_id"],
            set_={
                "status": added.excluded.status,
                "answer": added.excluded.answer,
                "last_at": added.excluded.last_at,
                "attempts": DeadLetter.attempts + 1,
                "is_to_retry": False,
            },
        )
    )


def mark_to_retry(session: Session, forwarder_id: UUID, letter_id: UUID | None) -> int:
    """Let one dead letter, or all, be tried again; answer how many."""
    query = update(DeadLetter).where(DeadLetter.forwarder_id == forwarder_id).values(is_to_retry=True)
    query = query if letter_id is None else query.where(DeadLetter.id == letter_id)
    return len(session.execute(query.returning(DeadLetter.id)).all())


def discard(session: Session, forwarder_id: UUID, letter_id: UUID | None) -> int:
    """Forget one dead letter, or all; answer how many."""
    query = delete(DeadLetter).where(DeadLetter.forwarder_id == forwarder_id)
    query = query if letter_id is None else query.where(DeadLetter.id == letter_id)
    return len(session.execute(query.returning(DeadLetter.id)).all())


def move(session: Session, forwarder_id: UUID, seen: datetime, position: datetime) -> bool:
    """Move a forwarder's position on, unless somebody has moved it since it was `seen`."""
    moved = session.execute(
        update(Forwarder)
        .where(Forwarder.id == forwarder_id, Forwarder.position == seen)
        .values(position=position)
        .returning(Forwarder.id)
    )
    return moved.one_or_none() is not None


def count_behind(session: Session, after: datetime, most: int) -> int:
    """How many statements are stored behind a moment, counted up to `most`."""
    query = text(
        "SELECT count(*) FROM (SELECT FROM xapi_statements WHERE organization_id = :org AND stored > :after "
        "LIMIT :most) s"
    )
    values = {"org": organization_of(session), "after": after, "most": most}
    return int(session.execute(query, values).scalar() or 0)
