"""How many attempts on an item the playback policy allows, and where they are used up (SCORM 2004; 1.2 knows none)."""

from uuid import UUID

from core.db import Session
from core.words import said
from scorm_player.scorm.sequencing.tree import Node
from scorm_player.scorm.sequencing.validity import Outlook
from scorm_player.services import play
from scorm_player.store import runtime as store
from scorm_player.store.registrations import Course


def refusal(session: Session, registration_id: UUID, course: Course, node: Node | None, most: int | None) -> str | None:
    """Tell why a new attempt on an activity may not begin, where `most` attempts are allowed; else None."""
    if most is None or node is None or play.is_1_2(course):
        return None
    used = store.attempts(session, registration_id).get(course.item_ids[node.identifier], 0)
    return None if used < most else _used_up(node.definition.title, most)


def used_up(
    session: Session, registration_id: UUID, course: Course, outlook: Outlook, most: int | None
) -> dict[str, str]:
    """Return by identifier why activities cannot be begun once more; an attempt that goes on can be gone on with."""
    if most is None or play.is_1_2(course):
        return {}
    used = store.attempts(session, registration_id)
    return {
        entry.identifier: _used_up(entry.title, most)
        for entry in outlook.contents
        if entry.is_leaf
        and not (entry.is_active or entry.is_suspended)
        and used.get(course.item_ids[entry.identifier], 0) >= most
    }


def _used_up(title: str, most: int) -> str:
    return said("All attempts on “%(title)s” are used up (allowed: %(most)s).", title=title, most=most)
