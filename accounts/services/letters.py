"""What accounts writes to people: one purpose, one link, how long it works, what to do when it was not them."""

from accounts.services.people import Person, Tenant

Letter = tuple[str, str]
"""Subject and plain text."""


def invitation(person: Person, tenant: Tenant, link: str) -> Letter:
    """Invite somebody to the organization."""
    return f"Your account at {tenant.name}", _text(
        person,
        f"{tenant.name} has made an account for you in Stoa. Open this link to confirm your e-mail and begin:",
        link,
        "It works once, for 14 days. If you did not expect it, you need not do anything.",
    )


def reset(person: Person, tenant: Tenant, link: str) -> Letter:
    """Let somebody set a new password."""
    return "Set a new password", _text(
        person,
        f"Somebody, we hope you, asked for a new password for your account at {tenant.name}. Set it here:",
        link,
        "It works once, for one hour. If it was not you, your password stays as it is: do nothing.",
    )


def verification(person: Person, tenant: Tenant, link: str) -> Letter:
    """Let somebody prove that an e-mail is theirs."""
    return "Confirm your e-mail", _text(
        person,
        f"Confirm that this is your e-mail, so that {tenant.name} can count what you learn under it:",
        link,
        "It works once, for two days.",
    )


def connect(person: Person, tenant: Tenant, provider: str, link: str) -> Letter:
    """Let somebody say that an identity provider's account is theirs."""
    return f"Is this your account at {provider}?", _text(
        person,
        f"Somebody, we hope you, signed in to {tenant.name} with {provider} for the first time, as {person.email}. "
        "Open this link in the same browser to connect the two:",
        link,
        "It works once, for one hour. If it was not you, do nothing, and tell your administrator.",
    )


def password_changed(person: Person, tenant: Tenant) -> Letter:
    """Tell somebody that their password is another now."""
    return "Your password was changed", _text(
        person,
        f"The password of your account at {tenant.name} was changed just now.",
        "",
        "If it was not you, use “Forgotten your password?” on the sign-in page at once and tell your administrator.",
    )


def second_factor_reset(person: Person, tenant: Tenant) -> Letter:
    """Tell somebody that their second factor was switched off in their stead."""
    return "Your second factor was switched off", _text(
        person,
        f"An administrator of {tenant.name} has switched off the second factor of your account, and signed you out.",
        "",
        "Sign in with your password and set it up again. If you did not ask for this, tell your administrator at once.",
    )


def audit_log_broken(person: Person, tenant: Tenant, link: str) -> Letter:
    """Tell an administrator that somebody has been at the audit log."""
    return "The audit log has been changed", _text(
        person,
        f"The audit log of {tenant.name} does not fit its chain any more: rows were changed, removed, moved or put in "
        "by somebody who can write to the database. This page says which:",
        link,
        "Keep a copy of the database and of the instance folder before anything else, and find out who had access.",
    )


def _text(person: Person, what: str, link: str, end: str) -> str:
    return "\n\n".join(part for part in (f"Hello {person.name},", what, link, end) if part) + "\n"
