"""Durations and moments as manifests spell them."""

from datetime import UTC, datetime

import pytest

from scorm_player.scorm.sequencing.durations import moment, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT1H2M3.5S", 3723.5),
        ("P1DT1S", 86_401),
        ("P1Y", 31_557_600),
        ("P1M", 2_629_800),
        ("0001:02:03.50", 3723.5),
        ("00:00:10", 10),
        ("P", None),
        ("", None),
        (None, None),
        ("ten minutes", None),
    ],
)
def test_seconds(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("soon", None),
        (None, None),
    ],
)
def test_moment(text, expected):
    assert moment(text) == expected
