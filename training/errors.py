"""What can go wrong in training."""

from core.errors import Conflict


class NotPublished(Conflict):
    """The course has no published version that could be taken."""

    title = "This course is not published"


class AlreadyRevoked(Conflict):
    """The certificate has been revoked before."""

    title = "This certificate is revoked already"
