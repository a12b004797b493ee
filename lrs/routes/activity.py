"""The activity page: how much happened when, what, about what, by whom; each chart with its table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import get_locale

from core import clock
from core.errors import Invalid, Problem
from core.http import current_tenant, current_user, database, requires
from lrs.routes.blueprint import bp
from lrs.routes.browser import asked
from lrs.routes.credentials import ADMIN
from lrs.services import aggregation, credentials
from lrs.services.aggregation import Bucket, By, Group

TOP = 10
WIDTH, HEIGHT, WIDEST = 720, 180, 60


@dataclass(frozen=True)
class Bar:
    """One bar of the chart, in its units."""

    x: float
    y: float
    width: float
    height: float
    label: str


@bp.get("/lrs/activity")
@requires(ADMIN)
def show_activity() -> ResponseReturnValue:
    """Show counts and charts for the filters in the address; the last thirty days unless they say otherwise."""
    search = asked()
    search = search if search.since else replace(search, since=aggregation.usual_start(clock.now()))
    given = request.args.get("bucket", "")
    bucket = Bucket(given) if given in set(Bucket) else Bucket.DAY
    zone, locale = current_user().timezone, get_locale()
    languages = [locale.language] if locale is not None else ["en"]
    found: dict[str, list[Group]] = {}
    problems: tuple[Problem, ...] = ()
    with database().read(current_tenant()) as session:
        known = [(item.id, item.label) for item in credentials.page(session, clock.now())]
    try:
        for by in By:
            with database().read(current_tenant()) as session:
                found[by] = aggregation.groups(
                    session, search, by, bucket=bucket, zone=zone, limit=TOP, languages=languages
                )
    except Invalid as error:
        problems, found = error.problems, {}
    page = render_template(
        "lrs/activity.html", search=search, bucket=bucket.value, zone=zone, choices=known, problems=problems,
        found=found, bars=bars(found.get(By.TIME, []), bucket), width=WIDTH, height=HEIGHT,
        most=max((item.count for item in found.get(By.TIME, [])), default=0),
        kept={name: text for name, text in asdict(search).items() if text},
    )  # fmt: skip
    return page, 422 if problems else 200


def bars(groups: Sequence[Group], bucket: Bucket) -> list[Bar]:
    """A bar per step of time from the first to the last, also where nothing happened."""
    if not groups:
        return []
    counts = {date.fromisoformat(item.key): item.count for item in groups}
    steps = [min(counts)]
    while steps[-1] < max(counts):
        steps.append(_next(steps[-1], bucket))
    most, step = max(counts.values()), WIDTH / len(steps)
    wide = min(step * 0.8, WIDEST)
    return [
        Bar(
            x=round((number + 0.5) * step - wide / 2, 2),
            width=round(wide, 2),
            y=round(HEIGHT * (1 - counts.get(day, 0) / most), 2),
            height=round(HEIGHT * counts.get(day, 0) / most, 2),
            label=day.isoformat(),
        )
        for number, day in enumerate(steps)
    ]


def _next(day: date, bucket: Bucket) -> date:
    if bucket is Bucket.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if bucket is Bucket.WEEK else 1)
