"""The lists of pinned packages: whole, so that nothing is left to be resolved where they are installed."""

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LISTS = Path(__file__).resolve().parents[1] / "requirements"


def pinned(name: str) -> dict[str, str]:
    """Return the listed packages that this machine wants, with their versions."""
    lines = re.findall(r"^([^\s#-][^\\\n]*)", (LISTS / f"{name}.txt").read_text(), re.MULTILINE)
    wanted = [wish for line in lines if (wish := Requirement(line)).marker is None or wish.marker.evaluate()]
    return {canonicalize_name(wish.name): str(wish.specifier).removeprefix("==") for wish in wanted}


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_whatever_a_listed_package_needs_is_listed_in_a_version_that_fits(name):
    listed = pinned(name)
    unmet, seen, open_ends = [], set(), [(package, "") for package in sorted(listed)]
    while open_ends:
        package, extra = open_ends.pop()
        if (package, extra) in seen:
            continue
        seen.add((package, extra))
        for line in metadata.requires(package) or ():
            need = Requirement(line)
            if need.marker is not None and not need.marker.evaluate({"extra": extra}):
                continue
            needed = canonicalize_name(need.name)
            if needed not in listed or not need.specifier.contains(listed[needed], prereleases=True):
                unmet.append(f"{package}: {line}")
            else:
                open_ends += [(needed, wish) for wish in need.extras]

    assert unmet == []
    assert len(seen) > 30


def test_what_installs_the_rest_is_pinned_as_for_development():
    assert (LISTS / "uv.txt").read_text().startswith("uv==")
    assert (LISTS / "uv.txt").read_text() in (LISTS / "dev.txt").read_text()
