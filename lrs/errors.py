"""What can go wrong in the LRS, beyond the errors of the core."""

from collections.abc import Sequence

from core.errors import BadRequest, Conflict
from core.errors import Problem as Place
from lrs.xapi.problems import Problem


class InvalidStatements(BadRequest):
    """The request breaks the standard; `problems` names every place and the section that says so."""

    title = "This is not valid xAPI"

    def __init__(self, problems: Sequence[Problem]) -> None:
        first = problems[0]
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"{first.path} {first.message} [{first.requirement}]{more}",
            problems=[Place(item.path, item.message, item.requirement) for item in problems],
        )


class StatementConflict(Conflict):
    """A different statement already has this id."""

    title = "A different statement already has this id"
