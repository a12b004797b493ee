"""The edge of training: learning, assigning, certificates and the evidence behind them."""

from training.routes import api, assignments, certificates, evidence, learning, player, verification
from training.routes.blueprint import bp
from training.routes.learning import course_actions, home

__all__ = [
    "api",
    "assignments",
    "bp",
    "certificates",
    "course_actions",
    "evidence",
    "home",
    "learning",
    "player",
    "verification",
]
