"""Package content is somebody else's program. It tries what such a program may try; all of it must fail."""

import json

import pytest

from tests.browser.player.conftest import DEFAULT_PAIR, SIBLINGS, eventually
from tests.scorm_player.playing import sco

PAIRS = pytest.mark.parametrize(
    "stage", [pytest.param(DEFAULT_PAIR, id="default hosts"), pytest.param(SIBLINGS, id="sibling hosts")], indirect=True
)


def attempt(lesson, script):
    """Run a script in the content; answer what it returned, or the name of the error it met."""
    return lesson.frame.evaluate(
        """async script => {
          try { return await (new (Object.getPrototypeOf(async function(){}).constructor)(script))(); }
          catch (problem) { return problem.name; }
        }""",
        script,
    )


@PAIRS
def test_it_reads_nothing_of_the_application(stage, sit_down, play):
    stage.pages["worker.js"] = "self.addEventListener('fetch', () => {});"
    lesson = play(sit_down(), stage.register())

    assert "stoa" not in str(attempt(lesson, "return document.cookie"))
    for reach in ("window.top.document", "window.top.localStorage", "window.top.API_1484_11"):
        assert attempt(lesson, f"return String({reach})") == "SecurityError", reach
    climbed = "return window.parent.parent === window.parent && window.parent.opener === null"
    assert attempt(lesson, climbed) is True, "no frame of the application is above"
    for path in ("/home", "/people", "/runtime/token"):
        seen = attempt(lesson, f"return (await fetch('{stage.origin}{path}', {{credentials: 'include'}})).text()")
        assert seen == "TypeError", path
    registered = attempt(lesson, "return (await navigator.serviceWorker.register('worker.js')).scope")
    assert registered in ("TypeError", "SecurityError", "NotSupportedError")


@PAIRS
def test_it_changes_nothing_of_the_learners(stage, sit_down, play):
    registration = stage.register()
    lesson = play(sit_down(), registration)
    before = lesson.page.url

    for token in ("x", "A" * 88):
        body = json.dumps({"token": token, "session": "x", "batches": []})
        assert attempt(lesson, f"return (await fetch('/close', {{method: 'POST', body: {body!r}}})).status") == 403
    assert all(status in (401, 403) for status in answers_to_posts(stage, lesson))
    assert stage.values(registration).get("cmi.completion_status") is None
    assert_signed_in(stage, lesson)

    attempt(
        lesson,
        """
        for (const name of ['stoa_session', '__Host-stoa', 'stoa_browser', 'stoa_flash'])
          for (const domain of ['', '; domain=localhost', '; domain=' + location.hostname])
            document.cookie = `${name}=evil; path=/${domain}`;
        """,
    )
    assert_signed_in(stage, lesson)

    attempt(lesson, "window.top.location = 'about:blank'; return 1")
    attempt(
        lesson,
        "const a = document.createElement('a'); a.href = '/x'; a.target = '_top'; document.body.append(a); a.click()",
    )
    lesson.page.wait_for_timeout(500)
    assert lesson.page.url == before, "it does not send the learner elsewhere"


def answers_to_posts(stage, lesson):
    """Let the content post to the application as the learner; answer the statuses."""
    session = lesson.page.evaluate("JSON.parse(document.getElementById('launch').textContent).session")
    body = json.dumps({"batches": [{"sequence": 1, "changes": [["cmi.completion_status", "completed"]]}]})
    answers = []
    lesson.page.context.on(
        "response", lambda answer: answers.append(answer.status) if answer.request.method == "POST" else None
    )
    attempt(
        lesson,
        f"""
        await fetch('{stage.origin}/runtime/{session}/commit', {{
          method: 'POST', credentials: 'include', mode: 'no-cors', body: {body!r},
        }});
        """,
    )
    attempt(
        lesson,
        f"""
        const form = document.createElement('form');
        form.method = 'post'; form.action = '{stage.origin}/sign-out'; form.target = 'sink';
        const sink = document.createElement('iframe'); sink.name = 'sink';
        document.body.append(sink, form);
        form.submit();
        await new Promise(resolve => setTimeout(resolve, 500));
        """,
    )
    lesson.page.wait_for_timeout(500)
    assert len(answers) >= 2, "the requests were made"
    return answers


def assert_signed_in(stage, lesson):
    """The learner is still who they were, in another tab."""
    probe = lesson.page.context.new_page()
    probe.goto(f"{stage.origin}/home")
    assert probe.url == f"{stage.origin}/home"
    probe.close()


@PAIRS
def test_a_close_token_appends_to_its_own_session_only(stage, sit_down, play):
    registration = stage.register()
    device = sit_down()
    first = play(device, registration)
    first.call("Initialize", "")
    close = first.page.evaluate("JSON.parse(document.getElementById('launch').textContent).close")
    second = play(device, registration)  # takes over
    session = second.page.evaluate("JSON.parse(document.getElementById('launch').textContent).session")
    batch = {"sequence": 1, "changes": [["cmi.completion_status", "completed"]]}

    for named in (session, "00000000-0000-0000-0000-000000000000"):
        body = json.dumps({"token": close["token"], "session": named, "batches": [batch], "last": 1})
        sending = f"{{method: 'POST', headers: {{'Content-Type': 'text/plain'}}, body: {body!r}}}"
        status = attempt(second, f"return (await fetch('/close', {sending})).status")
        assert status in (403, 404, 409)

    assert stage.values(registration).get("cmi.completion_status") is None


def test_content_that_closes_its_window_leaves_the_player_standing(stage, sit_down, play):
    registration = stage.register(sco("one"))
    lesson = play(sit_down(), registration)
    lesson.call("Initialize", "")
    lesson.set("cmi.completion_status", "completed")
    lesson.call("Terminate", "")

    for way_out in ("window.close()", "window.top.close()", "window.parent.close()"):
        attempt(lesson, way_out)

    assert eventually(lambda: stage.summary(registration).completion == "completed")
    assert lesson.page.get_by_role("link", name="Exit").is_visible()


def test_links_and_windows_of_content_open(stage, sit_down, play):
    stage.pages["more.html"] = "<h1>More</h1>"
    lesson = play(sit_down(), stage.register())

    with lesson.page.context.expect_page() as opened:
        lesson.frame.evaluate("window.open('more.html')")

    assert opened.value.get_by_role("heading", name="More").is_visible()
