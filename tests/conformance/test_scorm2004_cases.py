"""The official SCORM 2004 4th Edition cases, played in plain Python: delivery order, every call, every question."""

import pytest

from tests.conformance.case_driver import play
from tests.conformance.plain_player import Shared
from tests.scorm_player.scorm_cases import names, needs_cases

pytestmark = [needs_cases, pytest.mark.conformance]


@pytest.fixture(scope="module")
def findings():
    """Play all cases in order for one learner: some packages build on what an earlier one has left behind."""
    learner = Shared()
    return {name: play(name, learner) for name in names()}


@pytest.mark.parametrize("name", names())
def test_the_case_is_played_as_expected(name, findings):
    assert findings[name] == []
