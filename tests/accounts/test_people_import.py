import io
import re
import time

import pytest

from accounts.services import custom_fields, import_file, members, people_import
from core.errors import Invalid
from core.files import Files
from tests.accounts.test_members import facts
from tests.accounts.test_units import unit

HEADING = "E-mail,First name,Last name,Employee id,Unit,Manager,Hired"


@pytest.fixture
def uploads(sign_in, run_jobs):
    """Upload a file, have it checked, and answer the page's path."""
    cem = sign_in("cem")

    def upload(text, encoding="utf-8", system="", **columns):
        data = {"file": (io.BytesIO(text if isinstance(text, bytes) else text.encode(encoding)), "people.csv")}
        sent = cem.post("/people/imports", data=data)
        if sent.status_code != 302:
            return sent
        path = sent.headers["Location"]
        page = cem.get(path).text
        chosen = dict(re.findall(r'<select[^>]*name="(column_\d+)".*?value="([\w.]+)" selected', page, re.DOTALL))
        answer = cem.post(f"{path}/check", data=chosen | columns | {"source_system": system})
        assert answer.status_code == 302, answer.text
        run_jobs()
        return path

    upload.cem = cem
    return upload


def person(database, cast, email):
    with database.read(cast.northwind) as session:
        found = people_import.people.ids_by_email(session, [email])
        return members.get(session, found[email], cast_now()) if found else None


def cast_now():
    return people_import.clock.now()


def test_a_file_creates_and_changes_people_with_managers_in_any_order(uploads, database, cast, run_jobs, now):
    with database.write(cast.northwind) as session:
        unit(session, now, "W3")
    path = uploads(
        f"{HEADING}\n"
        "dora@northwind.example,Dora,Lang,E1,w3,E2,2026-02-01\n"
        "emil@northwind.example,Emil,Boss,E2,,ben@northwind.example,01.02.2020\n"
        "ana@northwind.example,,,E3,W3,dora@northwind.example,\n"
    )
    assert "No mistakes" in uploads.cem.get(path).text
    assert person(database, cast, "dora@northwind.example") is None

    uploads.cem.post(f"{path}/apply")
    run_jobs()

    dora, emil, ana = (person(database, cast, f"{name}@northwind.example") for name in ("dora", "emil", "ana"))
    assert (dora.status, dora.manager.name, dora.unit[1]) == ("invited", "Emil Boss", "Unit W3")
    assert (emil.manager.name, str(emil.hired_on)) == ("Ben Tester", "2020-02-01")
    assert (ana.person.name, ana.manager.name, ana.employee_id) == ("Ana Tester", "Dora Lang", "E3")
    assert [past.manager for past in ana.history] == ["Dora Lang"]
    assert "Applied" in uploads.cem.get(path).text


def test_every_mistake_is_named_with_row_column_and_fix_and_nothing_is_applied(uploads, database, cast):
    path = uploads(
        f"{HEADING}\n"
        "dora@northwind.example,=cmd(),Lang,,,,\n"
        "not an address,Emil,Boss,,,,\n"
        "fay@northwind.example,Fay,Lee,E1,NOWHERE,,soon\n"
        "gil@northwind.example,Gil,Lee,E1,,nobody@northwind.example,\n"
        "gil@northwind.example,Gil,Lee,,,,\n"
        "hal@northwind.example,,Lee,,,,\n"
    )

    page = uploads.cem.get(path).text
    for mistake in (
        "begins like a formula", "not an e-mail address", "no unit with the code NOWHERE", "soon is not a day",
        "nobody here, nor in this file", "Row 5 is about the same person", "first name is missing",
    ):  # fmt: skip
        assert mistake in page, mistake
    assert uploads.cem.post(f"{path}/apply").status_code == 409
    file = uploads.cem.get(f"{path}/problems.csv")
    assert file.text.startswith("\ufeffrow,column,reason,fix")
    assert "4,Hired,soon is not a day.,Write it like 2026-03-31 or 31.03.2026." in file.text
    assert person(database, cast, "fay@northwind.example") is None


def test_a_circle_is_refused_also_through_the_file(uploads, database, cast, now):
    with database.write(cast.northwind) as session:
        members.change(session, cast.ana, now=now, **facts("ana", manager_email="ben@northwind.example"))
    path = uploads(
        f"{HEADING}\nben@northwind.example,,,,,cem@northwind.example,\ncem@northwind.example,,,,,ana@northwind.example,\n"
    )

    assert uploads.cem.get(path).text.count("run in a circle") == 2


def test_undoing_puts_back_all_but_what_was_changed_since(uploads, database, cast, run_jobs, now):
    path = uploads(
        f"{HEADING}\ndora@northwind.example,Dora,Lang,E1,,,\nana@northwind.example,,,E3,,ben@northwind.example,\n"
        "ben@northwind.example,,,E4,,,\n"
    )
    uploads.cem.post(f"{path}/apply")
    run_jobs()
    with database.write(cast.northwind) as session:
        members.change(session, cast.ben, now=now, **facts("ben", employee_id="E5"))

    uploads.cem.post(f"{path}/undo")
    run_jobs()

    dora, ana, ben = (person(database, cast, f"{name}@northwind.example") for name in ("dora", "ana", "ben"))
    assert (dora.status, dora.employee_id) == ("left", None)
    assert (ana.employee_id, ana.manager) == (None, None)
    assert ben.employee_id == "E5"
    page = uploads.cem.get(path).text
    assert "Ben Tester" in page
    assert "changed since: employee_id" in page
    again = uploads(f"{HEADING}\ndora@northwind.example,Dora,Lang,E1,,,\n")
    uploads.cem.post(f"{again}/apply")
    run_jobs()
    assert person(database, cast, "dora@northwind.example").status == "invited"


def test_letters_go_out_only_when_asked_for(uploads, letters):
    def imported(name, **data):
        path = uploads(f"{HEADING}\n{name}@northwind.example,{name},Lang,,,,\n")
        uploads.cem.post(f"{path}/apply", data=data)
        return [letter.to for letter in letters()]

    assert imported("dora") == []
    assert imported("emil", letters="1") == ["emil@northwind.example"]


def test_what_changed_between_check_and_apply_is_looked_at_again(uploads, database, cast, run_jobs, now):
    path = uploads(f"{HEADING}\nana@northwind.example,,,E9,,,\ndora@northwind.example,Dora,Lang,,,,\n")
    with database.write(cast.northwind) as session:
        members.change(session, cast.ben, now=now, **facts("ben", employee_id="E9"))

    uploads.cem.post(f"{path}/apply")
    run_jobs()

    assert "belong to different people" in uploads.cem.get(path).text
    assert person(database, cast, "dora@northwind.example") is None


def test_people_are_found_by_another_systems_id(uploads, database, cast, run_jobs):
    heading = "Email,First name,Last name,External id"
    first = uploads(f"{heading}\ndora@northwind.example,Dora,Lang,W-1\n", system="workday")
    uploads.cem.post(f"{first}/apply")
    run_jobs()
    second = uploads("External id,Last name\nW-1,Lang-Meyer\n", system="workday")
    uploads.cem.post(f"{second}/apply")
    run_jobs()

    assert person(database, cast, "dora@northwind.example").person.name == "Dora Lang-Meyer"


@pytest.mark.parametrize(
    ("encoding", "named", "separator"),
    [
        ("utf-8-sig", "UTF-8", ";"),
        ("utf-16", "UTF-16", "\t"),
        ("utf-16-le", "UTF-16", ","),
        ("cp1252", "Windows-1252", "|"),
    ],
)
def test_encodings_and_separators_are_found_out(encoding, named, separator):
    text = (
        separator.join(("E-mail", '"Name; with, all"', "Größe")) + "\r\n" + separator.join(("a@b.example", "Zoë", "1"))
    )

    table = import_file.read(text.encode(encoding), most_rows=5)

    assert (table.encoding, table.separator) == (named, separator)
    assert table.columns == ["E-mail", "Name; with, all", "Größe"]
    assert table.rows == [(2, ["a@b.example", "Zoë", "1"])]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no headings"),
        (b"a,b\n", "no row"),
        (b"a\n1\n2\n3\n", "more than 2 rows"),
        (b'a,b\n"x', "broken"),
        (b"PK\x03\x04\x00\x81" + bytes(300), "not a text file"),
        (b"a\n" + b"x" * 10_001, "more than 10,000 characters"),
    ],
)
def test_what_is_no_table_is_refused(data, complaint):
    with pytest.raises(Invalid) as error:
        import_file.read(data, most_rows=2)

    assert complaint in error.value.problems[0].what


def test_a_file_that_is_too_large_is_refused(sign_in, app):
    object.__setattr__(app.extensions["stoa"].config, "import_max_bytes", 100)

    answer = sign_in("cem").post("/people/imports", data={"file": (io.BytesIO(b"a,b\n" + b"1,2\n" * 100), "x.csv")})

    assert answer.status_code == 413


def test_ten_thousand_rows_are_checked_within_five_seconds(db, cast, now, tmp_path):
    unit(db, now, "W3")
    custom_fields.add(
        db, now, code="shift", label="Shift", field_type="text", choices="", is_required="", visibility="readers",
        sort_order="0",
    )  # fmt: skip
    lines = [f"p{n}@northwind.example,P{n},Lang,E{n},W3,E{n // 10 if n else ''},2026-02-01" for n in range(10_000)]
    lines[0] = "p0@northwind.example,P0,Lang,E0,W3,,2026-02-01"
    data = "\n".join([HEADING, *lines]).encode()
    stored = Files(f"file:{tmp_path}").put(data)
    made = people_import.receive(db, stored, data, name="x.csv", most_rows=100_000, now=now, by=cast.cem)
    people_import.ask_for_check(db, made, people_import.get(db, made).mapping, "", cast.cem)

    began = time.process_time()
    people_import.check(db, made, data)
    took = time.process_time() - began

    assert people_import.get(db, made).totals == {
        "created": 10_000, "updated": 0, "unchanged": 0, "wrong": 0, "problems": 0,
    }  # fmt: skip
    assert took < 5
