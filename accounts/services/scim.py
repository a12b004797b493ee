"""People and groups as another system keeps them (SCIM 2.0, RFC 7643 and 7644): what is read, and what a write means.

A SCIM user is a membership. The other system may call people as it likes (`userName`), and what it says of names and
e-mails is kept beside the membership; the person's own name follows only where no other organization knows them, their
e-mail never. `active: false` and DELETE mean leaving. A group is a list of named members that audiences can use.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from pydantic import Field
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Extension,
    GroupMembership,
    InvalidValueException,
    Meta,
    Mutability,
    NotFoundException,
    PreconditionFailedException,
    Reference,
    Required,
    Resource,
    Uniqueness,
    UniquenessException,
)
from scim2_models import User as FullUser
from scim2_models.resources.resource import AnyExtension

from accounts.errors import AlreadyMember
from accounts.events import PersonChanged
from accounts.services import members, people, units
from accounts.store import scim as store
from accounts.tables import ScimUser, UserGroup
from core import audit
from core.db import Session, uuid7
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.events import publish

MOST_NAMED = 1000
"""People up to whom groups are asked for by person; beyond, all are read."""

Answer = TypeVar("Answer")


class Name(ComplexAttribute):
    """A person's name in parts."""

    family_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address of a person."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class Manager(ComplexAttribute):
    """Whom somebody reports to."""

    value: str | None = None
    ref: Reference["User"] | None = Field(  # type: ignore[type-arg]
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class EnterpriseUser(Extension):
    """Where a person stands in the organization."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    employee_number: str | None = None
    department: str | None = None
    manager: Manager | None = None


class User(Resource[AnyExtension]):
    """A person in the organization."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: Name | None = None
    display_name: str | None = None
    title: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None


class GroupMember(ComplexAttribute):
    """Somebody in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(  # type: ignore[type-arg]
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """People by name."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    members: list[GroupMember] | None = None


Person = User[EnterpriseUser]
assert FullUser.__schema__ == User.__schema__  # noqa: S101 - the same schema, with the attributes that mean something here


def listed(session: Session, base: str, only: Sequence[UUID] | None = None, node: Any = None) -> list[Any]:
    """Return people as SCIM users; `only` narrows to some, `node` (of a filter) to those who may fit it."""
    return _users(session, store.people(session, only, which=_which(node)), base)


def page(session: Session, base: str, offset: int, limit: int) -> tuple[list[Any], int]:
    """Return some of all people as SCIM users, oldest first, and how many there are."""
    rows = store.people(session, offset=offset, limit=limit) if limit else []
    return _users(session, rows, base), store.count(session)


def _users(session: Session, rows: Sequence[store.Line], base: str) -> list[Any]:
    groups: dict[UUID, list[tuple[UUID, str]]] = {}
    names = {group.id: group.name for group in store.groups(session)}
    named = [row[0].user_id for row in rows] if len(rows) <= MOST_NAMED else None
    for group_id, user_id, _name in store.group_members(session, of=named):
        groups.setdefault(user_id, []).append((group_id, names[group_id]))
    return [_user(row, groups.get(row[0].user_id, []), base) for row in rows]


def _which(node: Any) -> Any:
    """Return what the database can say of a filter: a condition that leaves out nobody who fits, or nothing."""
    if node is None:
        return None
    operator = str(getattr(getattr(node, "op", ""), "value", getattr(node, "op", "")))
    terms = getattr(node, "terms", None)
    if terms is not None:
        known = [found for term in terms if (found := _which(term)) is not None]
        if operator == "and" and known:
            return store.all_of(known)
        return store.one_of(known) if operator == "or" and len(known) == len(terms) else None
    path = getattr(node, "attr_path", None)
    if path is None or getattr(path, "sub_attr", None) or not hasattr(node, "value"):
        return None
    return store.fits(str(path.attr).lower(), operator, node.value)


def user(session: Session, user_id: str, base: str) -> Any:
    """Return one person. Raises NotFoundException."""
    found = listed(session, base, [_id(user_id)])
    if not found:
        raise NotFoundException
    return found[0]


def candidates(session: Session, attribute: str, value: str) -> list[UUID] | None:
    """Return who could have this value where that is asked quickly; None means anybody could."""
    if attribute == "username":
        holder = store.holder(session, value)
        return [holder] if holder else []
    return store.by_external_id(session, value) if attribute == "externalid" else None


def add_user(session: Session, given: Any, now: datetime, base: str) -> Any:
    """Let somebody join, or come back. Raises UniquenessException when the userName is taken."""
    user_name = _user_name(given)
    holder = store.holder(session, user_name)
    if holder is not None:
        raise UniquenessException(detail="Somebody here has this userName.")
    email = _address(session, given, user_name)
    known = people.ids_by_email(session, [email]).get(email)
    if known is None:
        first, last = _names(given, user_name)
        known = _refusing(
            lambda: people.add(session, email=email, first_name=first, last_name=last, roles=["learner"], now=now)
        )
    elif (said := store.said_of(session, known)) is None or said.removed_at is None:
        raise UniquenessException(detail="Somebody here has this e-mail address.")
    _apply(session, known, given, now)
    return user(session, str(known), base)


def change_user(session: Session, user_id: str, wanted: Any, now: datetime, base: str) -> Any:
    """Make somebody as SCIM says. Raises UniquenessException, InvalidValueException."""
    found = _id(user_id)
    user(session, user_id, base)
    holder = store.holder(session, _user_name(wanted))
    if holder is not None and holder != found:
        raise UniquenessException(detail="Somebody else has this userName.")
    _apply(session, found, wanted, now)
    said = store.said_of(session, found)
    assert said is not None  # noqa: S101 - just kept
    if wanted.active is None:  # said of how they stand now; when that changes, it is told again
        said.said = {**said.said, "unsaid": _is_in(people.status(session, found))}
    session.flush()
    return user(session, user_id, base)


def remove_user(session: Session, user_id: str, now: datetime, base: str) -> None:
    """Let somebody leave; what they did stays. For SCIM they are gone. Raises NotFoundException."""
    before, found = user(session, user_id, base), _id(user_id)
    if people.status(session, found) != "left":
        _stand(session, found, "left", now)
    said = store.said_of(session, found)
    if said is None:
        said = ScimUser(user_id=found, user_name=before.user_name, said={}, changed_at=now)
        session.add(said)
    said.removed_at = now
    store.leave_groups(session, found)
    session.flush()


def _apply(session: Session, user_id: UUID, given: Any, now: datetime) -> None:
    more = given[EnterpriseUser] or EnterpriseUser()
    member = members.get(session, user_id, now)
    said = store.said_of(session, user_id)
    if said is None:
        said = ScimUser(user_id=user_id, user_name="", said={}, changed_at=now)
        session.add(said)
    is_back = said.removed_at is not None
    known_as = {"user_name": said.user_name, "external_id": said.external_id}
    said.user_name, said.external_id, said.removed_at = _user_name(given), given.external_id, None
    said.said = given.model_dump(mode="json", include={"name", "display_name", "emails"}, scim_ctx=None)
    session.flush()
    known_now = {"user_name": said.user_name, "external_id": said.external_id}
    if known_as != known_now:
        audit.record(
            session, "scim_user.changed", "person", user_id, subject_user_id=user_id, old=known_as, new=known_now
        )
    name = given.name or Name()
    manager = ""
    if more.manager is not None and (named := more.manager.value or str(more.manager.ref or "").rpartition("/")[2]):
        try:
            manager = people.get(session, UUID(named)).email
        except (ValueError, NotFound):
            raise InvalidValueException(detail="The manager is nobody here.") from None
    facts: dict[str, Any] = {
        "first_name": name.given_name or member.person.first_name,
        "last_name": name.family_name or member.person.last_name,
        "position_title": given.title or "",
        "employee_id": more.employee_number or "",
        "hired_on": str(member.hired_on or ""),
        "manager_email": manager,
        "org_unit_id": str(_unit(session, more.department, now)) if more.department else "",
        "position_id": str(member.position[0]) if member.position else "",
        "tags": ", ".join(member.tags),
    }
    if len(facts["position_title"]) > 100 or len(facts["employee_id"]) > 100:
        raise InvalidValueException(detail="title and employeeNumber take at most 100 characters.")
    _refusing(lambda: members.change(session, user_id, now=now, **facts))
    standing = people.status(session, user_id)
    if given.active is False and standing != "left":
        _stand(session, user_id, "left", now)
    elif (given.active is True or is_back) and standing in ("left", "suspended"):
        _stand(session, user_id, "active", now)
    if said.changed_at != now:
        said.changed_at = now
    session.flush()


def _is_in(status: str) -> bool:
    return status in ("active", "invited", "on_leave")


def _stand(session: Session, user_id: UUID, status: str, now: datetime) -> None:
    _refusing(lambda: members.set_standing(session, user_id, status, now, may_assign_roles=False))


def _unit(session: Session, name: str, now: datetime) -> UUID:
    """Return the unit that the other system calls a department; one is made when there is none."""
    found = store.unit_named(session, name)
    if found is not None:
        return found
    code = f"SCIM-{hashlib.sha256(name.encode()).hexdigest()[:10].upper()}"
    return _refusing(
        lambda: units.add(
            session, now, name=name, code=code, unit_type="department", description="", parent_id="", manager_email=""
        )
    )


def groups(session: Session, base: str) -> list[Group]:
    """Return the groups."""
    inside: dict[UUID, list[tuple[UUID, str]]] = {}
    for group_id, user_id, name in store.group_members(session):
        inside.setdefault(group_id, []).append((user_id, name))
    return [_group(row, inside.get(row.id, []), base) for row in store.groups(session)]


def group(session: Session, group_id: str, base: str) -> Group:
    """Return a group. Raises NotFoundException."""
    row = _group_row(session, group_id)
    return _group(row, [(user_id, name) for _, user_id, name in store.group_members(session, row.id)], base)


def put_group(session: Session, group_id: str | None, given: Group, now: datetime, base: str) -> Group:
    """Make a group as SCIM says; without `group_id` a new one. Raises NotFound-, Invalid-, UniquenessException."""
    name = (given.display_name or "").strip()
    if not name or len(name) > 150 or not name.isprintable():
        raise InvalidValueException(detail="displayName takes 1 to 150 characters, in one line.")
    row = _group_row(session, group_id) if group_id is not None else None
    other = store.group_named(session, name)
    if other is not None and other is not row:
        raise UniquenessException(detail="Another group has this displayName.")
    wanted = list(dict.fromkeys(_member(member) for member in given.members or ()))
    if len(people.named(session, wanted)) != len(wanted):
        raise InvalidValueException(detail="A member is nobody here.")
    old: dict[str, Any] | None = None
    before: list[UUID] = []
    if row is None:
        row = UserGroup(id=uuid7(), name=name, created_at=now, changed_at=now)
        session.add(row)
    else:
        before = [user_id for _, user_id, _name in store.group_members(session, row.id)]
        old = {"name": row.name, "members": [str(one) for one in before]}
    row.name, row.external_id, row.changed_at = name, given.external_id, now
    session.flush()
    if before != wanted:
        store.set_members(session, row.id, wanted)
    new = {"name": name, "members": [str(one) for one in wanted]}
    audit.record(session, "group.changed" if old else "group.added", "group", row.id, old=old, new=new)
    for moved in set(before) ^ set(wanted):
        publish(session, PersonChanged(moved, ["groups"]), subject=moved)
    return group(session, str(row.id), base)


def remove_group(session: Session, group_id: str) -> None:
    """Take a group away; its members stay. Raises NotFoundException."""
    row = _group_row(session, group_id)
    inside = [user_id for _, user_id, _name in store.group_members(session, row.id)]
    old = {"name": row.name, "members": [str(one) for one in inside]}
    audit.record(session, "group.removed", "group", row.id, old=old)
    store.set_members(session, row.id, [])
    session.delete(row)
    session.flush()
    for moved in inside:
        publish(session, PersonChanged(moved, ["groups"]), subject=moved)


def require_version(resource: Resource[Any], wanted: str | None) -> None:
    """Refuse a change made for another state (If-Match). Raises PreconditionFailedException."""
    if wanted is not None and wanted.strip() != "*":
        tags = [tag.strip() for tag in wanted.split(",")]
        if resource.meta is None or resource.meta.version not in tags:
            raise PreconditionFailedException


def _user(row: store.Line, groups: list[tuple[UUID, str]], base: str) -> Any:
    member, user, said, unit, manager = row
    kept = dict(said.said) if said else {}
    name = kept.get("name") if said else {"given_name": user.first_name, "family_name": user.last_name}
    is_in = _is_in(member.status.value)
    emails = kept.get("emails") if said else [{"value": user.email, "type": "work", "primary": True}]
    found = Person(
        id=str(user.id),
        external_id=said.external_id if said else None,
        user_name=said.user_name if said else user.email,
        name=Name(family_name=name.get("family_name"), given_name=name.get("given_name")) if name else None,
        display_name=kept.get("display_name") or (None if said else user.display_name),
        title=member.position_title,
        active=None if kept.get("unsaid") is is_in else is_in,
        emails=[Email(**email) for email in emails] if emails else None,
        groups=[
            GroupMembership(
                value=str(group_id), ref=Reference(f"{base}/Groups/{group_id}"), display=called, type="direct"
            )
            for group_id, called in groups
        ]
        or None,
    )
    if member.employee_id or unit or manager:
        found[EnterpriseUser] = EnterpriseUser(
            employee_number=member.employee_id,
            department=unit.name if unit else None,
            manager=Manager(value=str(manager.id), ref=Reference(f"{base}/Users/{manager.id}")) if manager else None,
        )
    changed = said.changed_at if said else member.created_at
    return _with_meta(found, "User", f"{base}/Users/{user.id}", member.created_at, changed)


def _group(row: UserGroup, inside: list[tuple[UUID, str]], base: str) -> Group:
    found = Group(
        id=str(row.id),
        external_id=row.external_id,
        display_name=row.name,
        members=[
            GroupMember(value=str(user_id), ref=Reference(f"{base}/Users/{user_id}"), type="User")
            for user_id, name in inside
        ]
        or None,
    )
    return _with_meta(found, "Group", f"{base}/Groups/{row.id}", row.created_at, row.changed_at)


Found = TypeVar("Found", bound=Resource[Any])


def _with_meta(found: Found, kind: str, location: str, created: datetime, changed: datetime) -> Found:
    version = hashlib.sha256(found.model_dump_json().encode()).hexdigest()[:24]
    found.meta = Meta(
        resource_type=kind, created=created, last_modified=changed, location=location, version=f'W/"{version}"'
    )
    return found


def _user_name(given: Any) -> str:
    text = (given.user_name or "").strip()
    if not text or len(text) > 255 or not text.isprintable():
        raise InvalidValueException(detail="userName takes 1 to 255 characters, in one line.")
    return text


def _address(session: Session, given: Any, user_name: str) -> str:
    """Return the e-mail a newcomer is known by: the primary one, else the userName, else one nobody receives."""
    emails = sorted(given.emails or (), key=lambda email: not email.primary)
    for text in (*(email.value for email in emails), user_name):
        if text and people.is_email(text.strip().lower()):
            return str(text.strip().lower())
    number = hashlib.sha256(user_name.lower().encode()).hexdigest()[:16]
    return f"{number}@{people.tenant(session).slug}.invalid"


def _names(given: Any, user_name: str) -> tuple[str, str]:
    name = given.name or Name()
    words = (given.display_name or user_name).split()
    first = name.given_name or (words[0] if words else user_name)
    last = name.family_name or (words[-1] if len(words) > 1 else user_name)
    return first.strip()[:99], last.strip()[:99]


def _member(member: GroupMember) -> UUID:
    try:
        return UUID(member.value or "")
    except ValueError:
        raise InvalidValueException(detail="A member is nobody here.") from None


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundException from None


def _group_row(session: Session, group_id: str) -> UserGroup:
    row = store.find_group(session, _id(group_id))
    if row is None:
        raise NotFoundException
    return row


def _refusing(act: Callable[[], Answer]) -> Answer:
    """Say in SCIM's words what the organization refuses."""
    try:
        return act()
    except AlreadyMember:
        raise UniquenessException(detail="Somebody here has this e-mail address.") from None
    except Invalid as error:
        told = "; ".join(f"{problem.where}: {problem.what}" for problem in error.problems)
        if any("Somebody else has" in problem.what for problem in error.problems):
            raise UniquenessException(detail=told) from None
        raise InvalidValueException(detail=told or error.message) from None
    except (Conflict, Forbidden) as error:
        raise InvalidValueException(detail=error.message) from None
