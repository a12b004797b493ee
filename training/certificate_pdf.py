"""The certificate as PDF: one A4 page in landscape, tagged for screen readers, with a QR code that leads to its proof.

The design is data: colors and words. Nobody outside this module writes typst.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import font_source_sans_pro
import font_source_serif_pro
import segno
import typst
from babel.dates import format_date

TEMPLATE = Path(__file__).with_name("certificate.typ")
FONTS = [Path(package.__file__).parent / "files" for package in (font_source_sans_pro, font_source_serif_pro)]


@dataclass(frozen=True)
class Design:
    """The colors of a certificate."""

    brand: str = "#0e5a6e"
    accent: str = "#a8481f"
    ink: str = "#1c2530"
    muted: str = "#5c5a52"
    line: str = "#ddd6c8"
    paper: str = "#fffefb"


STONE = Design()


def render(printed: Mapping[str, Any], design: Design = STONE) -> bytes:
    """Return the PDF of what `Certificate.certificate_data` holds; the same data gives the same bytes."""
    issued_on = date.fromisoformat(printed["issued_on"])
    files = {
        "main.typ": TEMPLATE.read_bytes(),
        "data.json": json.dumps({**_texts(printed), "design": asdict(design)}).encode(),
        "qr.svg": qr_code(printed["url"], design),
    }
    moment = datetime(issued_on.year, issued_on.month, issued_on.day, tzinfo=UTC)
    try:
        return _compile(files, moment, ["ua-1"])
    except typst.TypstError:
        # PDF/UA refuses a name in a script that no font at hand can show; the certificate is owed all the same.
        return _compile(files, moment, None)


def _compile(files: dict[str, bytes], moment: datetime, standards: list[str] | None) -> bytes:
    compiled = typst.compile(  # type: ignore[call-overload]  # the stub does not know a document of several files
        files,
        format="pdf",
        font_paths=[str(folder) for folder in FONTS],
        pdf_standards=standards,
        timestamp=moment,
    )
    return bytes(compiled)


def qr_code(url: str, design: Design = STONE) -> bytes:
    """Return the QR code of an address as SVG, readable with a quarter of it damaged."""
    picture = io.BytesIO()
    code = segno.make(url, error="q", micro=False)
    code.save(picture, kind="svg", border=0, dark=design.ink, light=None, xmldecl=False)
    return picture.getvalue()


def _texts(printed: Mapping[str, Any]) -> dict[str, Any]:
    facts = [("Completed on", _day(printed["completed_on"])), ("Issued on", _day(printed["issued_on"]))]
    facts.append(("Valid until", _day(printed["expires_on"]) if printed["expires_on"] else "no expiry"))
    facts.append(("Certificate number", printed["number"]))
    score = printed.get("score")
    return {
        "organization": printed["organization"],
        "holder": printed["holder"],
        "title": printed["title"],
        "score": None if score is None else f"with a score of {score} %",
        "sentence": f"{printed['holder']} has completed {printed['title']}",
        "facts": facts,
        "url": printed["url"],
        "address": printed["url"].partition("://")[2],
        "language": "en",
        "words": {
            "heading": "Certificate of completion",
            "awarded": "This certifies that",
            "completed": "has successfully completed",
            "check": "Check this certificate at",
            "scan": f"QR code that leads to {printed['url']}",
        },
    }


def _day(text: str) -> str:
    return str(format_date(date.fromisoformat(text), format="long", locale="en"))
