import copy
import re
from functools import cache
from pathlib import Path

from core import words
from core.translating import translated
from tools import translations
from tools.translations import pseudo

extract = cache(translations.extract)  # reading all code and templates takes seconds
TEMPLATES = Path(__file__).resolve().parents[2] / "templates"


def test_pseudo_text_is_longer_and_keeps_placeholders_and_markup():
    text = pseudo("due in %(num)s days <b>soon</b>")

    assert "%(num)s" in text
    assert "<b>" in text
    assert len(text) > 1.3 * len("due in %(num)s days soon")


def test_every_text_of_the_components_is_collected():
    texts = {text for message in extract() for text in ([message.id] if isinstance(message.id, str) else message.id)}

    assert {"Not started", "Skip to the content", "due in %(num)s days (%(day)s)", "There is nothing here"} <= texts


def test_what_errors_and_problems_say_is_collected_too():
    texts = {message.id for message in extract()}

    assert {
        "There is no such person.",
        "This contradicts what is already there",
        "At most %(most)s characters.",
        "An activity before it must be finished first.",
        "All attempts on “%(title)s” are used up (allowed: %(most)s).",
    } <= texts


def test_a_text_with_values_is_kept_and_read_again_and_spoken_by_its_pattern(app):
    text = words.said("%(who)s has %(count)s", who=words.said("Nobody"), count=3)

    assert words.read(words.kept(text)) == copy.deepcopy(text) == "Nobody has 3"
    with app.test_request_context():
        assert translated(words.kept(text)) == "Nobody has 3"


def test_no_template_of_the_frame_writes_a_style_or_a_script_into_the_page():
    for path in TEMPLATES.rglob("*.html"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|<script(?![^>]*(\ssrc=|application/json))|\son[a-z]+=", source), path
