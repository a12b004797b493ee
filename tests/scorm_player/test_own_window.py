"""Content that works only in a window of its own is recognized, and nothing else is."""

import pytest

from scorm_player import own_window
from scorm_player.own_window import FRAMED_PDF, FRAMES, TOP_WINDOW


def told(**files):
    signs = own_window.Signs()
    for name, text in files.items():
        signs.read(name, text.encode())
    return signs.told()


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param("var api = window.top.API;", TOP_WINDOW, id="its API"),
        pytest.param("top . API_1484_11.Commit('')", TOP_WINDOW, id="its API, spaced out"),
        pytest.param("window.top['API']", TOP_WINDOW, id="its API, in brackets"),
        pytest.param("window.top.onmessage = hear", TOP_WINDOW, id="its messages"),
        pytest.param("stop.API()", None, id="another word"),
        pytest.param("top.APIs", None, id="a longer word"),
        pytest.param("if (window.top.opener) find(window.top.opener)", None, id="whoever has opened it"),
        pytest.param("<iframe width='1' src='files/rules.PDF'></iframe>", FRAMED_PDF, id="PDF in a frame"),
        pytest.param('x = "<object data=\\"rules.pdf#page=2\\"></object>"', FRAMED_PDF, id="PDF in a script"),
        pytest.param("<embed src=rules.pdf>", FRAMED_PDF, id="PDF embedded"),
        pytest.param("<a href='rules.pdf'>Rules</a> <iframe src='film.html'></iframe>", None, id="PDF behind a link"),
        pytest.param("<iframe src='viewer.html?file=rules.pdf'></iframe>", None, id="PDF in a viewer of its own"),
    ],
)
def test_what_a_page_or_script_does_is_a_sign(text, rule):
    assert told(page=text) == ({rule: "page"} if rule else {})


FRAMESET = '<frameset cols="20%,*"><frame name="menu" src="menu.html"><frame name="lesson" src="one.html"></frameset>'


@pytest.mark.parametrize(
    ("menu", "needed"),
    [
        pytest.param('<a href="two.html" target="lesson">Two</a>', True, id="a link"),
        pytest.param('<base target="lesson">', True, id="all links"),
        pytest.param("parent.lesson.location = 'two.html'", True, id="a script, by name"),
        pytest.param("parent.frames['lesson'].location.href='two.html'", True, id="a script, by name in brackets"),
        pytest.param("window.parent.frames[1].location.replace('two.html')", True, id="a script, by number"),
        pytest.param("parent.lesson.document.location = 'two.html'", True, id="a script, by its document"),
        pytest.param("if (parent.lesson.location == 'two.html') done()", False, id="comparing"),
        pytest.param("parent.location = 'two.html'", False, id="the frame around"),
        pytest.param('<a href="two.html" target="_parent">Two</a>', False, id="a link in the frame around"),
        pytest.param('<a href="rules.pdf" target="rules">Rules</a>', False, id="a link into a tab"),
    ],
)
def test_a_frame_that_sends_another_one_elsewhere_is_a_sign(menu, needed):
    assert told(index=FRAMESET, menu=menu) == ({FRAMES: "menu"} if needed else {})


def test_a_page_that_sends_its_own_frame_elsewhere_is_none():
    assert told(index='<a href="two.html" target="lesson">Two</a><iframe name="lesson"></iframe>', other=FRAMESET) == {}


@pytest.mark.parametrize(
    ("address", "needed"),
    [("rules.pdf?v=1#page=2", True), ("https://rules.example/Rules.PDF", True), ("pdf.html?rules.pdf", False)],
)
def test_a_page_that_is_a_pdf_needs_a_window_of_its_own(address, needed):
    assert own_window.is_needed([], address) is needed
