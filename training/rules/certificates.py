"""Certificates: until when they hold, what they are called, how they stand today (R-CERT)."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

EXPIRES_SOON = timedelta(days=30)
_FIELD = re.compile(r"\{(org|program|yyyy|yy|seq)(?::0?(\d{1,2}))?\}")
_CODE = re.compile(r"[A-Z2-7]{26}")


class CertificateStanding(StrEnum):
    """How a certificate stands on a day; derived, never stored."""

    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Validity:
    """Until when a certificate holds: `expires_on` is the last valid day, None means for ever."""

    expires_on: date | None
    is_revoked: bool = False

    def standing(self, today: date) -> CertificateStanding:
        """Return how it stands on a day; the last day is still a valid one."""
        if self.is_revoked:
            return CertificateStanding.REVOKED
        if self.expires_on is None:
            return CertificateStanding.VALID
        if today > self.expires_on:
            return CertificateStanding.EXPIRED
        return CertificateStanding.EXPIRING if self.expires_on - today <= EXPIRES_SOON else CertificateStanding.VALID


def last_valid_day(completed_on: date, months: int) -> date:
    """R-CERT-3: the day before the same day `months` later; where that month has no such day, its last day."""
    index = completed_on.year * 12 + completed_on.month - 1 + months
    year, month = divmod(index, 12)
    longest = calendar.monthrange(year, month + 1)[1]
    if completed_on.day > longest:
        return date(year, month + 1, longest)
    return date(year, month + 1, completed_on.day) - timedelta(days=1)


@dataclass(frozen=True)
class Numbering:
    """How certificates are numbered. The pattern's fields are {org}, {program}, {yy}, {yyyy} and {seq:04}."""

    pattern: str
    organization: str
    program: str
    issued_on: date

    @property
    def series(self) -> str:
        """What all numbers that are counted together have in common: the pattern filled in, without the sequence."""
        return self._filled("")

    def number(self, sequence: int) -> str:
        """Return a number. The sequence is padded, never cut off; a pattern without it gets one at its end."""
        return self._filled(str(sequence))

    def _filled(self, sequence: str) -> str:
        values = {
            "org": self.organization,
            "program": self.program,
            "yyyy": f"{self.issued_on.year:04}",
            "yy": f"{self.issued_on.year % 100:02}",
        }

        def fill(found: re.Match[str]) -> str:
            if found[1] != "seq":
                return values[found[1]]
            return sequence.zfill(int(found[2] or 1)) if sequence else ""

        return _FIELD.sub(fill, self.pattern if "{seq" in self.pattern else self.pattern + "-{seq:04}")


def code(text: str) -> str | None:
    """Return a verification code as it is stored, however it was typed; None when it cannot be one."""
    plain = re.sub(r"[\s-]", "", text).upper()
    return plain if _CODE.fullmatch(plain) else None
