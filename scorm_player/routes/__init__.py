"""The edge of scorm_player: requests in, answers out."""

from scorm_player.routes import (
    api_packages,
    api_uploads,
    content,
    hot_fixes,
    launch,
    packages,
    playback,
    preview,
    reports,
    runtime,
)
from scorm_player.routes.blueprint import bp

__all__ = [
    "api_packages",
    "api_uploads",
    "bp",
    "content",
    "hot_fixes",
    "launch",
    "packages",
    "playback",
    "preview",
    "reports",
    "runtime",
]
