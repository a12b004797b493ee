"""A package goes up in pieces, whatever happens to the connection in between."""

import os
import re

from playwright.sync_api import expect

from tests.conftest import let_in
from tests.scorm_player.test_packages import course


def test_an_upload_goes_on_after_a_cut_a_pause_and_a_reload(live, new_context, database, cast):
    file = {
        "name": "course.zip",
        "mimeType": "application/zip",
        "buffer": course(**{"film.bin": os.urandom(100_000)}).getvalue(),
    }
    context, offsets, cut = new_context(), [], {20_000}
    let_in(context, live.app, database, cast, "ben")
    page = context.new_page()

    def network(route):
        if route.request.method != "PATCH":
            route.continue_()
            return
        offset = int(route.request.headers["upload-offset"])
        offsets.append(offset)
        if offset in cut:
            route.abort()
        else:
            route.continue_()

    def choose():
        page.goto(live.app + "/packages/new")
        page.locator("form[data-pieces]").evaluate("(form) => { form.dataset.pieceBytes = 10000; }")
        page.get_by_label("Zip file").set_input_files(file)
        page.get_by_role("button", name="Upload", exact=True).click()

    said = page.locator(".upload-say")
    page.route("**/api/v1/packages/uploads/*", network)
    choose()
    expect(said).to_contain_text("The connection is lost.")
    cut.remove(20_000)
    cut.add(60_000)
    expect(page.locator("[data-pieces] progress")).to_have_attribute("value", re.compile("5[0-9]"))
    expect(said).to_contain_text("The connection is lost.")
    page.get_by_role("button", name="Pause").click()
    expect(said).to_contain_text("Paused at")
    expect(page.get_by_role("button", name="Go on")).to_be_focused()

    cut.clear()
    sent = len(offsets)
    choose()
    expect(page.get_by_text("is ready as version 1")).to_be_visible()

    assert offsets[:2] == [0, 10_000]
    assert offsets[sent] == 60_000, "what was there is not sent again"
    assert sorted(set(offsets)) == list(range(0, len(file["buffer"]), 10_000))
