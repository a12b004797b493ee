"""The adapter page, on the content origin: it holds the API object, and below it the content."""

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from core.http import config, content
from scorm_player.routes.blueprint import bp

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-src * data: blob:; "
    "base-uri 'none'; form-action 'none'; img-src {icon}; frame-ancestors {app}"
)
"""The adapter page runs nothing but our own scripts; what packages run is for the pages in the frame below it.

Its one image is the icon that browsers ask for by themselves when it is a window of its own.
"""
ICON = "/favicon.ico"


@bp.get("/p/<capability>/__stoa__/adapter")
@content()
def adapter(capability: str) -> ResponseReturnValue:
    """Answer the adapter page: the same for all, it knows nothing before the player page tells it."""
    settings = config()
    response = Response(render_template("scorm_player/adapter.html", app_origin=settings.app_origin))
    response.headers["Content-Security-Policy"] = CSP.format(
        app=settings.app_origin, icon=settings.content_origin + ICON
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.headers["Origin-Agent-Cluster"] = "?1"
    return response


@bp.get(ICON)
@content()
def content_icon() -> ResponseReturnValue:
    """Answer that content has no icon of ours: a package's own page says itself where it has one."""
    response = Response(status=204)
    response.headers["Cache-Control"] = "public, max-age=2592000"
    return response
