"""What content does that works only in a window of its own, found by reading its pages and scripts. Pure.

The player's frame is sandboxed, and the page around it is another site's. There browsers refuse to show a PDF, to let
one frame of the content send another one elsewhere, and to look into the topmost window. In a window of its own the
content has no sandbox around it, and its API is in the topmost window.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from scorm_player.content_types import PDF, content_type

TOP_WINDOW = "content.top_window"
FRAMED_PDF = "content.framed_pdf"
FRAMES = "content.frames"
RULES = frozenset({TOP_WINDOW, FRAMED_PDF, FRAMES})
READ = (".js", ".htm", ".html")
LARGEST_READ = 1 << 20

# Each reads every byte a bounded number of times: packages are strangers' files.
_TOP = re.compile(rb"""\btop\s*(?:\.\s*|\[\s*["'])API(?:_1484_11)?\b|\btop\s*\.\s*onmessage\s*=(?!=)""")
_FRAME = re.compile(rb"<(?:iframe|frame|embed|object)\b[^>]{0,1000}", re.IGNORECASE)
_ADDRESS = re.compile(rb"""\b(?:src|data)\s*+=\s*+\\?+["']?+([^"'>?#\s\\]*+)""", re.IGNORECASE)
_NAME = re.compile(rb"""\bname\s*+=\s*+\\?+["']?+([\w-]++)""", re.IGNORECASE)
_LINK = re.compile(rb"<(?:a|area|base|form)\b[^>]{0,1000}", re.IGNORECASE)
_TARGET = re.compile(rb"""\btarget\s*+=\s*+\\?+["']?+([A-Za-z][\w-]*+)""", re.IGNORECASE)
_SENT = re.compile(
    rb"""\bparent\s*\.\s*(?:frames\s*(?:\[\s*["']?|\.\s*))?(\w{1,80})["']?\s*\]?\s*\.\s*(?:document\s*\.\s*)?"""
    rb"""location\s*(?:=(?!=)|\.\s*(?:href\s*=(?!=)|replace\s*\(|assign\s*\())"""
)


@dataclass
class Signs:
    """What the files read so far show. `sent` holds, by file, the names of frames that it sends elsewhere."""

    found: dict[str, str] = field(default_factory=dict)
    framed: set[bytes] = field(default_factory=set)
    sent: dict[str, set[bytes]] = field(default_factory=dict)

    def read(self, name: str, text: bytes) -> None:
        """Take in one page or script."""
        if TOP_WINDOW not in self.found and _TOP.search(text):
            self.found[TOP_WINDOW] = name
        frames = [match[0] for match in _FRAME.finditer(text)]
        if FRAMED_PDF not in self.found and any(_shows_a_pdf(frame) for frame in frames):
            self.found[FRAMED_PDF] = name
        own = {given for frame in frames for given in _NAME.findall(frame)}
        self.framed |= own
        links = (match[0] for match in _LINK.finditer(text))
        targets = {target for link in links for target in _TARGET.findall(link)} | set(_SENT.findall(text))
        if others := targets - own:
            self.sent[name] = others

    def told(self) -> dict[str, str]:
        """Return the rules that hold, each with a file that shows it."""
        beside = next((name for name, sent in self.sent.items() if any(self._is_framed(one) for one in sent)), None)
        return self.found | ({FRAMES: beside} if beside is not None else {})

    def _is_framed(self, frame: bytes) -> bool:
        return frame in self.framed or (frame.isdigit() and bool(self.framed))


def _shows_a_pdf(frame: bytes) -> bool:
    return any(address.lower().endswith(b".pdf") for address in _ADDRESS.findall(frame))


def is_needed(rules: Iterable[str], address: str) -> bool:
    """Tell whether content plays in a window of its own: what was found (rules) says so, or its page is a PDF."""
    return not RULES.isdisjoint(rules) or content_type(urlsplit(address).path) == PDF
