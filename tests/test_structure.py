"""The room rule, as far as import contracts cannot see it."""

import tomllib
from pathlib import Path

import pytest
from sqlalchemy import Table

from app.schema import METADATA, ROOMS
from core.db import Base

ROOT = Path(__file__).resolve().parent.parent
NOT_ROOMS = {"tests", "tools", "migrations", "packages", "docs", "static", "templates", "requirements", "translations"}


def test_every_room_is_under_the_contracts():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - NOT_ROOMS

    assert found == set(ROOMS)
    assert set(settings["tool"]["importlinter"]["root_packages"]) == found
    assert set(settings["tool"]["mypy"]["packages"]) == found
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert {room.strip() for layer in layers for room in layer.split("|")} == found


def test_every_module_of_a_room_lies_where_its_role_says():
    roles = {"routes", "services", "store", "tables", "rules", "xapi", "scorm", "cmi5"}
    odd = [
        path.relative_to(ROOT)
        for room in set(ROOMS) - {"core", "app"}
        for path in (ROOT / room).iterdir()
        if path.is_dir() and path.name not in roles | {"__pycache__"}
    ]

    assert odd == []


def room_of(table: Table) -> str:
    for mapper in Base.registry.mappers:
        if mapper.local_table is table:
            return mapper.class_.__module__.partition(".")[0]
    raise AssertionError(f"{table.name} belongs to no class")


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_no_foreign_key_points_upwards(table):
    height = ROOMS.index(room_of(table))

    for key in table.foreign_key_constraints:
        assert ROOMS.index(room_of(key.referred_table)) <= height, (
            f"{table.name} points up to {key.referred_table.name}"
        )


def test_no_module_has_a_name_that_says_nothing():
    nothing = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}

    assert [p for room in ROOMS for p in (ROOT / room).rglob("*.py") if p.stem in nothing] == []
