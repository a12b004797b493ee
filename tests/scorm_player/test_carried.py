"""Text that no database holds is kept for the content, and made readable for people."""

import pytest

from scorm_player.scorm.carried import MARK, kept


@pytest.mark.parametrize(
    ("element", "value", "expected"),
    [
        pytest.param("cmi.suspend_data", "plain", "plain", id="plain"),
        pytest.param("cmi.suspend_data", f"a{MARK}d83d", f"a{MARK}d83d", id="opaque, written out"),
        pytest.param("cmi.core.lesson_location", "a\0", f"a{MARK}0000", id="opaque, a bare zero"),
        pytest.param("adl.data.3.store", f"{MARK}0000", f"{MARK}0000", id="a store"),
        pytest.param("cmi.interactions.0.learner_response", f"so{MARK}d83d", "so\ufffd", id="an answer"),
        pytest.param("cmi.comments.0.comment", "a\0b", "a\ufffdb", id="a comment"),
    ],
)
def test_a_value_is_kept_so_that_it_can_be_stored(element, value, expected):
    assert kept(element, value) == expected
