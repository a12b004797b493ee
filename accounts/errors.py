"""What can go wrong with accounts."""

from uuid import UUID

from core.errors import Conflict, Forbidden, Gone, TooMany, Unauthorized


class SignInRefused(Unauthorized):
    """E-mail and password do not belong together; never says which of the two is wrong."""

    title = "E-mail or password is wrong"


class SignInLocked(TooMany):
    """Too many wrong passwords; the account waits."""

    title = "Too many wrong passwords. Wait a few minutes and try again"


class AlreadyMember(Conflict):
    """This e-mail belongs to somebody of the organization already."""

    title = "Somebody with this e-mail is already here"


class LinkExpired(Gone):
    """A link from a letter that is too old, used, replaced by a newer one, or made up; all look alike."""

    title = "This link no longer works"

    def __init__(self) -> None:
        super().__init__("It has expired, or was used already. Ask for a new one.")


class LastAdministrator(Conflict):
    """Nobody could administer the organization afterwards."""

    title = "Somebody must be able to administer the organization. Give another person that role first"


class AdministratorProtected(Forbidden):
    """Who may not assign roles may not shut an administrator out either."""

    title = "Only somebody who may assign roles can change the standing of an administrator"


class MoreThanOneHolds(Forbidden):
    """Nobody gives, takes away or makes a role that allows more than they may do themselves."""

    title = "This role allows more than you may do yourself"


class StrangerRefused(Forbidden):
    """A provider vouches for somebody who is nobody here; says nothing of who is known elsewhere."""

    title = "This organization does not know you"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "This organization does not know you by that account. Ask it for an invitation.")


class ProofNeeded(Conflict):
    """A provider says it is somebody of the organization, who has to confirm that once."""

    title = "Confirm by letter that this account is yours"

    def __init__(self, user_id: UUID) -> None:
        super().__init__()
        self.user_id = user_id
