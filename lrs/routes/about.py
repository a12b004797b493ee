"""The about resource: for everybody, in any version (Communication 2.8)."""

import orjson
from flask import Response

from lrs.routes.blueprint import mount
from lrs.routes.call import Call
from lrs.routes.edge import Resource
from lrs.xapi.versions import SUPPORTED


def get(call: Call) -> Response:
    """Which versions are spoken here."""
    call.allow()
    return Response(orjson.dumps({"version": SUPPORTED}), content_type="application/json")


mount("about", "about", Resource({"GET": get}, is_public=True))
