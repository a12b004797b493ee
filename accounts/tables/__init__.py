"""Tables of accounts, by noun."""

from accounts.tables.actions import ActionKind, ActionStep, PeopleAction, PeopleActionChange
from accounts.tables.api_clients import ApiClient
from accounts.tables.audiences import Audience, AudienceMember
from accounts.tables.details import CustomField, Deputy, ExternalId, FieldType, FieldVisibility, UserProfile
from accounts.tables.imports import ImportStep, PeopleImport, PeopleImportChange
from accounts.tables.organizations import Organization, OrganizationTheme
from accounts.tables.people import Membership, MembershipStatus, User, has_not_left
from accounts.tables.providers import IdentityProvider, ProviderIdentity
from accounts.tables.roles import Role, RoleAssignment, RoleCode
from accounts.tables.scim import ScimUser, UserGroup, UserGroupMember
from accounts.tables.sign_in import AuthSession, OneTimeToken, RecoveryCode, TokenPurpose
from accounts.tables.structure import OrgUnit, OrgUnitType, Placement, Position
from accounts.tables.views import PeopleView

__all__ = [
    "ActionKind",
    "ActionStep",
    "ApiClient",
    "Audience",
    "AudienceMember",
    "AuthSession",
    "CustomField",
    "Deputy",
    "ExternalId",
    "FieldType",
    "FieldVisibility",
    "IdentityProvider",
    "ImportStep",
    "Membership",
    "MembershipStatus",
    "OneTimeToken",
    "OrgUnit",
    "OrgUnitType",
    "Organization",
    "OrganizationTheme",
    "PeopleAction",
    "PeopleActionChange",
    "PeopleImport",
    "PeopleImportChange",
    "PeopleView",
    "Placement",
    "Position",
    "ProviderIdentity",
    "RecoveryCode",
    "Role",
    "RoleAssignment",
    "RoleCode",
    "ScimUser",
    "TokenPurpose",
    "User",
    "UserGroup",
    "UserGroupMember",
    "UserProfile",
    "has_not_left",
]
