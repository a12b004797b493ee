"""Colors and logo of an organization, with contrast checked by WCAG 2.2 (1.4.3: text 4.5:1), and their style sheet.

An organization names its brand color and an accent; everything else is derived: the stronger shade for pointing at
things, the tint behind them, and the shades for dark pages. What cannot be read is refused, with the nearest shade
that can.
"""

import colorsys
import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from accounts.store import theme as store
from accounts.tables import OrganizationTheme
from core import audit, clock, files
from core.db import Session, organization_of
from core.errors import Invalid, NotFound, Problem
from core.files import Files, StoredFile
from core.words import said

TEXT = 4.5
"""Contrast that text needs (WCAG 2.2, 1.4.3)."""

BRAND, ACCENT = "#0e5a6e", "#a8481f"
"""Of Stoa itself, and of an organization that names none."""

LARGEST_LOGO = 256 * 1024
_LIGHT = (  # static/site/tokens.css
    (said("pages"), "#faf8f4"), (said("cards"), "#ffffff"), (said("sunken parts"), "#f2eee6")
)  # fmt: skip
_DARK = (
    (said("dark pages"), "#11171d"), (said("dark cards"), "#182029"), (said("dark sunken parts"), "#0d1217")
)  # fmt: skip
_PICTURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"))


@dataclass(frozen=True)
class Theme:
    """How an organization looks; no colors stand for Stoa's own. `mark` changes with every change of it."""

    organization_id: UUID
    brand: str
    accent: str
    logo: str  # SHA-256 of the picture, or nothing
    mark: str


@dataclass(frozen=True)
class Pair:
    """Two colors that meet on a page, in words, and their contrast."""

    says: str
    color: str
    ground: str

    @property
    def contrast(self) -> float:
        """The contrast ratio, 1 to 21."""
        return contrast(self.color, self.ground)


@dataclass(frozen=True)
class Shades:
    """All that follows from one color, for light and for dark pages."""

    light: str
    dark: str
    light_strong: str
    dark_strong: str
    light_tint: str
    dark_tint: str


def luminance(color: str) -> float:
    """Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2)."""
    parts = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in _channels(color)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colors, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def shades(color: str) -> Shades:
    """Return what follows from a color that can be read on light pages."""
    dark = nearest(color, lighter=True)
    return Shades(
        color, dark, _mixed(color, "#000000", 0.78), _mixed(dark, "#ffffff", 0.8), _light_tint(color), _dark_tint(dark)
    )


def pairs(brand: str, accent: str) -> list[Pair]:
    """Return every pair of colors that text meets in, the worst first."""
    return sorted([*pairs_of("brand", brand), *pairs_of("accent", accent)], key=lambda pair: pair.contrast)


def pairs_of(name: str, color: str) -> list[Pair]:
    """Return the pairs that one color is in, on light and on dark pages."""
    made = shades(color)
    who = said("Brand") if name == "brand" else said("Accent")
    light, dark = {"who": who, "color": made.light}, {"who": who, "color": made.dark}
    found = [
        *(
            Pair(
                said("%(who)s %(color)s on %(where)s %(ground)s", **light, where=where, ground=ground),
                made.light,
                ground,
            )
            for where, ground in _LIGHT
        ),
        Pair(
            said("%(who)s %(color)s on its tint %(ground)s", **light, ground=made.light_tint),
            made.light,
            made.light_tint,
        ),
        *(
            Pair(
                said("%(who)s %(color)s on %(where)s %(ground)s", **dark, where=where, ground=ground), made.dark, ground
            )
            for where, ground in _DARK
        ),
        Pair(
            said("%(who)s %(color)s on its dark tint %(ground)s", **dark, ground=made.dark_tint),
            made.dark,
            made.dark_tint,
        ),
    ]
    if name == "brand":
        found.append(Pair(said("White on buttons %(ground)s", ground=made.light), "#ffffff", made.light))
        ink = said("Ink #11171d on the buttons of dark pages %(ground)s", ground=made.dark)
        found.append(Pair(ink, "#11171d", made.dark))
    return found


def nearest(color: str, *, lighter: bool = False) -> str:
    """Return the shade nearest to a color, of its hue, that can be read on light pages, or on dark ones."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(color))
    for step in range(201):
        shifted = lightness + (1 - lightness) * step / 200 if lighter else lightness * (1 - step / 200)
        shade = _named(colorsys.hls_to_rgb(hue, shifted, saturation))
        tint = _dark_tint(shade) if lighter else _light_tint(shade)
        if all(contrast(shade, ground) >= TEXT for ground in (tint, *(g for _w, g in (_DARK if lighter else _LIGHT)))):
            break
    return shade


def check(brand: str, accent: str) -> None:
    """Raises Invalid, for each color that cannot be read with the pair it fails in and the nearest shade that can."""
    problems = []
    for field, color in (("brand", brand), ("accent", accent)):
        if not re.fullmatch(r"#[0-9a-f]{6}", color):
            problems.append(Problem(field, "This is no color.", "Write it like #0e5a6e."))
            continue
        worst = min(pairs_of(field, color), key=lambda pair: pair.contrast)
        if worst.contrast < TEXT:
            what = said(
                "%(pair)s has a contrast of %(contrast)s:1; text needs 4.5:1.",
                pair=worst.says,
                contrast=f"{worst.contrast:.2f}",
            )
            problems.append(
                Problem(field, what, said("The nearest shade that can be read is %(nearest)s.", nearest=nearest(color)))
            )
    if problems:
        raise Invalid(problems=problems)


def get(session: Session) -> Theme:
    """Return how this organization looks."""
    return described(organization_of(session), store.find(session))


def described(organization_id: UUID, row: OrganizationTheme | None) -> Theme:
    """Return what a row says, or that there is none."""
    if row is None:
        return Theme(organization_id, BRAND, ACCENT, "", "")
    text = f"1:{row.brand}:{row.accent}:{row.logo_sha256 or ''}"
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    return Theme(organization_id, row.brand, row.accent, row.logo_sha256 or "", mark)


def save(session: Session, *, brand: str, accent: str) -> None:
    """Keep an organization's colors; empty ones are Stoa's. Raises Invalid."""
    brand, accent = brand.lower() or BRAND, accent.lower() or ACCENT
    check(brand, accent)
    row = _row(session)
    old = {"brand": row.brand, "accent": row.accent}
    row.brand, row.accent = brand, accent
    row.updated_at = clock.now()
    new = {"brand": brand, "accent": accent}
    audit.record(session, "theme.changed", "organization", organization_of(session), old=old, new=new)


def save_logo(session: Session, stored: StoredFile, media_type: str, name: str) -> None:
    """Show this picture in place of Stoa's mark."""
    row = _row(session)
    row.logo_file_id = files.keep(session, stored, media_type=media_type, name=name).id
    row.logo_sha256, row.updated_at = stored.sha256, clock.now()
    audit.record(session, "theme.logo_changed", "organization", organization_of(session), new={"sha256": stored.sha256})


def remove_logo(session: Session) -> None:
    """Show Stoa's mark again."""
    row = _row(session)
    row.logo_file_id, row.logo_sha256, row.updated_at = None, None, clock.now()
    audit.record(session, "theme.logo_removed", "organization", organization_of(session))


def kept_logo(storage: Files, data: bytes) -> tuple[StoredFile, str]:
    """Put a picture into storage and answer what it is by its first bytes. Raises Invalid.

    Only pictures that run nothing are taken: an SVG may hold a script.
    """
    media_type = next((found for start, found in _PICTURES if data.startswith(start)), None)
    if media_type is None and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        media_type = "image/webp"
    if media_type is None:
        raise Invalid(problems=[Problem("logo", "This is no PNG, JPEG or WebP picture.", "Export the logo as PNG.")])
    if len(data) > LARGEST_LOGO:
        raise Invalid(problems=[Problem("logo", "The picture is larger than 256 kB.", "Make it 400 pixels wide.")])
    return storage.put(data), media_type


def logo(session: Session) -> tuple[str, str]:
    """Return SHA-256 and media type of the logo. Raises NotFound."""
    row = store.find(session)
    if row is None or row.logo_file_id is None:
        raise NotFound
    kept = files.get(session, row.logo_file_id)
    return kept.sha256, kept.media_type


def style_sheet(theme: Theme) -> str:
    """Return the style sheet that puts an organization's colors in the place of Stoa's."""
    brand, accent = shades(theme.brand), shades(theme.accent)
    values = {
        "brand": (brand.light, brand.dark),
        "brand-strong": (brand.light_strong, brand.dark_strong),
        "on-brand": ("#ffffff", "#11171d"),
        "brand-tint": (brand.light_tint, brand.dark_tint),
        "accent": (accent.light, accent.dark),
    }
    lines = [f"  --{name}: light-dark({light}, {dark});" for name, (light, dark) in values.items()]
    return "\n".join([":root {", *lines, "}", ""])


def _row(session: Session) -> OrganizationTheme:
    row = store.find(session, lock=True)
    if row is None:
        row = OrganizationTheme(brand=BRAND, accent=ACCENT, updated_at=clock.now())
        session.add(row)
        session.flush()
    return row


def _channels(color: str) -> tuple[float, float, float]:
    red, green, blue = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def _named(channels: tuple[float, float, float]) -> str:
    return "#" + "".join(f"{round(max(0.0, min(1.0, value)) * 255):02x}" for value in channels)


def _mixed(color: str, other: str, share: float) -> str:
    """Return so much of a color, the rest of another."""
    mixed = [a * share + b * (1 - share) for a, b in zip(_channels(color), _channels(other), strict=True)]
    return _named((mixed[0], mixed[1], mixed[2]))


def _light_tint(color: str) -> str:
    return _mixed(color, "#ffffff", 0.12)


def _dark_tint(color: str) -> str:
    return _mixed(color, "#11171d", 0.16)
