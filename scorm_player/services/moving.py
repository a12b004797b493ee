"""Learners in progress move to another version of their package: with all their data, or to begin it anew.

It is asked for with a reason and done by a job in slices, each in a transaction of its own: after a crash the next one
goes on behind the last, and nobody moves twice.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from accounts.services import people
from core import audit, jobs
from core.db import Session
from core.errors import Conflict, Invalid, NotFound
from scorm_player.services import addresses, hot_fix, repair
from scorm_player.store import hot_fixes as store
from scorm_player.store import packages as package_store
from scorm_player.store import registrations as registration_store
from scorm_player.tables import ImportState, MoveKind, PackageMove, PackageVersion, RegistrationMove

SLICE = 100
"""Registrations that move in one transaction."""
SHOWN = 5


class DoesNotFit(Conflict):
    """The two versions differ in what learners' data hang on."""

    title = "These versions differ too much for a hot-fix"


def ask(
    session: Session, origin: PackageVersion, target: PackageVersion, kind: str, *, reason: str, by: UUID, now: datetime
) -> UUID:
    """Have everybody in progress on one version move to the other; answer the move's id, of an open one its own.

    With a hot-fix they keep their data. With a switch their attempts are set aside and can be looked at; statements of
    their outcome are voided in the name of `by`, whose own registration stays: nobody repairs their own records.
    Asked for once more while it is under way it is the same; a job that gave up tries again. Raises NotFound for
    versions of different packages, Invalid without a reason, Conflict for one that cannot play, DoesNotFit with what
    differs.
    """
    _require(origin, target, reason)
    if kind == MoveKind.HOT_FIX and (obstacles := hot_fix.difference(session, origin, target).obstacles):
        raise DoesNotFit(" ".join(obstacles))
    expected = store.count_in_progress(session, origin.id, now, _left_out(kind, by))
    move_id = store.add_move(
        session,
        from_version_id=origin.id,
        to_version_id=target.id,
        kind=MoveKind(kind),
        reason=reason,
        asked_by=by,
        asked_at=now,
        expected=expected,
    )
    if move_id is None:
        return _open_again(session, store.open_move(session, origin.id, target.id, MoveKind(kind)))
    get(session, move_id).job_id = jobs.enqueue(
        session, "scorm_player.move_registrations", {"move_id": str(move_id)}, subject=origin.package_id, created_by=by
    )
    audit.record(
        session,
        "package.move_requested",
        "package_version",
        target.id,
        old={"sha256": origin.sha256},
        new={"sha256": target.sha256},
        details={"reason": reason, "kind": MoveKind(kind).value, "registrations": expected},
    )
    return move_id


def get(session: Session, move_id: UUID) -> PackageMove:
    """Return a move. Raises NotFound."""
    found = store.find_move(session, move_id)
    if found is None:
        raise NotFound("There is no such move.")
    return found


def recent(session: Session, version: PackageVersion) -> list[tuple[PackageMove, int]]:
    """Return the latest moves to a version, each with the number of the version they came from."""
    return store.recent_moves(session, version.id, SHOWN)


def go_on(session: Session, move_id: UUID, now: datetime) -> PackageMove:
    """Move the next slice; the last one notes that it is done. What is done already is done. Raises NotFound."""
    row = store.find_move(session, move_id, lock=True)
    if row is None:
        raise NotFound("There is no such move.")
    if row.finished_at is not None:
        return row
    origin, target = (package_store.get_version(session, one) for one in (row.from_version_id, row.to_version_id))
    ids = store.lock_in_progress(
        session, origin.id, SLICE, after=row.after_id, until=row.asked_at, but=_left_out(row.kind, row.asked_by)
    )
    if row.kind is MoveKind.HOT_FIX:
        store.move(session, ids, origin.id, target.id)
        session.expire_all()
    else:
        _switch(session, row, ids, target, now)
    _keep(session, row, ids, now)
    row.moved += len(ids)
    if len(ids) == SLICE:
        row.after_id = ids[-1]
    else:
        row.finished_at = now
        _tell(session, row, origin, target)
    session.flush()
    return row


def _open_again(session: Session, row: PackageMove) -> UUID:
    """Answer a move that is under way; one whose job gave up gets new tries."""
    if row.job_id is not None:
        jobs.retry(session, row.job_id)
    return row.id


def _left_out(kind: str, by: UUID) -> UUID | None:
    return by if kind == MoveKind.SWITCH else None


def _require(origin: PackageVersion, target: PackageVersion, reason: str) -> None:
    if origin.package_id != target.package_id or origin.id == target.id:
        raise NotFound("There is no such version of this package.")
    if not reason:
        raise Invalid("Say why: it stays with the evidence.")
    if target.state not in (ImportState.READY, ImportState.READY_WITH_WARNINGS):
        raise Conflict("This version cannot be played.")


def _switch(session: Session, row: PackageMove, ids: Sequence[UUID], target: PackageVersion, now: datetime) -> None:
    """Let them begin the other version; who asked for it says so in the statements."""
    name = people.get(session, row.asked_by).name
    for registration_id in ids:
        account = registration_store.get(session, registration_id).actor.get("account", {})
        home = account.get("homePage", addresses.known.home_page)
        who = {"objectType": "Agent", "name": name, "account": {"homePage": home, "name": str(row.asked_by)}}
        repair.switch(session, registration_id, target.id, repair.By(who, row.reason), now)


def _keep(session: Session, row: PackageMove, ids: Sequence[UUID], now: datetime) -> None:
    """Write down who went from which version to which: the evidence asks for it."""
    session.add_all(
        RegistrationMove(
            registration_id=moved,
            from_version_id=row.from_version_id,
            to_version_id=row.to_version_id,
            moved_at=now,
            moved_by=row.asked_by,
            reason=row.reason,
            kind=row.kind,
        )
        for moved in ids
    )
    session.flush()


def _tell(session: Session, row: PackageMove, origin: PackageVersion, target: PackageVersion) -> None:
    audit.record(
        session,
        "package.hot_fixed" if row.kind is MoveKind.HOT_FIX else "package.switched",
        "package_version",
        target.id,
        by=row.asked_by,
        old={"sha256": origin.sha256},
        new={"sha256": target.sha256},
        details={"reason": row.reason, "registrations": row.moved},
    )
