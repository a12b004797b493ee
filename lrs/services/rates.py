"""How many requests a credential may make: one count for all processes of a machine.

Each credential has a moment up to which its requests are paid for (the generic cell rate algorithm, ITU-T I.371). The
moments lie in a small file that the machine's processes map into their memory; a lock on it makes reading and writing
one step. Other machines count for themselves.
"""

import fcntl
import math
import mmap
import os
import struct
import time
from pathlib import Path
from threading import Lock
from uuid import UUID

from core.errors import TooMany
from lrs.services.credentials import Caller

AT_ONCE = 10.0
"""Seconds' worth of requests that may come at the same moment, after a pause."""

_SLOTS = 1 << 14
_SLOT = struct.Struct("<Qd")  # the start of the credential's id, and the moment up to which it has paid
_LOOKED_AT = 8

_lock = Lock()
_default = 0
_path: Path | None = None
_map: mmap.mmap | None = None
_file = -1


class TooFast(TooMany):
    """This credential makes more requests than it may. `retry_after` is in seconds."""

    title = "This credential makes too many requests"

    def __init__(self, rate: int, retry_after: int) -> None:
        super().__init__(f"This credential may make {rate} requests per minute. Try again in {retry_after} s.")
        self.retry_after = retry_after


def use(folder: Path, default: int) -> None:
    """Say where the machine's processes keep the count, and the requests per minute of who has no number: 0 is any."""
    global _default, _path, _map, _file
    with _lock:
        if _map is not None:
            _map.close()
            os.close(_file)
        _default, _path, _map = default, folder / "xapi-rates", None


def rate_of(caller: Caller) -> int:
    """Requests per minute; 0 is any number."""
    return _default if caller.rate is None else caller.rate


def take(caller: Caller) -> None:
    """Count one request. Raises TooFast when it is one too many; that one is not counted."""
    rate = rate_of(caller)
    if not rate or caller.credential_id is None:
        return
    wait = _move(caller.credential_id, 60 / rate, time.monotonic())
    if wait > 0:
        raise TooFast(rate, math.ceil(wait))


def give_back(caller: Caller) -> None:
    """Take a request back that is going to be counted again."""
    rate = rate_of(caller)
    if rate and caller.credential_id is not None:
        _move(caller.credential_id, -60 / rate, time.monotonic())


def _move(credential_id: UUID, cost: float, now: float) -> float:
    """Move the moment by the cost of a request; answer 0, or the seconds to wait when it would be too far ahead."""
    with _lock:
        slots = _slots()
        fcntl.lockf(_file, fcntl.LOCK_EX)
        try:
            place, paid = _find(slots, credential_id, now)
            furthest = now + max(AT_ONCE, cost)
            paid = max(paid, now) if paid <= furthest else now  # a clock that began anew
            # Rounding must not keep the last request of an allowance out.
            if cost > 0 and paid + cost > furthest + 1e-6:
                return paid + cost - furthest
            _SLOT.pack_into(slots, place, _name(credential_id), paid + cost)
            return 0
        finally:
            fcntl.lockf(_file, fcntl.LOCK_UN)


def _find(slots: mmap.mmap, credential_id: UUID, now: float) -> tuple[int, float]:
    """The place of a credential: its own, else one that nobody needs any more, else the first, which it shares."""
    name, free = _name(credential_id), -1
    for step in range(_LOOKED_AT):
        place = (name + step) % _SLOTS * _SLOT.size
        known, paid = _SLOT.unpack_from(slots, place)
        if known == name:
            return place, paid
        if free < 0 and (not known or paid < now):
            free = place
    if free >= 0:
        return free, now
    place = name % _SLOTS * _SLOT.size
    return place, _SLOT.unpack_from(slots, place)[1]


def _name(credential_id: UUID) -> int:
    """Eight bytes of the id: those that chance made, not those that tell the time."""
    return int.from_bytes(credential_id.bytes[8:], "little")


def _slots() -> mmap.mmap:
    global _map, _file
    if _map is None:
        if _path is None:
            raise RuntimeError("nobody said where requests are counted")
        _file = os.open(_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(_file).st_size < _SLOTS * _SLOT.size:
            os.ftruncate(_file, _SLOTS * _SLOT.size)
        _map = mmap.mmap(_file, _SLOTS * _SLOT.size)
    return _map
