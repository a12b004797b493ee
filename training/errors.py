"""What can go wrong in training."""

from core.errors import Conflict


class NotPublished(Conflict):
    """The course has no published version that could be taken."""

    title = "This course is not published"


class AlreadyRevoked(Conflict):
    """The certificate has been revoked before."""

    title = "This certificate is revoked already"


class NotOpen(Conflict):
    """What was assigned has been completed: it stays so."""

    title = "This assignment is completed. It cannot be canceled"


class OwnAssignment(Conflict):
    """Nobody decides that they need not do what they were assigned (R-ASG-5)."""

    title = "Somebody else must cancel what you were assigned"


class StillWorking(Conflict):
    """A version's people are still being seen to; what it does can be taken back when that is done."""

    title = "This version's people are still being worked on. Try again when that is done"
