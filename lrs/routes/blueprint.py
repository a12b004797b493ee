"""The blueprint, and how a resource of the standard becomes a view under every mount."""

from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from core.http import config, machine
from lrs.routes import edge
from lrs.routes.edge import Resource
from lrs.xapi.versions import Version

bp = Blueprint("lrs", __name__)

# Where the store answers, and which version a request is held to that names none. `/xapi` asks the configuration.
MOUNTS: Mapping[str, Version | None] = {
    "/xapi": None,
    "/xapi/1.0.3": Version.V1_0_3,
    "/xapi/2.0": Version.V2_0,
}
_METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"]


def mount(name: str, path: str, resource: Resource) -> None:
    """Let a resource answer under every mount, also behind the double slash that some clients make of an endpoint."""
    for base, default in MOUNTS.items():
        view = _view(base, default, resource)
        for rule in (f"{base}/{path}", f"{base}//{path}"):
            bp.add_url_rule(
                rule,
                endpoint=f"{name}_{base.strip('/').replace('/', '_').replace('.', '_')}",
                view_func=view,
                methods=_METHODS,
                provide_automatic_options=False,
                merge_slashes=False,
            )


def _view(base: str, default: Version | None, resource: Resource) -> Callable[..., Response]:
    @machine()
    def view(**path: str) -> Response:
        return edge.answer(request, base, default or Version(config().xapi_version), resource, path)

    return view
