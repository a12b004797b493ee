"""What can go wrong with accounts."""

from core.errors import Conflict, TooMany, Unauthorized


class SignInRefused(Unauthorized):
    """E-mail and password do not belong together; never says which of the two is wrong."""

    title = "E-mail or password is wrong"


class SignInLocked(TooMany):
    """Too many wrong passwords; the account waits."""

    title = "Too many wrong passwords. Wait a few minutes and try again"


class AlreadyMember(Conflict):
    """This e-mail belongs to somebody of the organization already."""

    title = "Somebody with this e-mail is already here"
