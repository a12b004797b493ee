"""The SCORM run-time data models, 1.2 and 2004, as data: every element, its type, access, default and dependencies.

This is the only definition. `table()` answers it as JSON-able data; two generic readers use it: `Reader` here and
static/player/data_model.js in the browser, and both give the same answers.

The shape of a table:

* `elements`: pattern → {type, access, default, requires, …}. In a pattern `n` stands for an index and `{target}` for
  a navigation target. access is "r", "w" or "rw", seen from the SCO. One that `gathers` keeps what was set before:
  each SetValue adds to it.
* `collections`: pattern of a collection → {id: the key of its records, or none}. Its `_count` is computed.
* `groups`: names that have `_children` or are only the path to elements.
* `types`: name → {strict, lenient (regular expressions for the whole value), values, min, max, spm, code}.
  spm is the smallest permitted maximum in characters: exceeding it is noted, and an error only where `hard` says so.
* `responses`: interaction type → how learner_response and correct_responses.n.pattern are written.
* `errors`: what went wrong → the standard's code; `messages`: code → text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from scorm_player.scorm.languages import THREE_LETTERS, TWO_LETTERS

Standard = Literal["1.2", "2004"]
Edition = Literal["2nd", "3rd", "4th", ""]
Table = dict[str, Any]

# --- types ------------------------------------------------------------------------------------------------------------

# Identifiers are URIs or URNs (RTE, long_identifier_type); characters beyond ASCII pass, as in IRIs.
_URI = r'[^\x00-\x20"<>\[\\\]^`{|}\x7f]+'  # no escape that a browser's regular expressions would refuse
_IDENTIFIER = rf"(?:[uU][rR][nN]:[A-Za-z0-9][A-Za-z0-9-]*:{_URI}|(?![uU][rR][nN]:){_URI})"
_NOT_BLANK = r"(?![uU][rR][nN]:(?![\s\S]))[\s\S]*[^\x00-\x20][\s\S]*"
_REAL = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_TAG = r"(?:[A-Za-z]{2,8}|[iIxX]-[A-Za-z0-9]{1,8})(?:-[A-Za-z0-9]{1,8})*"
_YEAR = "(?:19[7-9][0-9]|20[0-2][0-9]|203[0-8])"
_ZONE = r"(?:Z|[+-](?:[01][0-9]|2[0-3])(?::[0-5][0-9])?)"
_MONTH, _DAY, _HOUR, _SIXTY = "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])", "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
# The standard's grammar nests: a zone may only follow a fraction of seconds, which has one or two digits.
_TIME = (
    f"{_YEAR}(?:-{_MONTH}(?:-{_DAY}(?:T{_HOUR}(?::{_SIXTY}(?::{_SIXTY}"
    rf"(?:\.[0-9]{{1,2}}{_ZONE}?)?)?)?)?)?)?"
)
_LENIENT_TIME = (
    f"[0-9]{{4}}(?:-{_MONTH}(?:-{_DAY}(?:[T ]{_HOUR}(?::?{_SIXTY}(?::?{_SIXTY}(?:[.,][0-9]+)?)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?)?)?"
)


def _duration(seconds: str) -> str:
    return (
        "P(?=[0-9T])(?:[0-9]+Y)?(?:[0-9]+M)?(?:[0-9]+D)?"
        rf"(?:T(?=[0-9])(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+(?:{seconds})?S)?)?"
    )


def _text(spm: int, *, hard: bool = False) -> Table:
    return {"spm": spm, "hard": hard}


_TYPES_2004: Table = {
    "text": {},
    "text250": _text(250),
    "text1000": _text(1000),
    "text4000": _text(4000),
    "text64000": _text(64000),
    "localized250": {"localized": True, "spm": 250},
    "localized4000": {"localized": True, "spm": 4000},
    "language": {"language": True, "spm": 250},
    "identifier": {"strict": _IDENTIFIER, "lenient": _NOT_BLANK, "spm": 4000},
    "short_identifier": {"strict": _IDENTIFIER, "lenient": _NOT_BLANK, "spm": 250},
    "real": {"strict": _REAL},
    "scaled": {"strict": _REAL, "min": -1, "max": 1},
    "measure": {"strict": _REAL, "min": 0, "max": 1},
    "positive": {"strict": _REAL, "min": 0},
    "time": {"strict": _TIME, "lenient": _LENIENT_TIME},
    "duration": {"strict": _duration(r"\.[0-9]{1,2}"), "lenient": _duration(r"\.[0-9]+")},
    "completion": {"values": ["completed", "incomplete", "not attempted", "unknown"]},
    "success": {"values": ["passed", "failed", "unknown"]},
    "exit": {"values": ["time-out", "suspend", "logout", "normal", ""]},
    "captioning": {"values": ["-1", "0", "1"]},
    "interaction": {
        "values": [
            "true-false",
            "choice",
            "fill-in",
            "long-fill-in",
            "likert",
            "matching",
            "performance",
            "sequencing",
            "numeric",
            "other",
        ]
    },
    "result": {"strict": rf"(?:correct|incorrect|unanticipated|neutral|{_REAL})"},
    "response": {"response": "learner_response"},
    "pattern": {"response": "pattern"},
    "navigation": {
        "strict": r"(?:continue|previous|exit|exitAll|abandon|abandonAll|suspendAll|_none_"
        r"|\{target=[^{}]+\}(?:choice|jump))"
    },
}

_TYPES_1_2: Table = {
    "text": {},
    "text255": _text(255, hard=True),
    "text4096": _text(4096, hard=True),
    "identifier": {"strict": r"[\x21-\x7e]+", "lenient": _NOT_BLANK, "spm": 255, "hard": True},
    "decimal": {"strict": _REAL},
    "score": {"strict": rf"(?:{_REAL})?", "min": 0, "max": 100, "soft_range": True},
    "status": {
        "values": ["passed", "completed", "failed", "incomplete", "browsed"],
        "lenient_values": ["not attempted"],
    },
    "objective_status": {"values": ["passed", "completed", "failed", "incomplete", "browsed", "not attempted"]},
    "exit": {"values": ["time-out", "suspend", "logout", ""], "lenient_values": ["normal"]},
    "time": {
        "strict": rf"{_HOUR}:{_SIXTY}:{_SIXTY}(?:\.[0-9]{{1,2}})?",
        "lenient": r"[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?",
    },
    "duration": {
        "strict": r"[0-9]{2,4}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,2})?",
        "lenient": r"[0-9]+:[0-9]{1,2}:[0-9]{1,2}(?:\.[0-9]+)?",
    },
    "audio": {"strict": "[+-]?[0-9]+", "min": -1, "max": 100},
    "speed": {"strict": "[+-]?[0-9]+", "min": -100, "max": 100},
    "caption": {"strict": "[+-]?[0-9]+", "min": -1, "max": 1},
    "interaction": {
        "values": ["true-false", "choice", "fill-in", "matching", "performance", "sequencing", "likert", "numeric"],
        "lenient_values": ["long-fill-in", "other"],
    },
    "result": {
        "strict": rf"(?:correct|wrong|unanticipated|neutral|{_REAL})",
        "lenient": rf"(?:correct|wrong|incorrect|unanticipated|neutral|{_REAL})",
    },
}

# How a response is written (RTE, cmi.interactions.n.learner_response and …correct_responses.n.pattern). `prefixes` may
# open a pattern in any order; `separator` parts it; `pair` parts a part: "both" sides needed, or "either".
_LIST, _PAIR, _RANGE = "[,]", "[.]", "[:]"
_RESPONSES: Table = {
    "true-false": {"most": 1, "both": {"values": ["true", "false"]}},
    "choice": {
        "most": None,
        "distinct": True,
        "both": {"separator": _LIST, "part": "short_identifier", "unique": True, "empty": True},
    },
    "fill-in": {
        "most": None,
        "learner_response": {"separator": _LIST, "localized": True},
        "pattern": {"separator": _LIST, "localized": True, "prefixes": ["case_matters", "order_matters"]},
    },
    "long-fill-in": {
        "most": None,
        "learner_response": {"localized": True},
        "pattern": {"localized": True, "prefixes": ["case_matters"]},
    },
    "likert": {"most": 1, "both": {"part": "short_identifier"}},
    "matching": {"most": None, "both": {"separator": _LIST, "part": "short_identifier", "pair": _PAIR, "sides": 2}},
    "performance": {
        "most": None,
        "learner_response": {"separator": _LIST, "part": "short_identifier", "pair": _PAIR, "sides": 1},
        "pattern": {
            "separator": _LIST,
            "part": "short_identifier",
            "pair": _PAIR,
            "sides": 1,
            "prefixes": ["order_matters"],
        },
    },
    "sequencing": {"most": None, "distinct": True, "both": {"separator": _LIST, "part": "short_identifier"}},
    "numeric": {"most": 1, "learner_response": {"part": "real"}, "pattern": {"range": _RANGE, "part": "real"}},
    "other": {"most": 1, "both": {}},
}

# --- elements ---------------------------------------------------------------------------------------------------------


def _e(kind: str, access: str = "rw", default: str | None = None, **more: Any) -> Table:
    return {"type": kind, "access": access, "default": default, **more}


def _score_2004(prefix: str, **more: Any) -> Table:
    reals = {f"{prefix}.score.{name}": _e("real", **more) for name in ("raw", "min", "max")}
    return {f"{prefix}.score.scaled": _e("scaled", **more), **reals}


def _table_2004(edition: Edition) -> Table:
    """SCORM 2004 RTE chapter 4, and SN chapter 5 (adl.nav); what came with an edition is left out before it."""
    with_measure, fourth = edition != "2nd", edition == "4th"
    by_id: Table = {"requires": ["id"]}
    objective = "cmi.objectives.n"
    interaction = "cmi.interactions.n"
    elements: Table = {
        "cmi._version": _e("text", "r", "1.0"),
        "cmi.comments_from_learner.n.comment": _e("localized4000"),
        "cmi.comments_from_learner.n.location": _e("text250"),
        "cmi.comments_from_learner.n.timestamp": _e("time"),
        "cmi.comments_from_lms.n.comment": _e("localized4000", "r"),
        "cmi.comments_from_lms.n.location": _e("text250", "r"),
        "cmi.comments_from_lms.n.timestamp": _e("time", "r"),
        "cmi.completion_status": _e("completion", default="unknown"),
        "cmi.completion_threshold": _e("measure", "r"),
        "cmi.credit": _e("text", "r", "credit"),
        "cmi.entry": _e("text", "r", ""),
        "cmi.exit": _e("exit", "w"),
        f"{interaction}.id": _e("identifier"),
        f"{interaction}.type": _e("interaction", **by_id),
        f"{interaction}.objectives.n.id": _e("identifier", requires=["^id"], unique=True),
        f"{interaction}.timestamp": _e("time", **by_id),
        f"{interaction}.correct_responses.n.pattern": _e("pattern", requires=["^id", "^type"]),
        f"{interaction}.weighting": _e("real", **by_id),
        f"{interaction}.learner_response": _e("response", requires=["id", "type"]),
        f"{interaction}.result": _e("result", **by_id),
        f"{interaction}.latency": _e("duration", **by_id),
        f"{interaction}.description": _e("localized250", **by_id),
        "cmi.launch_data": _e("text4000", "r"),
        "cmi.learner_id": _e("identifier", "r"),
        "cmi.learner_name": _e("localized250", "r"),
        "cmi.learner_preference.audio_level": _e("positive", default="1"),
        "cmi.learner_preference.language": _e("language", default=""),
        "cmi.learner_preference.delivery_speed": _e("positive", default="1"),
        "cmi.learner_preference.audio_captioning": _e("captioning", default="0"),
        "cmi.location": _e("text1000"),
        "cmi.max_time_allowed": _e("duration", "r"),
        "cmi.mode": _e("text", "r", "normal"),
        f"{objective}.id": _e("identifier", unique=True, once=True),
        **_score_2004(objective, **by_id),
        f"{objective}.success_status": _e("success", default="unknown", **by_id),
        f"{objective}.completion_status": _e("completion", default="unknown", **by_id),
        **({f"{objective}.progress_measure": _e("measure", **by_id)} if with_measure else {}),
        f"{objective}.description": _e("localized250", **by_id),
        "cmi.progress_measure": _e("measure"),
        "cmi.scaled_passing_score": _e("scaled", "r"),
        **_score_2004("cmi"),
        "cmi.session_time": _e("duration", "w"),
        "cmi.success_status": _e("success", default="unknown"),
        "cmi.suspend_data": _e("text4000" if edition == "2nd" else "text64000"),
        "cmi.time_limit_action": _e("text", "r", "continue,no message"),
        "cmi.total_time": _e("duration", "r", "PT0H0M0S"),
        "adl.nav.request": _e("navigation", default="_none_"),
        "adl.nav.request_valid.continue": _e("text", "r", "unknown"),
        "adl.nav.request_valid.previous": _e("text", "r", "unknown"),
        "adl.nav.request_valid.choice.{target}": _e("text", "r", "unknown"),
    }
    collections: Table = {
        "cmi.comments_from_learner": {},
        "cmi.comments_from_lms": {"read_only": True},
        "cmi.interactions": {"id": "id"},
        f"{interaction}.objectives": {"id": "id"},
        f"{interaction}.correct_responses": {"per_type": True},
        "cmi.objectives": {"id": "id"},
    }
    if fourth:
        elements |= {
            "adl.nav.request_valid.jump.{target}": _e("text", "r", "unknown"),
            "adl.data.n.id": _e("identifier", "r"),
            "adl.data.n.store": _e("text64000", requires=["id"], blank=True),
        }
        collections["adl.data"] = {"id": "id", "read_only": True}
    children = {
        "cmi.comments_from_learner": "comment,location,timestamp",
        "cmi.comments_from_lms": "comment,location,timestamp",
        "cmi.interactions": "id,type,objectives,timestamp,correct_responses,weighting,learner_response,result,"
        "latency,description",
        "cmi.learner_preference": "audio_level,language,delivery_speed,audio_captioning",
        "cmi.objectives": "id,score,success_status,completion_status"
        + (",progress_measure" if with_measure else "")
        + ",description",
        f"{objective}.score": "scaled,raw,min,max",
        "cmi.score": "scaled,raw,min,max",
        **({"adl.data": "id,store"} if fourth else {}),
    }
    return {
        "standard": "2004",
        "edition": edition,
        "roots": ["cmi", "adl"],
        "elements": elements,
        "collections": collections,
        "children": children,
        "types": _TYPES_2004,
        "responses": _RESPONSES,
        "languages": " ".join((TWO_LETTERS + THREE_LETTERS).split()),
        "errors": _ERRORS_2004,
        "messages": _MESSAGES_2004,
    }


def _score_1_2(prefix: str) -> Table:
    return {f"{prefix}.score.{name}": _e("score", default="") for name in ("raw", "min", "max")}


def _table_1_2() -> Table:
    """SCORM 1.2 RTE chapter 3.4, the optional elements included."""
    interaction = "cmi.interactions.n"
    elements: Table = {
        "cmi._version": _e("text", "r", "3.4"),
        "cmi.core.student_id": _e("identifier", "r", ""),
        "cmi.core.student_name": _e("text255", "r", ""),
        "cmi.core.lesson_location": _e("text255", default=""),
        "cmi.core.credit": _e("text", "r", "credit"),
        "cmi.core.lesson_status": _e("status", default="not attempted"),
        "cmi.core.entry": _e("text", "r", ""),
        **_score_1_2("cmi.core"),
        "cmi.core.total_time": _e("duration", "r", "0000:00:00.00"),
        "cmi.core.lesson_mode": _e("text", "r", "normal"),
        "cmi.core.exit": _e("exit", "w"),
        "cmi.core.session_time": _e("duration", "w"),
        "cmi.suspend_data": _e("text4096", default=""),
        "cmi.launch_data": _e("text4096", "r", ""),
        "cmi.comments": _e("text4096", default="", gathers=True),
        "cmi.comments_from_lms": _e("text4096", "r", ""),
        "cmi.objectives.n.id": _e("identifier", default=""),
        **_score_1_2("cmi.objectives.n"),
        "cmi.objectives.n.status": _e("objective_status", default="not attempted"),
        "cmi.student_data.mastery_score": _e("decimal", "r", ""),
        "cmi.student_data.max_time_allowed": _e("duration", "r", ""),
        "cmi.student_data.time_limit_action": _e("text", "r", ""),
        "cmi.student_preference.audio": _e("audio", default="0"),
        "cmi.student_preference.language": _e("text255", default=""),
        "cmi.student_preference.speed": _e("speed", default="0"),
        "cmi.student_preference.text": _e("caption", default="0"),
        f"{interaction}.id": _e("identifier", "w"),
        f"{interaction}.objectives.n.id": _e("identifier", "w"),
        f"{interaction}.time": _e("time", "w"),
        f"{interaction}.type": _e("interaction", "w"),
        f"{interaction}.correct_responses.n.pattern": _e("text255", "w"),
        f"{interaction}.weighting": _e("decimal", "w"),
        f"{interaction}.student_response": _e("text255", "w"),
        f"{interaction}.result": _e("result", "w"),
        f"{interaction}.latency": _e("duration", "w"),
    }
    return {
        "standard": "1.2",
        "edition": "",
        "roots": ["cmi"],
        "elements": elements,
        "collections": {
            "cmi.objectives": {},
            "cmi.interactions": {},
            f"{interaction}.objectives": {},
            f"{interaction}.correct_responses": {},
        },
        "children": {
            "cmi.core": "student_id,student_name,lesson_location,credit,lesson_status,entry,score,total_time,"
            "lesson_mode,exit,session_time",
            "cmi.core.score": "raw,min,max",
            "cmi.objectives": "id,score,status",
            "cmi.objectives.n.score": "raw,min,max",
            "cmi.student_data": "mastery_score,max_time_allowed,time_limit_action",
            "cmi.student_preference": "audio,language,speed,text",
            "cmi.interactions": "id,objectives,time,type,correct_responses,weighting,student_response,result,latency",
        },
        "types": _TYPES_1_2,
        "responses": {},
        "languages": "",
        "errors": _ERRORS_1_2,
        "messages": _MESSAGES_1_2,
    }


# --- errors -----------------------------------------------------------------------------------------------------------

_ERRORS_2004 = {
    "none": 0,
    "general": 101,
    "initialize_twice": 103,
    "initialize_ended": 104,
    "terminate_before": 112,
    "terminate_after": 113,
    "get_before": 122,
    "get_after": 123,
    "set_before": 132,
    "set_after": 133,
    "commit_before": 142,
    "commit_after": 143,
    "argument": 201,
    "get": 301,
    "set": 351,
    "commit": 391,
    "undefined": 401,
    "no_value": 403,
    "read_only": 404,
    "write_only": 405,
    "type": 406,
    "range": 407,
    "dependency": 408,
    "no_children": 301,
    "no_count": 301,
    "keyword": 404,
    "no_record": 301,
    "out_of_order": 351,
}
_MESSAGES_2004 = {
    "0": "No Error",
    "101": "General Exception",
    "102": "General Initialization Failure",
    "103": "Already Initialized",
    "104": "Content Instance Terminated",
    "111": "General Termination Failure",
    "112": "Termination Before Initialization",
    "113": "Termination After Termination",
    "122": "Retrieve Data Before Initialization",
    "123": "Retrieve Data After Termination",
    "132": "Store Data Before Initialization",
    "133": "Store Data After Termination",
    "142": "Commit Before Initialization",
    "143": "Commit After Termination",
    "201": "General Argument Error",
    "301": "General Get Failure",
    "351": "General Set Failure",
    "391": "General Commit Failure",
    "401": "Undefined Data Model Element",
    "402": "Unimplemented Data Model Element",
    "403": "Data Model Element Value Not Initialized",
    "404": "Data Model Element Is Read Only",
    "405": "Data Model Element Is Write Only",
    "406": "Data Model Element Type Mismatch",
    "407": "Data Model Element Value Out Of Range",
    "408": "Data Model Dependency Not Established",
}
_ERRORS_1_2 = {
    "none": 0,
    "general": 101,
    "initialize_twice": 101,
    "initialize_ended": 101,
    "terminate_before": 301,
    "terminate_after": 301,
    "get_before": 301,
    "get_after": 301,
    "set_before": 301,
    "set_after": 301,
    "commit_before": 301,
    "commit_after": 301,
    "argument": 201,
    "get": 201,
    "set": 201,
    "commit": 101,
    "undefined": 201,
    "no_value": 0,
    "read_only": 403,
    "write_only": 404,
    "type": 405,
    "range": 405,
    "dependency": 201,
    "no_children": 202,
    "no_count": 203,
    "keyword": 402,
    "no_record": 201,
    "out_of_order": 201,
}
_MESSAGES_1_2 = {
    "0": "No error",
    "101": "General Exception",
    "201": "Invalid argument error",
    "202": "Element cannot have children",
    "203": "Element not an array. Cannot have count",
    "301": "Not initialized",
    "401": "Not implemented error",
    "402": "Invalid set value, element is a keyword",
    "403": "Element is read only",
    "404": "Element is write only",
    "405": "Incorrect Data Type",
}


@cache
def table(standard: Standard, edition: Edition = "4th") -> Table:
    """Answer the data model of a standard and, for 2004, an edition; shared, so not to be changed."""
    return _table_1_2() if standard == "1.2" else _table_2004(edition or "4th")


# --- reading ----------------------------------------------------------------------------------------------------------

_TARGETED = re.compile(r"(adl\.nav\.request_valid\.(?:choice|jump))\.\{target=([^{}]+)\}")
_INDEX = re.compile("[0-9]+")
_PLACEHOLDERS = ("n", "{target}")
_LOCALIZED = re.compile(r"\{lang=([^{}]*)\}")
_PREFIX = re.compile(r"\{(case_matters|order_matters)=([^{}]*)\}")
_WELL_FORMED = re.compile(_TAG)
_LOCAL_USE = re.compile("q[a-t][a-z]")


class Refused(Exception):
    """The value or the element name breaks the data model; `reason` is a key of the table's `errors`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Located:
    """An element name taken apart: its pattern, its definition, and the records on the way to it."""

    pattern: str
    element: Table
    records: tuple[tuple[str, str, int], ...]  # (collection's name, its pattern, index), outermost first


@dataclass(frozen=True)
class Reader:
    """Looks names up and judges values by a table. Knows no values: those are in `runtime.Runtime`."""

    table: Table
    strict: bool = False
    _languages: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_languages", frozenset(self.table["languages"].split()))

    def locate(self, name: str) -> Located:
        """Find an element; refuses names that the model does not define."""
        pattern, records = self.pattern(name)
        element = self.table["elements"].get(pattern)
        if element is None:
            raise Refused("undefined")
        return Located(pattern, element, records)

    def pattern(self, name: str) -> tuple[str, tuple[tuple[str, str, int], ...]]:
        """Replace indexes by `n` and a navigation target by `{target}`; answer the records passed, too.

        Refuses names that hold these signs themselves: content that writes them has forgotten to fill something in.
        """
        if targeted := _TARGETED.fullmatch(name):
            return f"{targeted[1]}.{{target}}", ()
        parts, pattern, records = name.split("."), "", []
        for position, part in enumerate(parts):
            if part in _PLACEHOLDERS:
                raise Refused("undefined")
            if _INDEX.fullmatch(part) and pattern in self.table["collections"]:
                if len(part) > 1 and part.startswith("0"):
                    raise Refused("leading_zero")
                # An index beyond any real collection is only ever compared, so its size does no harm.
                records.append((".".join(parts[:position]), pattern, int(part[:9])))
                part = "n"
            pattern = f"{pattern}.{part}" if pattern else part
        return pattern, tuple(records)

    def keyword(self, name: str) -> tuple[str, str] | None:
        """Split `base._children`, `base._count` or `base._version` into (base, keyword); None for other names."""
        base, _, last = name.rpartition(".")
        return (base, last) if last in ("_children", "_count", "_version") else None

    def knows(self, pattern: str) -> bool:
        """Whether a pattern is an element, or the way to one."""
        return any(known == pattern or known.startswith(f"{pattern}.") for known in self.table["elements"])

    # --- values ---

    def check(self, kind: str, value: str, interaction: str | None = None) -> None:
        """Refuse a value that is not of this type ("type") or out of its range ("range").

        `interaction` is the type of the interaction a response belongs to.
        """
        rule = self.table["types"][kind]
        if "response" in rule:
            self._check_response(self.table["responses"][interaction or "other"], rule["response"], value)
            return
        if not self._in_vocabulary(rule, value) or not self._matches(rule, value):
            raise Refused("type")
        if rule.get("localized"):
            self._check_localized(value)
        if rule.get("language") and not self._is_language(value, empty=True):
            raise Refused("type")
        if self.strict and rule.get("hard") and len(value) > rule["spm"]:
            raise Refused("type")
        self._check_range(rule, value)

    def exceeds(self, kind: str, value: str) -> bool:
        """Whether a value is longer than the smallest permitted maximum: kept all the same, and noted."""
        return "spm" in self.table["types"][kind] and len(value) > self.table["types"][kind]["spm"]

    def _in_vocabulary(self, rule: Mapping[str, Any], value: str) -> bool:
        if "values" not in rule:
            return True
        return value in rule["values"] or (not self.strict and value in rule.get("lenient_values", ()))

    def _matches(self, rule: Mapping[str, Any], value: str) -> bool:
        expression = rule.get("strict") if self.strict else rule.get("lenient", rule.get("strict"))
        return expression is None or re.fullmatch(expression, value) is not None

    def _check_range(self, rule: Mapping[str, Any], value: str) -> None:
        if ("min" not in rule and "max" not in rule) or value == "":
            return
        if rule.get("soft_range") and not self.strict:
            return
        number = float(value)
        if number < rule.get("min", number) or number > rule.get("max", number):
            raise Refused("range")

    def _is_language(self, tag: str, *, empty: bool = False) -> bool:
        if tag == "":
            return empty
        if not _WELL_FORMED.fullmatch(tag):
            return False
        first = tag.split("-")[0].lower()
        return (
            not self.strict
            or first in ("i", "x")
            or first in self._languages
            or _LOCAL_USE.fullmatch(first) is not None
        )

    def _check_localized(self, value: str) -> None:
        named = _LOCALIZED.match(value)
        if named and not self._is_language(named[1]):
            raise Refused("type")

    def _check_response(self, forms: Mapping[str, Any], place: str, value: str) -> None:
        form = forms["both"] if "both" in forms else forms[place]
        if "values" in form:
            if value not in form["values"]:
                raise Refused("type")
            return
        rest = self._without_prefixes(form, value)
        if "range" in form:
            self._check_numeric_range(form, rest)
            return
        if rest == "" and form.get("empty"):
            return
        parts = rest.split(form["separator"]) if "separator" in form else [rest]
        for part in parts:
            self._check_part(form, part)
        if form.get("unique") and len(set(parts)) < len(parts):
            raise Refused("type")

    def _without_prefixes(self, form: Mapping[str, Any], value: str) -> str:
        """Take `{case_matters=…}` and `{order_matters=…}` off the front, each "true" or "false", in any order."""
        while (prefix := _PREFIX.match(value)) and prefix[1] in form.get("prefixes", ()):
            if prefix[2] not in ("true", "false"):
                raise Refused("type")
            value = value[prefix.end() :]
        return value

    def _check_part(self, form: Mapping[str, Any], part: str) -> None:
        if form.get("localized"):
            self._check_localized(part)
        if "part" not in form:
            return
        sides = part.split(form["pair"]) if "pair" in form else [part]
        if "pair" in form and (len(sides) != 2 or sum(side != "" for side in sides) < form["sides"]):
            raise Refused("type")
        for side in sides:
            if side != "" or "pair" not in form:
                self.check(form["part"], side)

    def _check_numeric_range(self, form: Mapping[str, Any], value: str) -> None:
        bounds = value.split(form["range"])
        if len(bounds) > 2:
            raise Refused("type")
        for bound in bounds:
            if bound != "" or len(bounds) == 1:
                self.check(form["part"], bound)
        if len(bounds) == 2 and "" not in bounds and float(bounds[0]) > float(bounds[1]):
            raise Refused("type")


@cache
def reader(standard: Standard, edition: Edition = "4th", *, strict: bool = False) -> Reader:
    """Answer the reader of a standard's table; it knows no values, so all may share it."""
    return Reader(table(standard, edition), strict=strict)
