"""Looking back and looking around: a visit that does not count plays on copies, and nothing of it is recorded."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.db import Session, organization_of
from scorm_player.store import runtime as store
from scorm_player.tables import Completion, LaunchSession, Registration, ScormItemState, Success

UNKNOWN = (Completion.UNKNOWN, Success.UNKNOWN)


def copy_of(registration: Registration, tree: str | None) -> Registration:
    """Return a registration that no session of the database knows, with a tree of its own."""
    return Registration(
        organization_id=registration.organization_id,
        id=registration.id,
        user_id=registration.user_id,
        package_version_id=registration.package_version_id,
        actor=registration.actor,
        completion=registration.completion,
        success=registration.success,
        score_scaled=registration.score_scaled,
        progress_measure=registration.progress_measure,
        total_seconds=registration.total_seconds,
        created_at=registration.created_at,
        started_at=registration.started_at,
        activity_tree=tree,
        is_preview=registration.is_preview,
        is_logged=registration.is_logged,
    )


def state_of(session: Session, registration_id: UUID, item_id: UUID, own: store.Aside, now: datetime) -> ScormItemState:
    """Return an item's data for this visit: what the visit has made of them, else a copy of the last attempt's."""
    last = store.newest_states(session, registration_id).get(item_id)
    cmi, is_suspended = own.items.get(str(item_id), (last.cmi, last.is_suspended) if last else (None, False))
    completion, success = own.told.get(str(item_id), (last.completion, last.success) if last else UNKNOWN)
    return ScormItemState(
        organization_id=organization_of(session),
        registration_id=registration_id,
        package_item_id=item_id,
        attempt_number=last.attempt_number if last else 1,
        cmi=cmi or store.Data().text(),
        is_suspended=is_suspended,
        completion=Completion(completion),
        success=Success(success),
        total_seconds=last.total_seconds if last else Decimal(0),
        started_at=now,
        updated_at=now,
    )


def keep(launched: LaunchSession, registration: Registration, state: ScormItemState, own: store.Aside) -> None:
    """Write what the visit has of its own beside its session."""
    own.tree = registration.activity_tree
    own.items[str(state.package_item_id)] = (state.cmi, state.is_suspended)
    own.told[str(state.package_item_id)] = (state.completion.value, state.success.value)
    launched.aside = own.text()
