"""What can go wrong with the catalog."""

from core.errors import Conflict, Invalid


class CodeTaken(Conflict):
    """Another course has this code already."""

    title = "Another course has this code"


class CourseIsArchived(Conflict):
    """An archived course is not changed; it can be restored."""

    title = "This course is archived. Restore it first"


class VersionIsFinal(Conflict):
    """A version that was published is never changed; a new draft can be."""

    title = "This version has been published and is final. Make a new draft to change it"


class CannotPublish(Invalid):
    """The draft is not ready for learners; the problems say what is missing."""

    title = "This draft is not ready to be published"
