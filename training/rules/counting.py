"""Which statements count (`cmi5-xapi-packages.md`): a statement moves training only when it is this enrollment's own,
or comes from a source the module trusts. Everything else is stored, and listed with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from training.rules.progress import fact_of


class Reason(StrEnum):
    """Why a statement does not count."""

    VOIDED = "voided"
    NO_ACTIVITY = "no_activity"
    UNKNOWN_REGISTRATION = "unknown_registration"
    UNKNOWN_ACTIVITY = "unknown_activity"
    OTHER_ACTIVITY = "other_activity"
    OTHER_ACTOR = "other_actor"
    UNTRUSTED_SOURCE = "untrusted_source"
    UNKNOWN_PERSON = "unknown_person"
    NOT_ENROLLED = "not_enrolled"
    SAYS_NOTHING = "says_nothing"


@dataclass(frozen=True)
class Claim:
    """What training reads of a statement. `credential_id` is None when Stoa's own run-time stored it."""

    statement_id: UUID
    stored: datetime
    at: datetime
    actor: Mapping[str, Any]
    verb: str
    activity: str | None
    registration: UUID | None
    credential_id: UUID | None
    result: Mapping[str, Any]
    target: UUID | None = None
    is_voided: bool = False


@dataclass(frozen=True)
class Participation:
    """One module of one enrollment, as far as a statement can be about it.

    `root` is the IRI of the package's course, or of an external module; `items` are the IRIs of what can be launched in
    it; `actor` is whom it was launched for.
    """

    enrollment_id: UUID
    module_id: UUID
    user_id: UUID
    root: str
    items: frozenset[str] = frozenset()
    registration_id: UUID | None = None
    actor: str | None = None
    trusted: frozenset[UUID] = frozenset()

    def owns(self, iri: str) -> bool:
        """Tell whether an activity is this module's: its root, an item, or something inside one of them."""
        return iri == self.root or iri in self.items or iri.startswith((self.root + "/", self.root + "?"))


@dataclass(frozen=True)
class Surroundings:
    """What is known around a claim: where it was launched, which module its activity is, who it is about."""

    launched: Participation | None = None
    about: UUID | None = None
    is_trusted: bool = False
    person: UUID | None = None
    enrolled: Participation | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a claim counts: for which participation, or why not."""

    counts_for: Participation | None = None
    reason: Reason | None = None
    module_id: UUID | None = None


def claim_of(
    payload: Mapping[str, Any], *, stored: datetime, credential_id: UUID | None, is_voided: bool = False
) -> Claim:
    """Read what training needs out of a stored statement (its id, timestamp and shape are valid xAPI already).

    A source from elsewhere cannot report the future; our own run-time keeps our own clock.
    """
    obj = payload["object"]
    kind = obj.get("objectType", "Activity")
    registration = payload.get("context", {}).get("registration")
    told = _instant(payload.get("timestamp"), stored)
    return Claim(
        statement_id=UUID(payload["id"]),
        stored=stored,
        at=told if credential_id is None else min(told, stored),
        actor=payload["actor"],
        verb=payload["verb"]["id"],
        activity=obj["id"] if kind == "Activity" else None,
        registration=UUID(registration) if registration else None,
        credential_id=credential_id,
        result=payload.get("result", {}),
        target=UUID(obj["id"]) if kind == "StatementRef" else None,
        is_voided=is_voided,
    )


def judge(claim: Claim, around: Surroundings) -> Verdict:
    """Decide whether a statement counts, by way (a), the launch, or way (b), a source that the module trusts."""
    launched, module_id = around.launched, around.launched.module_id if around.launched else around.about
    if claim.is_voided:
        return Verdict(reason=Reason.VOIDED, module_id=module_id)
    if claim.activity is None:
        return Verdict(reason=Reason.NO_ACTIVITY, module_id=module_id)
    if claim.credential_id is None:
        found = _by_launch(claim, launched)
    else:
        found = _by_trust(around)
    if isinstance(found, Reason):
        return Verdict(reason=found, module_id=module_id)
    if fact_of(claim) is None:
        return Verdict(reason=Reason.SAYS_NOTHING, module_id=found.module_id)
    return Verdict(counts_for=found, module_id=found.module_id)


def _by_launch(claim: Claim, launched: Participation | None) -> Participation | Reason:
    """Way (a): the registration is an enrollment's, the activity its package's, the actor the launch's."""
    if launched is None:
        return Reason.UNKNOWN_REGISTRATION
    if claim.activity is None or not launched.owns(claim.activity):
        return Reason.OTHER_ACTIVITY
    if launched.actor is None or identity(claim.actor) != launched.actor:
        return Reason.OTHER_ACTOR
    return launched


def _by_trust(around: Surroundings) -> Participation | Reason:
    """Way (b): the module trusts the credential, the activity is the module's, the person is known and enrolled."""
    if around.about is None:
        return Reason.UNKNOWN_ACTIVITY if around.launched is None else Reason.UNTRUSTED_SOURCE
    if not around.is_trusted:
        return Reason.UNTRUSTED_SOURCE
    if around.person is None:
        return Reason.UNKNOWN_PERSON
    return around.enrolled or Reason.NOT_ENROLLED


def identity(actor: Mapping[str, Any]) -> str | None:
    """Return one text that is the same for the same person: the agent's inverse functional identifier."""
    account = actor.get("account")
    if isinstance(account, Mapping):
        return f"account {account.get('homePage')} {account.get('name')}"
    for name in ("mbox", "mbox_sha1sum", "openid"):
        if name in actor:
            return f"{name} {actor[name]}"
    return None


def account_of(actor: Mapping[str, Any], home_page: str) -> UUID | None:
    """Return the person behind an account of ours (`home_page` is the organization's), if it is one."""
    account = actor.get("account")
    if not isinstance(account, Mapping) or account.get("homePage") != home_page:
        return None
    try:
        return UUID(str(account.get("name")))
    except ValueError:
        return None


def mailbox_of(actor: Mapping[str, Any]) -> str | None:
    """Return the e-mail of an actor that is identified by one."""
    mbox = actor.get("mbox")
    return mbox.removeprefix("mailto:") if isinstance(mbox, str) else None


def actor_of(user_id: UUID, name: str, home_page: str) -> dict[str, Any]:
    """Return a person as xAPI actor: an account with an opaque name, never the e-mail."""
    return {"objectType": "Agent", "name": name, "account": {"homePage": home_page, "name": str(user_id)}}


def _instant(text: object, otherwise: datetime) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return found if found.tzinfo else found.replace(tzinfo=UTC)
