"""The self-test of a credential: what a client and a script of another page do, over HTTP, by the public address."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import orjson

from core import outgoing
from core.errors import StoaError
from core.outgoing import Answer, Line
from lrs.services import building, credentials
from lrs.services.credentials import Scope, State, Summary
from lrs.xapi import verbs

_VERSION = "1.0.3"
_SECONDS = 10
_ASKED = "authorization, content-type, x-experience-api-version"
_FOREIGN = "https://page-of-another-origin.example"


@dataclass(frozen=True)
class Step:
    """One thing that was tried: whether it worked, and what came of it in words."""

    name: str  # reach, preflight, open, write, read, script
    is_good: bool
    note: str


def run(credential: Summary, *, origin: str, hash_key: bytes, now: datetime) -> list[Step]:
    """Reach the store, store a statement as this credential and read it back; answer what worked, up to what did not.

    Requests go to `origin`, which is `config.app_origin`, through the network and whatever stands in front of Stoa. In
    place of the secret, which nobody knows, they carry a pass for this credential that lasts seconds.
    """
    if credential.state is not State.ACTIVE:
        return [Step("open", False, f"This credential is {credential.state}: nobody gets in with it.")]
    steps: list[Step] = []
    try:
        with outgoing.line(origin, is_own=True) as line:
            for step in _Test(line, credential, origin, hash_key, now).steps():
                steps.append(step)
                if not step.is_good:
                    break
    except StoaError as error:
        known = f"{error.message} Clients elsewhere may reach it all the same: the test is made from where Stoa runs."
        steps.append(Step("reach" if not steps else "lost", False, known))
    return steps


class _Test:
    """The requests of one test, in the order a client makes them."""

    def __init__(self, line: Line, credential: Summary, origin: str, hash_key: bytes, now: datetime) -> None:
        self._line, self._credential, self._origin, self._now = line, credential, origin, now
        passed = credentials.short_pass(hash_key, credential.key, now)
        self._authorization = "Basic " + base64.b64encode(f"{credential.key}:{passed}".encode()).decode()
        self._page = credential.origins[0] if credential.origins else _FOREIGN
        self._statement = building.statement(
            credential.caller.authority,
            verbs.EXPERIENCED,
            building.activity(f"{origin}/lrs/self-test", name="Self-test of a credential"),
            timestamp=now,
            id=uuid4(),
        )

    def steps(self) -> Iterable[Step]:
        """Try one thing after the other."""
        yield self._reach()
        yield self._preflight()
        yield self._open()
        caller = self._credential.caller
        if caller.is_limited:
            yield Step("write", True, "It is limited to one actor or registration, and was not tried further.")
            return
        if not caller.may(Scope.STATEMENTS_WRITE):
            yield Step("write", False, "It may not store statements: it has neither statements/write nor all.")
            return
        yield self._write()
        if not caller.may(Scope.STATEMENTS_READ, Scope.STATEMENTS_READ_MINE, Scope.ALL_READ):
            yield Step("read", True, "It may not read statements; that is what its scopes say.")
            return
        yield self._read()
        yield self._script()

    def _reach(self) -> Step:
        answer = self._ask("GET", "about")
        if answer.status != 200:
            return _unexpected("reach", answer)
        versions = ", ".join(orjson.loads(answer.content).get("version", []))
        return Step("reach", True, f"{self._origin}/xapi/ answers and speaks {versions}.")

    def _preflight(self) -> Step:
        asked = {
            "Origin": self._page,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": _ASKED,
        }
        answer = self._ask("OPTIONS", "statements", asked)
        allowed = answer.headers.get("Access-Control-Allow-Headers", "").lower()
        is_shared = answer.headers.get("Access-Control-Allow-Origin") in ("*", self._page)
        if not answer.is_success or not is_shared or any(name not in allowed for name in _ASKED.split(", ")):
            return _unexpected("preflight", answer, "A browser would not let scripts of other pages send anything. ")
        return Step("preflight", True, f"A browser lets scripts of {self._page} ask.")

    def _open(self) -> Step:
        answer = self._ask("GET", "statements?limit=1", self._signed())
        if answer.status in (200, 403):
            return Step("open", True, "The credential lets a client in.")
        return _unexpected("open", answer)

    def _write(self) -> Step:
        sent = {"Content-Type": "application/json"} | self._signed()
        answer = self._ask("POST", "statements", sent, orjson.dumps(self._statement))
        if answer.status != 200:
            return _unexpected("write", answer)
        return Step("write", True, f"Statement {self._statement['id']} is stored.")

    def _read(self) -> Step:
        answer = self._ask("GET", f"statements?statementId={self._statement['id']}", self._signed())
        if answer.status != 200:
            return _unexpected("read", answer)
        found = orjson.loads(answer.content)
        if any(found.get(name) != self._statement[name] for name in ("id", "verb", "object")):
            return Step("read", False, "Another statement came back than was sent.")
        return Step("read", True, f"The same statement came back, stored at {found['stored']}.")

    def _script(self) -> Step:
        """As a script of a page: of an origin that is named, and where some are named, of one that is not."""
        answer = self._ask("GET", "statements?limit=1", self._signed() | {"Origin": self._page})
        if answer.status != 200 or answer.headers.get("Access-Control-Allow-Origin") not in ("*", self._page):
            return _unexpected("script", answer)
        if not self._credential.origins:
            return Step("script", True, "Scripts of any page may use it.")
        answer = self._ask("GET", "statements?limit=1", self._signed() | {"Origin": _FOREIGN})
        if answer.status != 403:
            return _unexpected("script", answer, "A script of an origin that is not named was let in. ")
        return Step("script", True, f"Scripts of {self._page} may use it, those of other origins are refused.")

    def _signed(self) -> dict[str, str]:
        return {"Authorization": self._authorization}

    def _ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Answer:
        sent = {"X-Experience-API-Version": _VERSION, **(headers or {})}
        if method == "OPTIONS":
            del sent["X-Experience-API-Version"]
        url = f"{self._origin}/xapi/{path}"
        return self._line.request(method, url, headers=sent, content=content, limit=16 << 20, seconds=_SECONDS)


def _unexpected(name: str, answer: Answer, said: str = "") -> Step:
    return Step(name, False, f"{said}The answer was {answer.status}: {answer.excerpt(300) or 'nothing'}")
