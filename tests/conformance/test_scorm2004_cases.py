"""The official SCORM 2004 4th Edition cases, played in plain Python: delivery order, every call, every question."""

import pytest

from tests.conformance.case_driver import play
from tests.scorm_player.scorm_cases import names, needs_cases


@needs_cases
@pytest.mark.conformance
@pytest.mark.parametrize("name", names())
def test_the_case_is_played_as_expected(name):
    assert play(name) == []
