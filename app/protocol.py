"""HTTP as uvicorn speaks it, with a short way out for answers that are whole: one write instead of two.

An answer in two writes costs the server a system call more and wakes the client twice. ASGI knows no message for a
whole answer, so it is an extension of the scope: `WHOLE`, where this protocol serves.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

WHOLE = "stoa.whole"
"""Its `answer` takes status, headers with content-length and body, and says whether it could: else the ordinary way."""


class Protocol(HttpToolsProtocol):
    """uvicorn's own, but for the extension."""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        cycle.scope["extensions"] = {WHOLE: {"answer": partial(self._answer, cycle)}}
        super()._start_asgi_task(cycle, app)

    def _answer(
        self, cycle: RequestResponseCycle, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> bool:
        if cycle.response_started or cycle.disconnected or cycle.more_body or cycle.flow.write_paused:
            return False
        lines = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n")
        cycle.response_started = cycle.response_complete = True
        cycle.transport.writelines([b"".join(lines), body])
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True
