import json
import re

import pytest

from tools import vendor


def test_the_lock_names_no_registry():
    lock = json.loads((vendor.ROOT / "package-lock.json").read_text(encoding="utf-8"))

    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_every_installed_file_is_the_one_of_the_manifest():
    assert vendor.digests() == vendor.expected()


def test_a_second_run_has_nothing_to_do():
    assert vendor.is_current()


def test_every_icon_that_a_template_names_is_in_the_sprite():
    sprite = (vendor.TARGET / vendor.SPRITE).read_text(encoding="utf-8")
    named = {
        name
        for path in (vendor.ROOT / "templates").rglob("*.html")
        for name in re.findall(r"""(?:\bicon=|\bicon\()["']([a-z0-9-]+)["']""", path.read_text(encoding="utf-8"))
    }

    assert {name for name in named if f'<symbol id="{name}"' not in sprite} == set()


def test_a_file_that_is_not_as_expected_is_refused_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor, "TARGET", tmp_path / "vendor")
    (tmp_path / "vendor").mkdir()
    changed = vendor.expected() | {"htmx/htmx.min.js": "sha384-other"}

    with pytest.raises(vendor.SetupError, match=r"htmx\.min\.js"):
        vendor.require_expected(changed)
    assert not (tmp_path / "vendor").exists()


def test_node_comes_from_its_package_when_the_machine_has_no_npm(monkeypatch):
    monkeypatch.setattr(vendor.shutil, "which", lambda _: None)
    monkeypatch.setattr(vendor.importlib.util, "find_spec", lambda _: None)

    with pytest.raises(vendor.SetupError, match=r"--node requirements/node\.txt"):
        vendor.npm_command(None)
