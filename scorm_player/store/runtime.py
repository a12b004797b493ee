"""Launch sessions, the run-time data of items, and the objectives a learner carries from course to course."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from core.db import Session, organization_of
from core.errors import NotFound
from scorm_player.scorm.sequencing.state import ObjectiveState
from scorm_player.tables import (
    Completion,
    GlobalObjective,
    LaunchMode,
    LaunchSession,
    Registration,
    ScormItemState,
    ScormSnapshot,
    SessionState,
    SharedDataStore,
    Success,
)

OPEN = (SessionState.LAUNCHED, SessionState.INITIALIZED)


@dataclass
class Data:
    """What `scorm_item_states.cmi` holds: values, what was said of them, what content set, and how it was opened."""

    values: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    set_by_content: list[str] = field(default_factory=list)
    access: dict[str, str] = field(default_factory=dict)
    strict: bool = False
    learner: list[str] = field(default_factory=lambda: ["", ""])  # id and name, as the content knows them
    policy: dict[str, Any] = field(default_factory=dict)  # scorm_player.policy, as it was at launch

    def text(self) -> str:
        """Serialize."""
        return orjson.dumps(vars(self)).decode()


def data_of(state: ScormItemState) -> Data:
    """Read an item's run-time data."""
    return data_in(state.cmi)


def data_in(text: str) -> Data:
    """Read run-time data out of their text."""
    return Data(**orjson.loads(text))


@dataclass
class Aside:
    """What a visit that does not count has of its own: sequencing's state, and by item (text, is suspended).

    `told`: by item what the data say of completion and success, as columns have it for visits that count.
    """

    tree: str | None = None
    items: dict[str, tuple[str, bool]] = field(default_factory=dict)
    told: dict[str, tuple[str, str]] = field(default_factory=dict)

    def text(self) -> str:
        """Serialize."""
        return orjson.dumps(vars(self)).decode()


def aside_of(launched: LaunchSession) -> Aside:
    """Read what a visit has of its own."""
    return Aside(**orjson.loads(launched.aside)) if launched.aside else Aside()


def get_session(session: Session, launch_session_id: UUID, *, fresh: bool = False) -> LaunchSession:
    """Return the tenant's launch session; `fresh`, read again where it was read before. Raises NotFound."""
    key = (organization_of(session), launch_session_id)
    found = session.get(LaunchSession, key, populate_existing=fresh)
    if found is None:
        raise NotFound("There is no such session.")
    return found


def lock_counting(
    session: Session, launch_session_id: UUID
) -> tuple[Registration, LaunchSession, ScormItemState] | None:
    """Return a session that counts, with its registration and data, in one question and locked; None for all others.

    The registration's lock is the one that everybody waits for. The other two are locked after it so that they are read
    as whoever had it before has left them.
    """
    asked = {"organization_id": organization_of(session), "session_id": launch_session_id}
    found = session.execute(_COUNTING, asked).one_or_none()
    return None if found is None else (found[0], found[1], found[2])


_COUNTING = (  # made once: it is asked with every step
    select(Registration, LaunchSession, ScormItemState)
    .join(LaunchSession, LaunchSession.registration_id == Registration.id)
    .join(
        ScormItemState,
        (ScormItemState.registration_id == LaunchSession.registration_id)
        & (ScormItemState.package_item_id == LaunchSession.package_item_id)
        & (ScormItemState.attempt_number == LaunchSession.attempt_number),
    )
    .where(
        LaunchSession.organization_id == bindparam("organization_id"),
        LaunchSession.id == bindparam("session_id"),
        LaunchSession.mode == LaunchMode.NORMAL,
    )
    .with_for_update(of=[Registration, LaunchSession, ScormItemState])
    .execution_options(populate_existing=True)
)


def newest_session(session: Session, registration_id: UUID) -> LaunchSession | None:
    """Return the session opened last: the only one that may write."""
    return newest_two_sessions(session, registration_id)[0]


def newest_two_sessions(session: Session, registration_id: UUID) -> tuple[LaunchSession | None, LaunchSession | None]:
    """Return the session opened last, and the one before it."""
    query = (
        select(LaunchSession)
        .where(LaunchSession.registration_id == registration_id)
        .order_by(LaunchSession.launched_at.desc(), LaunchSession.id.desc())
        .limit(2)
    )
    found = [*session.scalars(query), None, None]
    return found[0], found[1]


def find_state(
    session: Session, registration_id: UUID, item_id: UUID, attempt: int | None = None
) -> ScormItemState | None:
    """Return an item's run-time data in one attempt on it; in the newest one when none is named."""
    query = (
        select(ScormItemState)
        .where(ScormItemState.registration_id == registration_id, ScormItemState.package_item_id == item_id)
        .order_by(ScormItemState.attempt_number.desc())
        .limit(1)
    )
    if attempt is not None:
        query = query.where(ScormItemState.attempt_number == attempt)
    return session.scalars(query).one_or_none()


def newest_states(session: Session, registration_id: UUID) -> dict[UUID, ScormItemState]:
    """Return the newest attempt's run-time data of every item, by item; not what a repair set aside."""
    query = (
        select(ScormItemState)
        .where(ScormItemState.registration_id == registration_id, ScormItemState.set_aside_at.is_(None))
        .order_by(ScormItemState.package_item_id, ScormItemState.attempt_number)
    )
    return {state.package_item_id: state for state in session.scalars(query)}


@dataclass(frozen=True, slots=True)
class Told:
    """What an item's run-time data have come to, without them."""

    completion: Completion
    success: Success
    progress_measure: Decimal | None


def newest_told(session: Session, registration_id: UUID) -> dict[UUID, Told]:
    """Return what the newest attempt on every item has come to, by item; not what a repair set aside."""
    return {row[0]: Told(*row[1:]) for row in session.execute(_TOLD, {"registration_id": registration_id})}


_TOLD = (  # made once: it is asked with every end of a session and every outline
    select(
        ScormItemState.package_item_id,
        ScormItemState.completion,
        ScormItemState.success,
        ScormItemState.progress_measure,
    )
    .where(ScormItemState.registration_id == bindparam("registration_id"), ScormItemState.set_aside_at.is_(None))
    .order_by(ScormItemState.package_item_id, ScormItemState.attempt_number)
)


def open_data(session: Session, registration_id: UUID) -> tuple[UUID, str] | None:
    """Return the item that is open in the session opened last, if it counts, and its run-time data as their text."""
    found = session.execute(_OPEN_DATA, {"registration_id": registration_id}).one_or_none()
    if found is None or found[1] not in OPEN or found[2] is not LaunchMode.NORMAL or found[3] is None:
        return None
    return found[0], found[3]


_OPEN_DATA = (
    select(LaunchSession.package_item_id, LaunchSession.state, LaunchSession.mode, ScormItemState.cmi)
    .outerjoin(
        ScormItemState,
        (ScormItemState.registration_id == LaunchSession.registration_id)
        & (ScormItemState.package_item_id == LaunchSession.package_item_id)
        & (ScormItemState.attempt_number == LaunchSession.attempt_number)
        & ScormItemState.set_aside_at.is_(None),
    )
    .where(LaunchSession.registration_id == bindparam("registration_id"))
    .order_by(LaunchSession.launched_at.desc(), LaunchSession.id.desc())
    .limit(1)
)


def attempts(session: Session, registration_id: UUID) -> dict[UUID, int]:
    """Return how many attempts there were on each item; those that a repair has set aside do not count."""
    query = (
        select(ScormItemState.package_item_id, func.count())
        .where(ScormItemState.registration_id == registration_id, ScormItemState.set_aside_at.is_(None))
        .group_by(ScormItemState.package_item_id)
    )
    return dict(session.execute(query).all())


def set_aside(
    session: Session, registration_id: UUID, item_ids: Collection[UUID] | None, now: datetime
) -> list[ScormItemState]:
    """Set aside all attempts on these items, on all without any, and return those that were not before."""
    query = select(ScormItemState).where(
        ScormItemState.registration_id == registration_id, ScormItemState.set_aside_at.is_(None)
    )
    if item_ids is not None:
        query = query.where(ScormItemState.package_item_id.in_(item_ids))
    found = list(session.scalars(query.order_by(ScormItemState.id)))
    for state in found:
        state.set_aside_at = now
    session.flush()
    return found


def newest_snapshot(session: Session, state: ScormItemState) -> ScormSnapshot | None:
    """Return what was kept last of an attempt's place."""
    return session.scalar(_snapshots(state).limit(1))


def add_snapshot(session: Session, state: ScormItemState, data: str, bookmark: str, now: datetime, keep: int) -> None:
    """Keep an attempt's place, and no more than `keep` of them."""
    session.add(
        ScormSnapshot(
            registration_id=state.registration_id,
            package_item_id=state.package_item_id,
            attempt_number=state.attempt_number,
            taken_at=now,
            suspend_data=data,
            bookmark=bookmark,
        )
    )
    session.flush()
    for old in session.scalars(_snapshots(state).offset(keep)):
        session.delete(old)


def _snapshots(state: ScormItemState) -> Select[ScormSnapshot]:
    return (
        select(ScormSnapshot)
        .where(
            ScormSnapshot.registration_id == state.registration_id,
            ScormSnapshot.package_item_id == state.package_item_id,
            ScormSnapshot.attempt_number == state.attempt_number,
        )
        .order_by(ScormSnapshot.taken_at.desc(), ScormSnapshot.id.desc())
    )


def snapshots(session: Session, registration_id: UUID) -> list[ScormSnapshot]:
    """Return all places kept of a registration, newest first."""
    query = select(ScormSnapshot).where(ScormSnapshot.registration_id == registration_id)
    return list(session.scalars(query.order_by(ScormSnapshot.taken_at.desc(), ScormSnapshot.id.desc())))


def global_objectives(session: Session, user_id: UUID, names: Collection[str]) -> dict[str, ObjectiveState]:
    """Return what a learner has reached in these objectives, which packages share."""
    keys = [_key_of(user_id, name) for name in names]
    query = select(GlobalObjective).where(GlobalObjective.user_id == user_id, GlobalObjective.id.in_(keys))
    return {row.objective: ObjectiveState.from_json(orjson.loads(row.state)) for row in session.scalars(query)}


def save_global_objectives(
    session: Session, user_id: UUID, states: Mapping[str, ObjectiveState], now: datetime
) -> None:
    """Keep what a learner has reached in shared objectives, in the order of their names, so that writers queue."""
    for name in sorted(states):
        statement = insert(GlobalObjective).values(
            organization_id=organization_of(session),
            id=_key_of(user_id, name),
            user_id=user_id,
            objective=name,
            state=orjson.dumps(states[name].to_json()).decode(),
            updated_at=now,
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "id"],
                set_={"state": statement.excluded.state, "updated_at": now},
                where=GlobalObjective.state.is_distinct_from(statement.excluded.state),
            )
        )


def shared_data(session: Session, user_id: UUID, stores: Collection[str]) -> dict[str, str]:
    """Return what lies for a learner in these data stores, which packages share."""
    keys = [_key_of(user_id, name) for name in stores]
    query = select(SharedDataStore).where(SharedDataStore.user_id == user_id, SharedDataStore.id.in_(keys))
    return {row.store: orjson.loads(row.value) for row in session.scalars(query)}


def save_shared_data(session: Session, user_id: UUID, values: Mapping[str, str], now: datetime) -> None:
    """Keep what lies in shared data stores, in the order of their names, so that writers queue."""
    for name in sorted(values):
        statement = insert(SharedDataStore).values(
            organization_id=organization_of(session),
            id=_key_of(user_id, name),
            user_id=user_id,
            store=name,
            value=orjson.dumps(values[name]).decode(),
            updated_at=now,
        )
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["organization_id", "id"],
                set_={"value": statement.excluded.value, "updated_at": now},
                where=SharedDataStore.value.is_distinct_from(statement.excluded.value),
            )
        )


def _key_of(user_id: UUID, name: str) -> UUID:
    """Return the row's id: names may be longer than an index entry, so the id says which objective of whom it is."""
    return UUID(bytes=blake2b(user_id.bytes + name.encode("utf-8", "surrogatepass"), digest_size=16).digest())
