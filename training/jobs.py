"""What training does behind the pages: counting statements, rendering certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from core import clock
from core.jobs import Work
from lrs.services import personas
from training.services import certificates, leaving, progress, reconsidering


def on_statements_stored(work: Work, statement_ids: Sequence[str]) -> None:
    """Count statements that have just been stored, each registration's or person's in a transaction of its own."""
    with work.read() as session:
        groups = progress.groups(session, [UUID(statement_id) for statement_id in statement_ids])
    for group in groups:
        with work.write() as session:
            progress.record(session, group, clock.now())


def on_persons_changed(work: Work, merge_id: str) -> Mapping[str, Any]:
    """Count what belongs to somebody since a merge of persons, and no longer what does not since it was undone."""
    with work.read() as session:
        identifiers = personas.concerned(session, UUID(merge_id))
    outcome, after = reconsidering.Outcome(), None
    while True:
        with work.write() as session:
            after, found = reconsidering.of_actors(session, identifiers, after, clock.now())
        outcome.add(found)
        if after is None:
            return asdict(outcome)


def render_certificate(work: Work, certificate_id: str) -> None:
    """Render the PDF of a certificate that has just been issued."""
    with work.write() as session:
        certificates.render(session, work.files, UUID(certificate_id))


def on_person_left(work: Work, user_id: str) -> None:
    """End what somebody who left was still to do."""
    with work.write() as session:
        leaving.end_open_assignments(session, UUID(user_id), clock.now())


def on_person_joined(work: Work, user_id: str) -> None:
    """Take up again what somebody was to do when they left, if they had left."""
    with work.write() as session:
        leaving.take_up_again(session, UUID(user_id))
