"""Text as content hands it over: any 16-bit units, also such as no UTF-8 and no database holds.

The browser writes half a surrogate pair, a zero and the mark itself out, as the mark and four hexadecimal digits
(static/player/carried.js). What is opaque to everybody but the content stays like that and is read back as it was;
what people read gets a replacement character instead.
"""

import re

MARK = "\ufdd0"  # no character, for use inside of programs (Unicode 23.7)
OPAQUE = re.compile(r"cmi\.suspend_data|cmi\.location|cmi\.core\.lesson_location|adl\.data\.\d+\.store")
_WRITTEN = re.compile(MARK + "[0-9a-f]{4}")


def kept(element: str, value: str) -> str:
    """Return a value that arrived for an element, as it is kept."""
    if MARK not in value and "\0" not in value:
        return value
    value = value.replace("\0", MARK + "0000")
    return value if OPAQUE.fullmatch(element) else _WRITTEN.sub("\ufffd", value)
