"""The edge of scorm_player: requests in, answers out."""

from scorm_player.routes import launch, runtime
from scorm_player.routes.blueprint import bp

__all__ = ["bp", "launch", "runtime"]
