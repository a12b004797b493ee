"""How errors look from outside: a page for people, problem+json for programs, xAPI's own form under /xapi."""

from typing import Any

import orjson
import psycopg.errors
from flask import Flask, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from core.errors import ProofNeeded, SecondFactorNeeded, StoaError, Unauthorized
from core.http import request_id, visitor
from core.logs import logger
from core.translating import translated

log = logger("app")

PAGES = (400, 403, 404, 410, 413, 429, 500, 503)
"""Statuses with a page of their own, for when there is nothing more to say."""


def register(app: Flask) -> None:
    """Give every kind of failure one way out."""
    app.register_error_handler(StoaError, answer)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(OperationalError, answer_database)
    app.register_error_handler(Exception, answer_unexpected)


def answer(error: StoaError) -> ResponseReturnValue:
    """Answer one of our own errors with its status, message and problems."""
    if isinstance(error, Unauthorized) and _wants_page() and visitor() is None and request.method == "GET":
        return redirect(url_for("accounts.show_sign_in", next=request.full_path.rstrip("?")))
    if isinstance(error, SecondFactorNeeded) and _wants_page() and request.method == "GET":
        return redirect(url_for("accounts.show_second_factor"))
    if isinstance(error, ProofNeeded) and _wants_page():
        return _ask_for_proof(error), error.status
    response = _respond(error.status, error.title, error.message, error.problems)
    if isinstance(error, Unauthorized) and request.path.startswith("/api/"):
        response.headers["WWW-Authenticate"] = 'Bearer realm="stoa"'
    response.headers.update(error.headers)
    if retry_after := getattr(error, "retry_after", None):
        response.headers["Retry-After"] = str(retry_after)
    return response


def _ask_for_proof(error: ProofNeeded) -> str:
    """Ask for password or code; the form that was sent comes along and is sent again with the answer.

    Files cannot come along: such a form is to be filled in once more.
    """
    is_form = request.method == "POST" and not request.files
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in ("proof", "csrf_token")]
    page = request.referrer if request.method == "POST" and request.files else request.full_path.rstrip("?")
    return render_template(
        "accounts/proof.html", error=translated(error.message) if request.form.get("proof") else "",
        action=request.full_path.rstrip("?") if is_form else url_for("accounts.prove_presence", next=page),
        sent=sent if is_form else [],
    )  # fmt: skip


def answer_http(error: HTTPException) -> ResponseReturnValue:
    """Answer what Flask itself refuses (unknown address, wrong method, body too large)."""
    if error.response is not None or error.code is None or error.code < 400:
        return error
    message = error.name if error.code in PAGES else error.description or error.name
    response = _respond(error.code, error.name, message, ())
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def answer_database(error: OperationalError) -> ResponseReturnValue:
    """Answer 503 while the database is away or overloaded, so that callers try again."""
    if isinstance(error.orig, psycopg.errors.QueryCanceled):
        return answer_unexpected(error)
    log.error("database away", error=str(error.orig))
    response = _respond(503, "Stoa is not ready", "The database cannot be reached. Try again in a moment.", ())
    response.headers["Retry-After"] = "5"
    return response


def answer_unexpected(error: Exception) -> ResponseReturnValue:
    """Answer 500 with an id that support can look up; the log has the rest."""
    log.exception("unexpected error", path=request.path, error=repr(error))
    return _respond(500, "Something went wrong", f"It has been noted under {request_id()}.", ())


def _problem(problem: Any) -> dict[str, str]:
    """A problem with a JSON pointer (RFC 6901) to its field, as a fragment."""
    told = {key: value for key, value in vars(problem).items() if value}
    steps = [step.replace("~", "~0") for step in problem.where.replace("/", "~1").split(".") if step]
    return {**told, "pointer": "#" + "".join(f"/{step}" for step in steps)}


def _wants_page() -> bool:
    if request.path.startswith(("/api/", "/scim/", "/xapi", "/runtime/", "/healthz", "/readyz", "/metrics")):
        return False
    accepted = request.accept_mimetypes
    return not accepted or accepted.best_match(["text/html", "application/json"]) == "text/html"


def _respond(status: int, title: str, message: str, problems: tuple[Any, ...]) -> Response:
    if _wants_page():
        says_more = message != title and status < 500
        page = render_template(
            f"errors/{status}.html" if status in PAGES and not says_more else "errors/error.html", status=status,
            title=translated(title), message=translated(message) if says_more else "", problems=problems,
            request_id=request_id(),
        )  # fmt: skip
        return Response(page, status=status, mimetype="text/html")
    if request.path.startswith("/scim/"):
        told = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": str(status), "detail": message}
        return Response(orjson.dumps(told), status=status, mimetype="application/scim+json")
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": message}
    if problems:
        body["errors"] = [_problem(problem) for problem in problems]
    body["request_id"] = request_id()
    return Response(orjson.dumps(body), status=status, mimetype="application/problem+json")
