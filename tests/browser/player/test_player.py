"""A learner plays: what the content sets arrives, whatever happens to window, network and server."""

import os

import pytest
from playwright.sync_api import expect

from scorm_player.scorm.sequencing.definition import Edition
from tests.browser.player.conftest import SCO, eventually
from tests.scorm_player import manifests, zips
from tests.scorm_player.playing import gated, sco

AWAY = float(os.environ.get("STOA_AWAY_SECONDS", "3"))  # how long the server is away; by hand also 60


def test_a_lesson_is_played_and_completes_the_course(stage, sit_down, play):
    registration = stage.register(sco("one"))
    lesson = play(sit_down(), registration)

    assert lesson.call("Initialize", "") == "true"
    assert lesson.call("GetValue", "cmi.learner_name") == "Tester, Ana"
    assert lesson.call("GetValue", "cmi.entry") == "ab-initio"
    lesson.set("cmi.completion_status", "completed")
    lesson.set("cmi.success_status", "passed")
    assert lesson.call("Commit", "") == "true"
    assert lesson.call("Terminate", "") == "true"

    lesson.saved()
    assert stage.summary(registration).completion == "completed"
    assert stage.summary(registration).success == "passed"


def test_a_driver_that_looks_for_both_apis_finds_the_one_of_1_2(stage, sit_down, play):
    registration = stage.register(sco("one"), edition=Edition.SCORM_1_2)
    lesson = play(sit_down(), registration)

    assert lesson.call("LMSInitialize", "") == "true"
    assert lesson.call("LMSSetValue", "cmi.core.lesson_status", "passed") == "true"
    assert lesson.call("LMSFinish", "") == "true"

    lesson.saved()
    assert stage.summary(registration).success == "passed"


def test_next_and_what_content_may_ask_for_follow_what_it_has_said(stage, sit_down, play):
    lesson = play(sit_down(), stage.register(*gated()))
    onward, may = lesson.page.locator("#stoa-next"), "api.GetValue('adl.nav.request_valid.continue')"
    lesson.call("Initialize", "")
    for status, enabled in (("failed", False), ("passed", True)):
        lesson.set("cmi.success_status", status)
        lesson.call("Commit", "")

        expect(onward).to_be_enabled(enabled=enabled)
        lesson.frame.wait_for_function(f"{may} === '{str(enabled).lower()}'")

    onward.click()
    assert lesson.shows("two.html")


@pytest.mark.parametrize(
    "climb",
    [
        pytest.param("try { while (at.parent.document) at = at.parent; } catch {}", id="until the browser forbids it"),
        pytest.param("while (at !== window.top) at = at.parent;", id="to the topmost window"),
        pytest.param("while (at.parent !== at) at = at.parent;", id="as the standard says"),
    ],
)
def test_a_driver_that_climbs_without_looking_for_an_api_comes_to_an_end(stage, sit_down, play, climb):
    stage.pages["one.html"] += f"""<script>
      let at = window;
      {climb}
      api.Initialize("");
      api.SetValue("cmi.completion_status", "completed");
    </script>"""
    registration = stage.register()

    play(sit_down(), registration)

    assert eventually(lambda: stage.values(registration).get("cmi.completion_status") == "completed")


def test_content_may_play_fill_the_screen_and_turn_with_the_device_but_not_listen_watch_or_locate(
    stage, sit_down, play
):
    lesson = play(sit_down(), stage.register())

    allowed = set(lesson.frame.evaluate("document.featurePolicy.allowedFeatures()"))
    assert {"autoplay", "fullscreen", "gyroscope", "accelerometer", "xr-spatial-tracking"} <= allowed
    assert not {"microphone", "camera", "geolocation", "usb", "midi"} & allowed


UNITS = {"the first half of a sign": 0xD83D, "the second half": 0xDE00, "a zero": 0, "the mark of our own": 0xFDD0}


def test_suspend_data_of_any_units_come_back_as_they_were(stage, sit_down, play):
    registration = stage.register(sco("one"))
    lesson = play(sit_down(), registration)
    lesson.call("Initialize", "")
    units = [ord("a"), *UNITS.values(), 0xDE00, 0xD83D, 0xDE00]  # halves that are none, and a whole sign last
    lesson.frame.evaluate("units => api.SetValue('cmi.suspend_data', String.fromCharCode(...units))", units)
    for place, unit in enumerate(UNITS.values()):
        comment = f"cmi.comments_from_learner.{place}.comment"
        lesson.frame.evaluate("([name, unit]) => api.SetValue(name, String.fromCharCode(unit))", [comment, unit])
    lesson.set("cmi.exit", "suspend")
    lesson.set("cmi.location", "page 7")
    lesson.call("Commit", "")
    lesson.saved()

    again = play(lesson.page.context, registration)

    assert again.call("Initialize", "") == "true"
    read = "name => [...Array(api.GetValue(name).length).keys()].map(at => api.GetValue(name).charCodeAt(at))"
    assert again.frame.evaluate(read, "cmi.suspend_data") == units
    for place, name in enumerate(UNITS):
        comment = again.frame.evaluate(read, f"cmi.comments_from_learner.{place}.comment")
        assert comment == [0xFFFD], f"people read a sign in the place of {name}"
    assert again.call("GetValue", "cmi.location") == "page 7"


def test_next_lets_the_content_finish_and_shows_the_next_activity(stage, sit_down, play):
    stage.pages["one.html"] += """<script>
      api.Initialize("");
      addEventListener("pagehide", () => {
        api.SetValue("cmi.completion_status", "completed");
        api.SetValue("cmi.exit", "normal");
        api.Terminate("");
      });
    </script>"""
    registration = stage.register()
    lesson = play(sit_down(), registration)
    lesson.frame.wait_for_function("typeof api === 'object' && api.GetLastError() === '0'")

    lesson.page.get_by_role("button", name="Next").click()

    assert lesson.shows("two.html")
    assert stage.values(registration)["cmi.completion_status"] == "completed"
    assert stage.summary(registration).progress_percent == 50

    assert stage.asked["adapter.js"] == stage.asked["runtime.js"] == 1, "the browser keeps the player's scripts"

    lesson.page.get_by_role("button", name="Next").click()
    lesson.page.wait_for_url(f"{stage.origin}/left")  # behind the last activity the course ends


def test_content_that_ends_with_a_request_is_followed(stage, sit_down, play):
    registration = stage.register()
    lesson = play(sit_down(), registration)
    lesson.call("Initialize", "")
    lesson.set("adl.nav.request", "{target=two}choice")

    lesson.call("Terminate", "")

    assert lesson.shows("two.html")


def test_an_entry_of_the_outline_opens_its_item(stage, sit_down, play):
    lesson = play(sit_down(), stage.register())
    assert lesson.frame.url.endswith("one.html")

    lesson.page.get_by_role("button", name="Two").click()

    assert lesson.shows("two.html")


def test_exit_leads_back_and_the_course_goes_on_where_it_was_left(stage, sit_down, play):
    registration = stage.register()
    device = sit_down()
    lesson = play(device, registration)
    lesson.call("Initialize", "")
    lesson.set("cmi.suspend_data", "page=3")

    lesson.page.get_by_role("link", name="Exit").click()
    lesson.page.wait_for_url(f"{stage.origin}/left")

    again = play(device, registration)
    assert again.call("Initialize", "") == "true"
    assert again.call("GetValue", "cmi.suspend_data") == "page=3"
    assert again.call("GetValue", "cmi.entry") == "resume"


@pytest.mark.parametrize(
    ("seconds", "size"),
    [(seconds, size) for seconds in (0.2, 1) for size in (1_000, 64_000, 1_000_000)] + [(5, 64_000)],
)
def test_what_was_set_before_the_tab_was_closed_is_there_on_another_device(stage, sit_down, play, seconds, size):
    registration = stage.register()
    lesson = play(sit_down(), registration)
    lesson.call("Initialize", "")
    data = "x" * (size - 4) + "last"
    lesson.set("cmi.suspend_data", data)
    lesson.set("cmi.location", "page 7")
    lesson.page.wait_for_timeout(seconds * 1000)

    lesson.page.close()

    def is_there():
        values = stage.values(registration)
        return values.get("cmi.suspend_data") == data and values.get("cmi.location") == "page 7"

    assert eventually(is_there) or stage.unsent(registration) > 0
    elsewhere = play(sit_down(), registration)
    elsewhere.call("Initialize", "")
    if is_there():
        assert elsewhere.call("GetValue", "cmi.suspend_data") == data


def test_what_is_set_in_the_last_moment_goes_by_beacon(stage, sit_down, play):
    stage.pages["one.html"] += """<script>
      api.Initialize("");
      addEventListener("pagehide", () => {
        api.SetValue("cmi.location", "the very end");
        api.SetValue("cmi.exit", "suspend");
        api.Terminate("");
      });
    </script>"""
    registration = stage.register()
    lesson = play(sit_down(), registration)
    lesson.frame.wait_for_function("typeof api === 'object' && api.GetLastError() === '0'")
    lesson.saved()

    lesson.page.close(run_before_unload=True)

    assert eventually(lambda: stage.values(registration).get("cmi.location") == "the very end")


def test_what_a_handler_sets_that_came_late_and_does_not_commit_goes_by_beacon_too(stage, sit_down, play):
    registration = stage.register()
    lesson = play(sit_down(), registration)
    lesson.call("Initialize", "")
    lesson.frame.evaluate("addEventListener('pagehide', () => { api.SetValue('cmi.location', 'the very end'); })")
    lesson.saved()

    lesson.page.close(run_before_unload=True)

    assert eventually(lambda: stage.values(registration).get("cmi.location") == "the very end")


def test_while_the_server_is_away_the_device_keeps_what_is_set_and_says_so(stage, sit_down, play):
    registration = stage.register()
    lesson = play(sit_down(), registration)
    lesson.call("Initialize", "")
    lesson.saved()
    stage.stop()

    lesson.set("cmi.location", "in the dark")
    assert lesson.call("Commit", "") == "true"
    lesson.saved("waiting")
    assert "not yet sent" in lesson.page.locator("#stoa-saved").inner_text()
    lesson.page.wait_for_timeout(AWAY * 1000)
    lesson.set("cmi.suspend_data", "still going")
    stage.start()

    lesson.saved(timeout=40_000)
    assert stage.values(registration)["cmi.location"] == "in the dark"
    assert stage.values(registration)["cmi.suspend_data"] == "still going"


def test_a_tab_closed_while_the_server_was_away_is_caught_up_at_the_next_launch(stage, sit_down, play):
    registration = stage.register()
    device = sit_down()
    lesson = play(device, registration)
    lesson.call("Initialize", "")
    lesson.saved()
    stage.stop()
    lesson.set("cmi.suspend_data", "kept on the device")
    lesson.saved("waiting")
    lesson.page.close()
    stage.start()

    again = play(device, registration)
    again.page.wait_for_selector("body[data-player=running]")
    assert again.call("Initialize", "") == "true"
    assert again.call("GetValue", "cmi.suspend_data") == "kept on the device"


def test_of_two_windows_the_later_one_goes_on_and_the_earlier_one_says_so(stage, sit_down, play):
    registration = stage.register()
    device = sit_down()
    first = play(device, registration)
    first.call("Initialize", "")
    first.set("cmi.suspend_data", "from the first")
    first.saved()
    second = play(device, registration)
    second.call("Initialize", "")

    first.set("cmi.suspend_data", "too late")

    first.page.wait_for_selector("#stoa-message")
    assert "goes on there" in first.page.locator("#stoa-message").inner_text()
    second.set("cmi.location", "second")
    assert eventually(lambda: stage.values(registration).get("cmi.location") == "second")
    assert stage.values(registration)["cmi.suspend_data"] == "from the first"


def test_content_that_reaches_for_the_top_plays_in_a_window_of_its_own(stage, sit_down, play):
    page = SCO.replace('find("API_1484_11")', "(window.top.API_1484_11)")
    package = one_page(page)
    registration = stage.registered_for(package)
    lesson = play(sit_down(), registration)

    with lesson.page.context.expect_page() as opened:
        lesson.page.get_by_role("button", name="Open in a new window").click()
    content = content_of(opened.value)
    assert content.evaluate("api.Initialize('')") == "true"
    content.evaluate("api.SetValue('cmi.completion_status', 'completed')")
    content.evaluate("api.Terminate('')")

    assert eventually(lambda: stage.summary(registration).completion == "completed")
    lesson.saved()


def one_page(page):
    return zips.zipped(
        {
            "imsmanifest.xml": manifests.scorm_2004(),
            "index.html": page,
        }
    )


def content_of(window):
    for _ in range(200):
        for frame in window.frames:
            if frame.url.endswith(".html"):
                frame.wait_for_function("typeof api === 'object'")
                return frame
        window.wait_for_timeout(50)
    raise AssertionError([frame.url for frame in window.frames])


def test_an_answer_that_comes_late_does_not_hide_where_content_asked_to_go(stage, sit_down, play):
    lesson, late = play(sit_down(), stage.register()), []
    lesson.frame.wait_for_function("typeof api === 'object'")

    def answer(route):
        response = route.fetch()
        if any(batch.get("terminated") for batch in route.request.post_data_json["batches"]):
            route.fulfill(response=response)
            for earlier, told in late:
                earlier.fulfill(response=told)
        else:
            late.append((route, response))

    lesson.page.route("**/runtime/*/commit", answer)
    lesson.call("Initialize", "")
    assert eventually(lambda: bool(lesson.page.wait_for_timeout(20) or late)), "the first commit is under way"
    lesson.set("adl.nav.request", "continue")
    lesson.call("Terminate", "")

    assert lesson.shows("two.html")
