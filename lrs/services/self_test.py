"""The self-test of a credential: one statement in and out again, with exactly the credential's rights."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import orjson

from core.db import Session
from core.errors import StoaError
from lrs.services import building, queries, statements
from lrs.services.credentials import Caller, Scope, State, Summary
from lrs.xapi import verbs
from lrs.xapi.versions import Version


@dataclass(frozen=True)
class Step:
    """One thing that was tried: whether it worked, and what came of it in words."""

    name: str
    is_good: bool
    note: str


def run(session: Session, credential: Summary, *, home_page: str, now: datetime) -> list[Step]:
    """Store a test statement as this credential and read it back; answer what worked, up to what did not.

    It runs inside the server, without the network between: it proves the credential and the store, not the way there.
    """
    if credential.state is not State.ACTIVE:
        return [Step("open", False, f"This credential is {credential.state}: nobody gets in with it.")]
    steps = [Step("open", True, "Key and secret let a client in.")]
    caller = credential.caller
    if not caller.may(Scope.STATEMENTS_WRITE):
        return [*steps, Step("write", False, "It may not store statements: it has neither statements/write nor all.")]
    statement_id = uuid4()
    try:
        _write(session, caller, statement_id, home_page, now)
    except StoaError as error:
        return [*steps, Step("write", False, error.message)]
    steps.append(Step("write", True, f"Statement {statement_id} is stored."))
    if not caller.may(Scope.STATEMENTS_READ, Scope.STATEMENTS_READ_MINE, Scope.ALL_READ):
        return [*steps, Step("read", True, "It may not read statements; that is what its scopes say.")]
    found = queries.single(session, statement_id, caller, voided=False, version=Version.V1_0_3)
    stored = orjson.loads(found.statement)["stored"]
    return [*steps, Step("read", True, f"The same statement came back, stored at {stored}.")]


def _write(session: Session, caller: Caller, statement_id: UUID, home_page: str, now: datetime) -> None:
    tested = building.activity(f"{home_page}/lrs/self-test", name="Self-test of a credential")
    statement = building.statement(caller.authority, verbs.EXPERIENCED, tested, timestamp=now, id=statement_id)
    batch = statements.check(session, statement, caller, Version.V1_0_3)
    statements.store_checked(session, batch, caller, version=Version.V1_0_3)
