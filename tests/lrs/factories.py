"""The smallest valid statements, and the one word that matters."""

from typing import Any
from uuid import uuid4

VERBS = "http://adlnet.gov/expapi/verbs/"


def agent(who: str = "ana", /, **more: Any) -> dict[str, Any]:
    return {"objectType": "Agent", "mbox": f"mailto:{who}@northwind.example"} | more


def activity(path: str = "course", /, **definition: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"objectType": "Activity", "id": f"http://courses.example/{path}"}
    return found | {"definition": definition} if definition else found


def statement(verb: str = "experienced", /, **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "actor": agent(),
        "verb": {"id": VERBS + verb},
        "object": activity(),
    } | more


def voiding(statement_id: str) -> dict[str, Any]:
    return statement("voided", object=ref(statement_id))


def ref(statement_id: str) -> dict[str, Any]:
    return {"objectType": "StatementRef", "id": statement_id}


def sub_statement(**more: Any) -> dict[str, Any]:
    inner = statement(**more)
    del inner["id"]
    return {"objectType": "SubStatement"} | inner
