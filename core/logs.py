"""Structured logs: every line knows its request or job id. Secrets never reach a log line."""

import logging
import re
import sys

import structlog

_SECRET = re.compile(r"(?i)((?:password|token|secret|authorization|cookie)[^=:]{0,20}[=:]\s*)\S+|(/p/)[\w-]{16,}")


def _redact(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return {
        key: _SECRET.sub(lambda m: (m[1] or m[2]) + "…", value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def configure(*, json: bool, level: str = "INFO") -> None:
    """Set up logging for this process: one line per event on standard error."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return a logger whose lines carry `room=name`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return bound
