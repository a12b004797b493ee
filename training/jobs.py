"""What training does behind the pages: counting statements, rendering certificates."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from core import clock
from core.jobs import Work
from lrs.services import personas
from training.services import certificates, leaving, progress, reconsidering, republishing, retakes


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
    """Take up again what somebody was to do when they left, if they had left; and what became due meanwhile."""
    with work.write() as session:
        leaving.take_up_again(session, UUID(user_id))
        retakes.after_return(session, UUID(user_id), clock.now())


def on_course_published(work: Work, course_id: str, course_version_id: str) -> Mapping[str, Any]:
    """Do with people of earlier versions what whoever published the new one has chosen, slice by slice."""
    version_id = UUID(course_version_id)
    with work.write() as session:
        if not republishing.begin(session, version_id, work.job_id, clock.now()):
            return {}
    found = _go_on(work, version_id)
    return {"switched": found.switched, "assigned": found.assigned, "url": f"/courses/{course_id}#versions"}


def take_retake_back(work: Work, course_version_id: str) -> Mapping[str, Any]:
    """End what a retake that was a mistake still asks of people, slice by slice."""
    return {"cancelled": _go_on(work, UUID(course_version_id)).cancelled}


def _go_on(work: Work, version_id: UUID) -> republishing.Outcome:
    while True:
        with work.write() as session:
            found = republishing.go_on(session, version_id, clock.now())
        if found.state == "done":
            return found
        work.progress(found.percent)


def on_course_restored(work: Work, course_id: str) -> Mapping[str, Any]:
    """Ask whoever has a retake to do that nobody asked of them while the course was in the archive."""
    after, assigned = None, 0
    while True:
        with work.write() as session:
            found = retakes.after_restoring(session, UUID(course_id), after, republishing.SLICE, clock.now())
        after, assigned = found[0], assigned + found[1]
        if after is None:
            return {"assigned": assigned}


def on_completion_recorded(work: Work, completion_id: str, **_fact: Any) -> None:
    """Ask whoever has completed an earlier version for the one that has to be taken since."""
    with work.write() as session:
        retakes.after_completion(session, UUID(completion_id), clock.now())
