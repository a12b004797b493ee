"""What the rooms above may have to tell people about packages and the run-time."""

from core.errors import Conflict, Invalid


class Superseded(Conflict):
    """A later session of the same registration has taken over; this one writes nothing any more."""

    title = "This course was opened somewhere else"


class NotPlayable(Invalid):
    """The course offers nothing that could be opened now."""

    title = "There is nothing to open now"


class NotAPackage(Invalid):
    """The upload is empty, or no file came with the request."""

    title = "No package was uploaded"
