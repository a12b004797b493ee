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


class WrongOffset(Conflict):
    """A piece of an upload does not begin where the upload ends; `Upload-Offset` says where that is."""

    title = "This is not the next piece"

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload goes on at byte {offset}.")
        self.headers = {"Upload-Offset": str(offset)}


class TooManyUploads(Conflict):
    """Whoever begins one more upload has too many unfinished ones."""

    title = "There are too many unfinished uploads"
