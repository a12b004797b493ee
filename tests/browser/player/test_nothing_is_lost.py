"""What no handler of a page gets to see: the tab's process dies, the whole browser is killed, cookies are blocked."""

import os
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import BrowserType, Error

from tests.browser.player.conftest import eventually
from tests.conftest import FLAGS, fill_sign_in
from tools import chromium

# The seconds between the last value and the death of the tab, and the sizes of suspend data. Always run is the bar of
# the design; STOA_EVERY_DEATH=1 runs every combination.
EVERY = "STOA_EVERY_DEATH" in os.environ
DEATHS = [(0.2, 1_000), (0.2, 64_000), (0.2, 1_000_000)]
DEATHS += [(seconds, size) for seconds in (1, 5) for size in (1_000, 64_000, 1_000_000)] if EVERY else []


def test_a_tab_whose_process_dies_loses_nothing_that_was_set_before(stage, sit_down, play):
    device, other = sit_down(), sit_down()
    registration = stage.register()
    for seconds, size in DEATHS:
        lesson = play(device, registration)
        lesson.page.wait_for_selector("body[data-player=running]")
        lesson.call("Initialize", "")
        data = f"{seconds}".ljust(size - 4, "x") + "last"
        lesson.set("cmi.suspend_data", data)
        lesson.page.wait_for_timeout(seconds * 1000)

        crash(lesson)

        def is_there(data=data):
            return stage.values(registration).get("cmi.suspend_data") == data

        is_known = eventually(is_there, 2) or stage.unsent(registration) > 0
        assert is_known, f"{size} bytes, {seconds} s: gone, and nobody says so"
        if not is_there():  # the journal of this device brings it
            play(device, registration).page.wait_for_selector("body[data-player=running]")
            assert eventually(is_there), f"{size} bytes, {seconds} s: not in the journal"

    elsewhere = play(other, registration)
    elsewhere.call("Initialize", "")
    assert elsewhere.call("GetValue", "cmi.suspend_data") == data
    assert elsewhere.call("GetValue", "cmi.entry") == "resume"


def crash(lesson):
    """Let the tab's process die: no handler runs, nothing is sent."""
    with pytest.raises(Error, match="crash"):
        lesson.page.goto("chrome://crash", timeout=10_000)
    lesson.page.close()


def test_a_browser_killed_without_network_or_foreign_cookies_brings_its_journal_when_it_is_back(
    stage, sit_down, play, browser, tmp_path
):
    registration = stage.register()
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    # As a person sets it: third-party cookies are blocked always, and storage of frames of other sites is apart.
    (profile / "Default" / "Preferences").write_text('{"profile": {"cookie_controls_mode": 1}}')
    device = started(browser.browser_type, profile)
    sign_in(stage, device)
    lesson = play(device, registration)
    lesson.call("Initialize", "")
    lesson.set("cmi.location", "before")
    lesson.saved()

    device.set_offline(True)
    lesson.set("cmi.suspend_data", "set without a network")
    lesson.saved("waiting")
    kill(profile)
    assert stage.values(registration).get("cmi.suspend_data") is None
    device = started(browser.browser_type, profile)
    sign_in(stage, device)  # browsers write cookies down late: the killed one may have forgotten who she was
    again = play(device, registration)

    again.page.wait_for_selector("body[data-player=running]")
    assert again.call("Initialize", "") == "true"
    assert again.call("GetValue", "cmi.suspend_data") == "set without a network"
    assert again.call("GetValue", "cmi.location") == "before"
    device.set_offline(True)
    again.set("cmi.suspend_data", "and overtaken")
    again.saved("waiting")

    other = play(sit_down(), registration)
    other.call("Initialize", "")
    assert other.call("GetValue", "cmi.suspend_data") == "set without a network"
    other.set("cmi.suspend_data", "from the other device")
    assert eventually(lambda: stage.values(registration)["cmi.suspend_data"] == "from the other device")
    device.set_offline(False)

    again.page.wait_for_selector("body[data-player=superseded]", timeout=20_000)
    back = play(device, registration)
    back.page.get_by_text("kept here as evidence").wait_for()
    assert back.call("Initialize", "") == "true"
    assert back.call("GetValue", "cmi.suspend_data") == "from the other device"
    device.close()


def sign_in(stage, device):
    page = device.new_page()
    page.goto(f"{stage.origin}/home")
    if "/sign-in" in page.url:  # else it remembers her
        fill_sign_in(page, stage.origin, "ana")
    page.close()


def started(kind: BrowserType, profile: Path):
    """A browser of its own with this profile, as a person has one."""
    return kind.launch_persistent_context(str(profile), executable_path=chromium.find(), headless=True, args=FLAGS)


def kill(profile: Path) -> None:
    """Kill the browser of this profile, all its processes, as when the device loses power."""
    own = f"--user-data-dir={profile}".encode()
    pids = [int(found.parent.name) for found in Path("/proc").glob("[0-9]*/cmdline") if own in reading(found)]
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(own in reading(Path(f"/proc/{pid}/cmdline")) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.02)


def reading(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
