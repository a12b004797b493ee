"""How a package is played where the books leave a choice: the options, their schema, the defaults. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from jsonschema import Draft202012Validator

from core.errors import Invalid, Problem

Settings = dict[str, Any]


@dataclass(frozen=True)
class Policy:
    """What holds for a session. The defaults are what the books say, and where they say nothing what loses least."""

    empty_exit: Literal["normal", "suspend"] = "normal"  # an attempt that ends without cmi.exit
    silent_finish: Literal["completed", "incomplete"] = "completed"  # 1.2: LMSFinish without a lesson_status
    mastery_decides: bool = True  # 1.2: raw score and mastery score over the status that was set
    suspend_data: Literal["keep", "clear_when_completed"] = "keep"
    window: Literal["auto", "frame", "own"] = "auto"
    window_width: int | None = None  # pixels, of a window of its own
    window_height: int | None = None
    attempts: int | None = None  # 2004: how many on one item in a registration; None, as many as they like
    strict: bool = False  # answer content to the letter of the standard, errors for what vendors exceed included
    wrap_up: bool = False  # stay on a last page when the course has ended


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "empty_exit": {"enum": ["normal", "suspend"]},
        "silent_finish": {"enum": ["completed", "incomplete"]},
        "mastery_decides": {"type": "boolean"},
        "suspend_data": {"enum": ["keep", "clear_when_completed"]},
        "window": {"enum": ["auto", "frame", "own"]},
        "window_width": {"type": "integer", "minimum": 320, "maximum": 7680},
        "window_height": {"type": "integer", "minimum": 240, "maximum": 4320},
        "attempts": {"type": "integer", "minimum": 1, "maximum": 100},
        "strict": {"type": "boolean"},
        "wrap_up": {"type": "boolean"},
    },
}
_validator = Draft202012Validator(SCHEMA)


def check(settings: Mapping[str, Any]) -> None:
    """Raise Invalid naming every setting that is not as it must be."""
    problems = [
        Problem(
            ".".join(map(str, error.path)) or "settings", error.message, "Choose one of the values that are offered."
        )
        for error in _validator.iter_errors(dict(settings))
    ]
    if problems:
        raise Invalid(problems=problems)


def merged(*layers: Mapping[str, Any]) -> Policy:
    """Return what holds when each layer overrides those before it."""
    return Policy(**{name: value for layer in layers for name, value in layer.items()})


def as_settings(policy: Policy) -> Settings:
    """Return a policy as settings that say everything."""
    return asdict(policy)
