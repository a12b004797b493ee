"""The blueprint that the views of the catalog belong to, and the place other rooms may fill on a course's page."""

from collections.abc import Callable

from flask import Blueprint
from flask.blueprints import BlueprintSetupState
from markupsafe import Markup

from catalog.services.courses import Course

bp = Blueprint("catalog", __name__)

CourseActions = Callable[[Course], Markup | str]
"""What a learner can do with a course: markup for the head of its page.

The application sets the Jinja global `course_actions`; the catalog itself knows nothing to do with a course.
"""


@bp.record_once
def offer_no_actions(state: BlueprintSetupState) -> None:
    """Leave the place empty until the application fills it."""
    nothing: CourseActions = lambda _course: ""  # noqa: E731 - a default, not a function of its own
    state.app.jinja_env.globals.setdefault("course_actions", nothing)
