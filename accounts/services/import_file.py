"""Reading a file of people: its encoding and separator, its heading and its rows. Pure; limits are arguments."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import Invalid, Problem

SEPARATORS = (",", ";", "\t", "|")
MOST_COLUMNS = 200
LONGEST_CELL = 10_000


@dataclass(frozen=True)
class Table:
    """A file's heading and rows; rows are numbered as a spreadsheet shows them, so the first one is 2."""

    encoding: str
    separator: str
    columns: list[str]
    rows: list[tuple[int, list[str]]]


def read(data: bytes, *, most_rows: int) -> Table:
    """Return a file's table. Raises Invalid when it is no table, or larger than allowed."""
    text, encoding = _decoded(data)
    separator = _separator(text)
    lines = _lines(text, separator)
    columns = [name.strip()[:200] for name in next(lines, (1, []))[1]]
    if not any(columns):
        raise _refused("The first line holds no headings.", "Name each column in the first line.")
    if len(columns) > MOST_COLUMNS:
        raise _refused(f"There are more than {MOST_COLUMNS} columns.")
    rows = []
    for number, cells in lines:
        if any(cell.strip() for cell in cells):
            rows.append((number, cells))
            if len(rows) > most_rows:
                raise _refused(f"There are more than {most_rows:,} rows.", "Split the file, or raise IMPORT_MAX_ROWS.")
    if not rows:
        raise _refused("There is no row below the headings.")
    return Table(encoding, separator, columns, rows)


def _decoded(data: bytes) -> tuple[str, str]:
    """Return the text and its encoding: what the first bytes say, else UTF-8, else Windows-1252."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    elif b"\x00" in data[:200]:
        encodings = ["utf-16-le" if data[1:2] == b"\x00" else "utf-16-be"]
    else:
        encodings = ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text, {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}.get(encoding, "UTF-16")
    raise _refused("This is not a text file.", "Save the sheet as CSV.")


def _separator(text: str) -> str:
    """Return what separates the columns: what the heading has most of, outside quotes."""
    heading, quoted = [], False
    for letter in text[:LONGEST_CELL]:
        if letter == '"':
            quoted = not quoted
        elif letter in "\r\n" and not quoted:
            break
        elif not quoted:
            heading.append(letter)
    return max(SEPARATORS, key=heading.count)


def _lines(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            if any(len(cell) > LONGEST_CELL for cell in cells):
                raise _refused(f"Row {number} has a cell of more than {LONGEST_CELL:,} characters.")
            yield number, cells
    except csv.Error as error:
        raise _refused(f"Row {number + 1} is broken: {error}.", "Check its quotation marks.") from None


def _refused(what: str, remedy: str = "") -> Invalid:
    return Invalid(problems=[Problem("file", what, remedy)])


def safe_cell(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
