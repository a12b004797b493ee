"""A manager's team: who reports to them, and how far everybody is."""

from flask import render_template
from flask.typing import ResponseReturnValue

from accounts.permissions import Kind
from accounts.services import reach
from core import clock
from core.http import current_user, database, page_number, requires
from core.reach import Reach
from training.routes.blueprint import bp
from training.routes.reading import PAGE
from training.rules.assignments import Standing
from training.services import team


@bp.get("/team")
@requires("progress.read", limited=True)
def show_team() -> ResponseReturnValue:
    """Show everybody who reports to whoever is signed in, those with overdue assignments first."""
    number = page_number()
    with database().read(current_user().organization_id) as session:
        found = team.of(session, _line(), clock.now())
    return render_template(
        "training/team.html",
        team=found,
        shown=found.members[(number - 1) * PAGE : number * PAGE],
        standings=Standing,
        page=number,
        pages=-(-len(found.members) // PAGE),
    )


def _line() -> Reach:
    """Return the people under whoever is signed in, and under those for whom they stand in."""
    places = frozenset(place for place in current_user().places if place[0] == Kind.REPORTS)
    found = reach.of(places)
    if found is None:
        raise AssertionError("places were given")
    return found
