"""Documents that must stay true."""

import re
from pathlib import Path

import pytest

from accounts.permissions import ROLES
from core.config import SETTINGS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_every_setting_is_documented(setting):
    line = f"| `{setting.name}` | {setting.default} | {setting.meaning} |"

    assert line in (DOCS / "settings.md").read_text().splitlines()


def test_no_setting_is_documented_that_does_not_exist():
    named = {line.split("`")[1] for line in (DOCS / "settings.md").read_text().splitlines() if line.startswith("| `")}

    assert named == {setting.name for setting in SETTINGS}


def test_the_permission_matrix_is_the_one_in_the_code():
    page = (DOCS / "permissions.md").read_text()
    roles = [cell.strip() for cell in page.split("| permission |")[1].split("| limited to |\n")[0].split("|")]
    documented = {role: {} for role in roles}
    for line in page.splitlines():
        if line.startswith("| `"):
            permission, *marks, _limits = [cell.strip() for cell in line.strip("|").split("|")]
            for role, mark in zip(roles, marks, strict=True):
                if mark in ("●", "◐"):
                    documented[role][permission.strip("`")] = mark

    told = {role: {code: reach.value for code, reach in held.items()} for role, held in ROLES.items()}
    assert documented == told


def test_every_test_that_security_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (DOCS / "security.md").read_text())

    assert len(named) > 30
    sources = {path: (DOCS.parent / path).read_text() for path, _test in named}
    assert [(path, test) for path, test in named if test and f"def {test}(" not in sources[path]] == []


def test_every_line_of_the_list_of_requirements_says_what_holds_it():
    lines = (DOCS / "security.md").read_text().split("## OWASP ASVS")[1].splitlines()
    rows = [line.strip("|").split("|") for line in lines if re.match(r"\| \d", line)]

    assert len(rows) > 100
    assert [row for row in rows if not re.search(r"`tests/|\*by design\*|\*not met\*", row[2])] == []
    numbers = [number for row in rows for number in re.findall(r"\d+\.\d+\.\d+", row[0])]
    assert sorted(number for number in numbers if numbers.count(number) > 1) == []
