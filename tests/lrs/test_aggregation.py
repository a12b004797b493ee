"""Counting statements: for programs, and on the activity page."""

from datetime import date

import psycopg
import pytest

from core import clock
from lrs.routes.activity import bars
from lrs.services import aggregation, browsing, statements
from lrs.services.aggregation import Bucket, By, Group, TooMuch
from lrs.services.browsing import Search
from lrs.store import aggregates
from tests.lrs.factories import activity, agent, statement, voiding

VERBS = "http://adlnet.gov/expapi/verbs/"


@pytest.fixture
def stories(lrs):
    passed = {"result": {"score": {"scaled": 0.9}, "success": True}}
    failed = {"result": {"score": {"scaled": -0.1}, "success": False, "response": '"scaled": 7'}}
    named = activity("a", name={"en": "First aid"})
    batch = [
        statement("passed", object=named, **passed),
        statement("passed", actor=agent("ben", name="Ben"), object=activity("a"), **passed),
        statement("failed", actor=agent("ben", name="Ben"), object=activity("b"), **failed),
        statement("experienced", context={"contextActivities": {"grouping": [activity("b")]}}),
    ]
    lrs.post(*batch)
    return batch


def counted(client, **query):
    answer = client.get("/api/v1/lrs/aggregate", **query)
    assert answer.status_code == 200, answer.text
    return {item["name"]: item for item in answer.json["groups"]}


class TestForPrograms:
    def test_by_verb_with_persons_scores_and_success(self, lrs, stories):
        found = counted(lrs, by="verb")

        assert next(iter(found)) == "passed"
        assert found["passed"] == {
            "key": VERBS + "passed", "name": "passed", "count": 2, "persons": 2, "average_scaled": 0.9,
            "success_share": 1.0,
        }  # fmt: skip
        assert (found["failed"]["average_scaled"], found["failed"]["success_share"]) == (-0.1, 0.0)
        assert (found["experienced"]["average_scaled"], found["experienced"]["success_share"]) == (None, None)

    def test_by_activity_and_by_person(self, lrs, stories):
        assert {name: item["count"] for name, item in counted(lrs, by="activity").items()} == {
            "First aid": 2, "http://courses.example/b": 1, "http://courses.example/course": 1,
        }  # fmt: skip
        assert counted(lrs, by="person")["Ben"]["count"] == 2

    @pytest.mark.parametrize("bucket", list(Bucket))
    def test_by_time_in_a_zone(self, lrs, stories, bucket):
        (found,) = counted(lrs, by="time", bucket=bucket.value, zone="Pacific/Kiritimati").values()

        day = clock.day_in("Pacific/Kiritimati", clock.now())
        first = {"day": day, "week": date.fromordinal(day.toordinal() - day.weekday()), "month": day.replace(day=1)}
        assert (found["key"], found["count"]) == (first[bucket].isoformat(), 4)
        assert found["average_scaled"] == pytest.approx((0.9 + 0.9 - 0.1) / 3)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            pytest.param({"person": "ben@northwind.example"}, 2, id="person"),
            pytest.param({"verb": "passed"}, 2, id="verb"),
            pytest.param({"activity": "http://courses.example/b"}, 2, id="activity, also as context"),
            pytest.param({"activity": "http://courses.example/b", "verb": "failed"}, 1, id="both"),
            pytest.param({"until": "2020-01-01", "since": "2019-01-01"}, 0, id="another time"),
        ],
    )
    def test_filters_are_the_browsers(self, lrs, stories, query, count):
        assert sum(item["count"] for item in counted(lrs, **query).values()) == count

    def test_voided_statements_do_not_count(self, lrs, stories):
        lrs.post(voiding(stories[0]["id"]))

        assert counted(lrs, by="verb")["passed"]["count"] == 1

    def test_only_so_many_groups(self, lrs, stories):
        assert list(counted(lrs, by="verb", limit="1")) == ["passed"]

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            pytest.param({"by": "moon"}, 400, id="by"),
            pytest.param({"bucket": "hour"}, 400, id="bucket"),
            pytest.param({"limit": "101"}, 400, id="limit"),
            pytest.param({"zone": "Mars/Base"}, 422, id="zone"),
            pytest.param({"zone": "../etc"}, 422, id="no zone at all"),
            pytest.param({"registration": "x"}, 422, id="filter"),
        ],
    )
    def test_what_cannot_be_asked_is_said(self, lrs, query, status):
        assert lrs.get("/api/v1/lrs/aggregate", **query).status_code == status

    def test_a_credential_counts_what_it_may_read(self, lrs, stories, client_with):
        mine = client_with("statements/write", "statements/read/mine", authority="other")
        mine.post(statement("passed"))

        assert counted(mine, by="verb")["passed"]["count"] == 1
        assert client_with("state", authority="x").get("/api/v1/lrs/aggregate").status_code == 403


def test_a_score_that_is_no_number_breaks_nothing(lrs):
    item = statement(object={"objectType": "SubStatement"} | {k: v for k, v in statement().items() if k != "id"})
    item["context"] = {"extensions": {"http://x.example/e": {"result": {"score": {"scaled": "high"}}}}}
    lrs.post(item)

    assert counted(lrs, by="verb")["experienced"]["average_scaled"] is None


def test_counting_that_takes_too_long_says_what_to_do(db, monkeypatch):
    def slow(*_args, **_options):
        raise aggregates.TooSlow from psycopg.errors.QueryCanceled()

    monkeypatch.setattr(aggregates, "rows", slow)

    with pytest.raises(TooMuch) as caught:
        aggregation.groups(db, Search(), By.VERB)
    assert caught.value.problems[0].where == "since"


def test_the_database_ends_what_takes_too_long(db, monkeypatch):
    monkeypatch.setitem(aggregates._GROUPS, "verb", "(SELECT s.verb FROM pg_sleep(5))")
    selection = browsing.selection(db, Search())
    statements.store(db, [statement()], authority=agent("lms"))

    with pytest.raises(aggregates.TooSlow):
        aggregates.rows(db, selection, "verb", bucket="day", zone="UTC", limit=1, milliseconds=50)


class TestPage:
    def test_charts_have_tables(self, sign_in, stories):
        page = sign_in("cem").get("/lrs/activity").text

        for words in ('role="img"', "The figures as a table", "What was done", "About what", "By whom", "First aid"):
            assert words in page
        assert "style=" not in page.partition("<main")[2]

    def test_each_line_leads_to_its_statements(self, sign_in, stories):
        cem = sign_in("cem")
        page = cem.get("/lrs/activity?activity=http://courses.example/b").text

        assert "/lrs/statements?activity=http://courses.example/b" in page.replace("%3A", ":").replace("%2F", "/")
        assert cem.get("/lrs/statements?verb=passed").text.count("/lrs/activity?verb=passed") == 1

    def test_nothing_in_this_time(self, sign_in):
        assert "Nothing was stored in this time" in sign_in("cem").get("/lrs/activity").text

    def test_a_filter_that_cannot_be_read_is_named(self, sign_in):
        answer = sign_in("cem").get("/lrs/activity?since=yesterday")

        assert (answer.status_code, 'id="f-since-error"' in answer.text) == (422, True)

    def test_a_learner_may_not_look(self, sign_in):
        assert sign_in("ana").get("/lrs/activity").status_code == 403


@pytest.mark.parametrize(
    ("bucket", "days", "labels"),
    [
        pytest.param(Bucket.DAY, ["2026-02-27", "2026-03-02"], 4, id="days between"),
        pytest.param(Bucket.WEEK, ["2026-02-23", "2026-03-09"], 3, id="weeks between"),
        pytest.param(Bucket.MONTH, ["2026-01-01", "2026-12-01"], 12, id="months between"),
    ],
)
def test_the_chart_shows_also_when_nothing_happened(bucket, days, labels):
    found = bars([Group(day, day, count, 1, None, None) for count, day in enumerate(days, 1)], bucket)

    assert (len(found), found[0].label, found[-1].label) == (labels, *days)
    assert (found[-1].y, found[1].height if labels > 2 else 0) == (0, 0)
