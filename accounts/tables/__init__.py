"""Tables of accounts, by noun."""

from accounts.tables.organizations import Organization
from accounts.tables.people import Membership, MembershipStatus, User
from accounts.tables.roles import RoleAssignment, RoleCode
from accounts.tables.sign_in import AuthSession, OneTimeToken, RecoveryCode, TokenPurpose

__all__ = [
    "AuthSession",
    "Membership",
    "MembershipStatus",
    "OneTimeToken",
    "Organization",
    "RecoveryCode",
    "RoleAssignment",
    "RoleCode",
    "TokenPurpose",
    "User",
]
