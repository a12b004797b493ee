"""Interactions and objectives as rows for reports: written with the data they follow from, made anew at will."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from core.db import Session
from scorm_player import answers
from scorm_player.scorm.data_model import Standard
from scorm_player.store import answers as store
from scorm_player.store import registrations as registration_store
from scorm_player.store.runtime import data_of
from scorm_player.tables import ScormInteraction, ScormObjective


@dataclass(frozen=True)
class Rebuilt:
    """What was made anew."""

    attempts: int
    interactions: int
    objectives: int


def project(
    session: Session, state: store.Attempt, standard: Standard, values: Mapping[str, str], elements: Collection[str]
) -> None:
    """Bring the records that these elements belong to up to date, in the transaction that keeps the values."""
    for table, collection, read in (
        (ScormInteraction, answers.INTERACTIONS, answers.interactions),
        (ScormObjective, answers.OBJECTIVES, answers.objectives),
    ):
        if numbers := answers.touched(collection, elements):
            store.upsert(session, table, state, [row for row in read(standard, values) if row["n"] in numbers])


def rebuild(session: Session) -> Rebuilt:
    """Make all rows of the tenant anew from the run-time data."""
    attempts = interactions = objectives = 0
    for state, version_id in store.every_state(session):
        course = registration_store.course(session, version_id)
        if not course.holds(state.package_item_id):  # of a version from which they were switched
            course = registration_store.course_of_item(session, state.package_item_id)
        standard = course.items[course.identifier(state.package_item_id)].standard
        values = data_of(state).values
        answered, reached = answers.interactions(standard, values), answers.objectives(standard, values)
        store.forget(session, ScormInteraction, state)
        store.forget(session, ScormObjective, state)
        store.upsert(session, ScormInteraction, state, answered)
        store.upsert(session, ScormObjective, state, reached)
        attempts += 1
        interactions += len(answered)
        objectives += len(reached)
    return Rebuilt(attempts, interactions, objectives)
