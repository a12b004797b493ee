from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.xapi import values
from lrs.xapi.versions import Version


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        pytest.param("http://example.com/a?b=c#d", True, id="a URL"),
        pytest.param("urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479", True, id="a URN"),
        pytest.param("tag:adlnet.gov,2013:expapi:0.9:activities:x", True, id="a tag"),
        pytest.param("http://example.com/فعل/خواندن", True, id="beyond ASCII"),
        pytest.param("http://[::1]:8000/x", True, id="an IPv6 host"),
        pytest.param("example.com/x", False, id="no scheme"),
        pytest.param("", False, id="empty"),
        pytest.param("http:", False, id="nothing behind the scheme"),
        pytest.param("ab=c://should.fail.com", False, id="a scheme with a sign"),
        pytest.param("http://example.com/a b", False, id="a space"),
        pytest.param("http://example.com/%zz", False, id="half an escape"),
        pytest.param("http://example.com/<a>", False, id="angle brackets"),
        pytest.param("http://example.com/a#b#c", False, id="two fragments"),
        pytest.param("http://example.com/\u202eabc", False, id="text direction turned round"),
        pytest.param("http://example.com/" + "x" * 9000, False, id="longer than any identifier"),
    ],
)
def test_iris_have_a_scheme_and_no_forbidden_characters(text, is_valid):
    assert values.is_iri(text) is is_valid


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("mailto:ana@northwind.example", True),
        ("mailto:ana+xapi@northwind.example", True),
        ("mailto:ünï@bücher.example", True),
        ("mailto:ana@localhost", True),
        ("ana@northwind.example", False),
        ("MAILTO:ana@northwind.example", False),
        ("mailto:should.fail.com", False),
        ("mailto:a@b@c.example", False),
        ("mailto:a b@c.example", False),
        ("mailto:ana@northwind.example,ben@northwind.example", False),
        ("mailto:ana@northwind.example?subject=x", False),
        ("mailto:@northwind.example", False),
        ("mailto:ana@", False),
        ("mailto:ana@a..b", False),
    ],
)
def test_an_mbox_is_mailto_and_one_address(text, is_valid):
    assert values.is_mbox(text) is is_valid


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("en", True),
        ("en-US", True),
        ("zh-Hant-TW", True),
        ("de-CH-1996", True),
        ("sl-rozaj-biske", True),
        ("es-419", True),
        ("x-klingon", True),
        ("i-klingon", True),
        ("en-GB-oed", True),
        ("en-a-myext-b-another", True),
        ("a12345", False),
        ("a12345678", False),
        ("something", False),
        ("en-", False),
        ("e", False),
        ("en_US", False),
        ("", False),
    ],
)
def test_language_tags_follow_rfc_5646(text, is_valid):
    assert values.is_language_tag(text) is is_valid


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("PT4H35M59.14S", True),
        ("P3Y1M29DT4H35M59.14S", True),
        ("P4W", True),
        ("P3Y", True),
        ("PT0S", True),
        ("PT0.5H", True),
        ("P1M", True),
        ("P1DT12H36M0,12567S", True),
        ("P", False),
        ("PT", False),
        ("P1YT", False),
        ("P4W1D", False),
        ("PT0.5H30M", False),
        ("P0001-01-01T00:00:00", False),
        ("PA1H0M0S", False),
        ("-PT1S", False),
        ("pt1s", False),
        ("12345", False),
    ],
)
def test_durations_are_periods_with_a_fraction_only_at_the_end(text, is_valid):
    assert values.is_duration(text) is is_valid


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("P1DT12H36M0.1237S", "P1DT12H36M0.12S", True),
        ("PT1.00S", "PT1S", True),
        ("PT1.009S", "PT1S", True),
        ("PT1.01S", "PT1S", False),
        ("PT60S", "PT1M", False),
    ],
)
def test_durations_are_compared_to_the_hundredth(one, other, are_same):
    assert (values.comparable_duration(one) == values.comparable_duration(other)) is are_same


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1H30M", 5400),
        ("P1W", 604800),
        ("PT0,5S", 0.5),
        ("P1M", None),
        ("P1Y", None),
        ("PT1M", 60),
        ("nonsense", None),
    ],
)
def test_a_duration_has_a_length_unless_it_counts_months(text, seconds):
    assert values.duration_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "in_1_0", "in_2_0"),
    [
        pytest.param("2026-03-01T09:30:00.000Z", True, True, id="as everybody writes it"),
        pytest.param("2026-03-01T09:30:00+01:00", True, True, id="with an offset"),
        pytest.param("2026-03-01T09:30:00.123456789-05:00", True, True, id="nanoseconds"),
        pytest.param("2026-12-31T23:59:60Z", True, True, id="a leap second"),
        pytest.param("2026-03-01T09:30:00", True, False, id="no zone"),
        pytest.param("2026-03-01T09:30Z", True, False, id="no seconds"),
        pytest.param("2026-03-01T09:30:00+01", True, False, id="an offset of hours"),
        pytest.param("2026-03-01T09:30:00+0100", True, False, id="an offset without colon"),
        pytest.param("2008-09-15T15:53:00.601-00", False, False, id="minus zero"),
        pytest.param("2008-09-15T15:53:00.601-0000", False, False, id="minus zero in four digits"),
        pytest.param("2008-09-15T15:53:00.601-00:00", False, False, id="minus zero with a colon"),
        pytest.param("2026-02-30T09:30:00Z", False, False, id="no such day"),
        pytest.param("2026-03-01T25:00:00Z", False, False, id="no such hour"),
        pytest.param("2026-03-01 09:30:00Z", False, False, id="a space"),
        pytest.param("2026-03-01", False, False, id="only a day"),
        pytest.param("01/011/2015", False, False, id="not ISO 8601"),
        pytest.param("9999-12-31T23:59:59-05:00", False, False, id="beyond the last year"),
        pytest.param("0000-01-01T00:00:00Z", False, False, id="before the first year"),
    ],
)
def test_timestamps_are_iso_8601_and_in_2_0_rfc_3339(text, in_1_0, in_2_0):
    assert values.is_timestamp(text, Version.V1_0_3) is in_1_0
    assert values.is_timestamp(text, Version.V2_0) is in_2_0


def test_the_same_moment_in_two_zones_is_one_moment():
    moment = datetime(2023, 5, 4, 17, tzinfo=UTC)

    assert values.parse_timestamp("2023-05-04T12:00:00-05:00") == values.parse_timestamp("2023-05-04T17:00Z") == moment
    assert values.format_timestamp(moment) == "2023-05-04T17:00:00.000000Z"


@pytest.mark.parametrize(
    ("text", "is_valid"),
    [
        ("text/plain", True),
        ("text/plain; charset=ascii", True),
        ('application/x-y; name="a \\"b\\""', True),
        ("image/svg+xml", True),
        ("text", False),
        ("text/", False),
        ("text/plain charset", False),
        ("", False),
    ],
)
def test_media_types(text, is_valid):
    assert values.is_media_type(text) is is_valid


@given(st.text())
def test_no_text_makes_a_check_raise(text):
    for check in (
        values.is_iri, values.is_uuid, values.is_mbox, values.is_sha1, values.is_sha2, values.is_media_type,
        values.is_language_tag, values.is_duration, values.is_timestamp, values.duration_seconds,
    ):  # fmt: skip
        check(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_the_store_writes_it_reads_again(moment):
    for version in Version:
        assert values.parse_timestamp(values.format_timestamp(moment), version) == moment
