"""The edge of training: learning, assigning, certificates and the evidence behind them."""

from training.routes import (
    api,
    assignments,
    attempts,
    cancelling,
    certificates,
    evidence,
    learning,
    player,
    repairs,
    republishing,
    team,
    verification,
)
from training.routes.attempts import course_reports, person_learning
from training.routes.blueprint import bp
from training.routes.evidence import statement_trail
from training.routes.learning import course_actions, course_note, home
from training.routes.republishing import people_concerned, people_outcome

__all__ = [
    "api",
    "assignments",
    "attempts",
    "bp",
    "cancelling",
    "certificates",
    "course_actions",
    "course_note",
    "course_reports",
    "evidence",
    "home",
    "learning",
    "people_concerned",
    "people_outcome",
    "person_learning",
    "player",
    "repairs",
    "republishing",
    "statement_trail",
    "team",
    "verification",
]
