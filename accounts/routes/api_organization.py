"""The organization itself over REST: name and language, colors and logo, how people sign in, identity providers.

A program prepares and narrows; what lets somebody in who could not come in before, a person does (ADR 0032).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from pydantic import Field

from accounts.routes.api_people import LINE
from accounts.routes.blueprint import bp
from accounts.routes.organization import MANAGE, addresses_of
from accounts.routes.provider_sign_in import redirect_uri
from accounts.routes.providers import MANAGE as MANAGE_SIGN_IN
from accounts.services import organizations, providers, second_factor, theme
from accounts.services.openid import ProviderFault
from core import clock, rest
from core.db import Session
from core.errors import Conflict, Forbidden
from core.http import config, current_tenant, current_user, database, files, requires

TAG = "organization"
SIGN_IN = "sign-in"
COLOR = r"^#[0-9a-fA-F]{6}$"


class Organization(rest.Answer):
    """What an organization is called, and what counts where a person has not said otherwise."""

    name: str
    slug: str = Field(description="In addresses of its own, such as its sign-in.")
    code: str = Field(description="Begins its certificates' numbers.")
    locale: str
    timezone: str


class OrganizationSent(rest.Sent):
    """What shall be different; what is not named stays."""

    name: str = Field("", max_length=255, pattern=LINE)
    locale: str = Field("", max_length=10, pattern=LINE)
    timezone: str = Field("", max_length=64, pattern=LINE)


class Theme(rest.Answer):
    """How an organization's pages look; `contrast` is the lowest of all pairs that text meets in (4.5 is needed)."""

    brand: str
    accent: str
    contrast: float
    logo_url: str | None
    style_sheet_url: str | None


class ThemeSent(rest.Sent):
    """Both colors; the shades for dark pages, tints and buttons follow from them."""

    brand: str = Field(pattern=COLOR)
    accent: str = Field(pattern=COLOR)


class Settings(rest.Answer):
    """How people come in."""

    requires_provider: bool = Field(description="Everybody but administrators signs in with an identity provider.")
    second_factor_for: list[str] = Field(description="Codes or ids of roles, or `everybody`.")
    verified_domains: list[str] = Field(description="E-mail domains that an operator has vouched for.")


class SettingsSent(rest.Sent):
    """What shall be different; what is not named stays."""

    requires_provider: bool = False
    second_factor_for: list[str] = Field(default_factory=list, max_length=200)


class Provider(rest.Answer):
    """An identity provider (OpenID Connect); its secret is never told."""

    id: UUID
    name: str
    issuer: str
    client_id: str
    has_secret: bool
    auto_provision: bool = Field(description="People nobody knows yet are added when they sign in.")
    is_active: bool
    tested_at: datetime | None
    known_people: int
    redirect_uri: str = Field(description="To be entered at the provider.")


class NewProvider(rest.Sent):
    """A provider; it is switched on after its test."""

    name: str = Field(max_length=100, pattern=LINE)
    issuer: str = Field(max_length=500, pattern=LINE)
    client_id: str = Field(max_length=300, pattern=LINE)
    client_secret: str = Field("", max_length=500)
    auto_provision: bool = False


class ProviderChange(rest.Sent):
    """What shall be different; another issuer or client id switches it off until it is tested anew."""

    name: str = Field("", max_length=100, pattern=LINE)
    issuer: str = Field("", max_length=500, pattern=LINE)
    client_id: str = Field("", max_length=300, pattern=LINE)
    client_secret: str = Field("", max_length=500, description="Empty: as it was.")
    auto_provision: bool = False
    is_active: bool = False


@bp.get("/api/v1/organization")
@requires(MANAGE)
@rest.operation(answer=Organization, tag=TAG, headers={"ETag": "For If-Match."})
def api_show_organization() -> ResponseReturnValue:
    """Answer what the organization is called, its language and its time zone."""
    with database().read(current_tenant()) as session:
        return rest.told(Organization.model_validate(organizations.facts(session)))


@bp.patch("/api/v1/organization")
@requires(MANAGE)
@rest.operation(
    body=OrganizationSent, answer=Organization, tag=TAG, errors=(412,), example={"timezone": "Europe/Berlin"}
)
def api_change_organization(body: OrganizationSent) -> ResponseReturnValue:
    """Change them."""
    with database().write(current_tenant()) as session:
        found = Organization.model_validate(organizations.facts(session))
        rest.require_match(found)
        facts = found.model_dump(include={"name", "locale", "timezone"}) | body.model_dump(exclude_unset=True)
        organizations.change(session, **facts)
        return rest.told(Organization.model_validate(organizations.facts(session)))


@bp.get("/api/v1/organization/theme")
@requires(MANAGE)
@rest.operation(answer=Theme, tag=TAG, headers={"ETag": "For If-Match."})
def api_show_theme() -> ResponseReturnValue:
    """Answer colors and logo."""
    with database().read(current_tenant()) as session:
        return rest.told(_theme(session))


@bp.put("/api/v1/organization/theme")
@requires(MANAGE)
@rest.operation(body=ThemeSent, answer=Theme, tag=TAG, errors=(412,), example={"brand": "#0e5a6e", "accent": "#a8481f"})
def api_change_theme(body: ThemeSent) -> ResponseReturnValue:
    """Keep other colors, when they can be read; else 422 names the nearest shade that can."""
    with database().write(current_tenant()) as session:
        rest.require_match(_theme(session))
        theme.save(session, brand=body.brand.lower(), accent=body.accent.lower())
        return rest.told(_theme(session))


@bp.put("/api/v1/organization/theme/logo")
@requires(MANAGE)
@rest.operation(
    body={"type": "string", "format": "binary"}, media=("image/png", "image/jpeg", "image/webp"), answer=Theme, tag=TAG
)
def api_change_logo() -> ResponseReturnValue:
    """Take a logo: PNG, JPEG or WebP, up to 256 kB."""
    stored, media_type = theme.kept_logo(files(), request.stream.read(theme.LARGEST_LOGO + 1))
    with database().write(current_tenant()) as session:
        theme.save_logo(session, stored, media_type, "logo")
        return rest.told(_theme(session))


@bp.delete("/api/v1/organization/theme/logo")
@requires(MANAGE)
@rest.operation(status=204, tag=TAG)
def api_remove_logo() -> ResponseReturnValue:
    """Show Stoa's mark again."""
    with database().write(current_tenant()) as session:
        theme.remove_logo(session)
    return Response(status=204)


@bp.get("/api/v1/settings")
@requires(MANAGE_SIGN_IN)
@rest.operation(answer=Settings, tag=SIGN_IN, headers={"ETag": "For If-Match."})
def api_show_settings() -> ResponseReturnValue:
    """Answer how people come in."""
    with database().read(current_tenant()) as session:
        return rest.told(_settings(session))


@bp.patch("/api/v1/settings")
@requires(MANAGE_SIGN_IN, critical=True)
@rest.operation(body=SettingsSent, answer=Settings, tag=SIGN_IN, errors=(409, 412), example={"requires_provider": True})
def api_change_settings(body: SettingsSent) -> ResponseReturnValue:
    """Ask for more at the sign-in, or, as a person, for less."""
    person, given = current_user(), body.model_dump(exclude_unset=True)
    with database().write(person.organization_id) as session:
        found = _settings(session)
        rest.require_match(found)
        wanted = given.get("requires_provider", found.requires_provider)
        asked = given.get("second_factor_for", found.second_factor_for)
        if (found.requires_provider and not wanted) or not _covers(asked, found.second_factor_for):
            _for_people_only()
        if sorted(asked) != sorted(found.second_factor_for):
            second_factor.require_of(session, asked, person.user_id)
        if wanted != found.requires_provider:
            providers.require(session, clock.now(), is_required=wanted)
        session.flush()
        return rest.told(_settings(session))


@bp.get("/api/v1/identity-providers")
@requires(MANAGE_SIGN_IN)
@rest.operation(query=rest.Paging, answer=rest.Page[Provider], tag=SIGN_IN)
def api_list_providers(query: rest.Paging) -> ResponseReturnValue:
    """Answer the identity providers by name."""
    with database().read(current_tenant()) as session:
        found = [_provider(one) for one in providers.listed(session)]
    return rest.cut(found, query)


@bp.post("/api/v1/identity-providers")
@requires(MANAGE_SIGN_IN, critical=True)
@rest.operation(
    body=NewProvider, answer=Provider, status=201, tag=SIGN_IN, headers={"Location": "Where the provider is."},
    example={"name": "Directory", "issuer": "https://id.example.org/realms/acme", "client_id": "stoa"},
)  # fmt: skip
def api_add_provider(body: NewProvider) -> ResponseReturnValue:
    """Note a provider, switched off."""
    person = current_user()
    with database().write(person.organization_id) as session:
        made = providers.add(session, **body.model_dump(), now=clock.now(), by=person.user_id)
        answer = _provider(providers.get(session, made))
    return rest.told(answer, 201, url_for("accounts.api_show_provider", provider_id=made))


@bp.get("/api/v1/identity-providers/<uuid:provider_id>")
@requires(MANAGE_SIGN_IN)
@rest.operation(answer=Provider, tag=SIGN_IN, headers={"ETag": "For If-Match."})
def api_show_provider(provider_id: UUID) -> ResponseReturnValue:
    """Answer a provider."""
    with database().read(current_tenant()) as session:
        return rest.told(_provider(providers.get(session, provider_id)))


@bp.patch("/api/v1/identity-providers/<uuid:provider_id>")
@requires(MANAGE_SIGN_IN, critical=True)
@rest.operation(body=ProviderChange, answer=Provider, tag=SIGN_IN, errors=(409, 412), example={"is_active": False})
def api_change_provider(provider_id: UUID, body: ProviderChange) -> ResponseReturnValue:
    """Change a provider, or switch it off; a person also switches it on, and lets it add people."""
    given, now = body.model_dump(exclude_unset=True), clock.now()
    with database().write(current_tenant()) as session:
        found = _provider(providers.get(session, provider_id))
        rest.require_match(found)
        if (given.get("is_active") and not found.is_active) or (
            given.get("auto_provision") and not found.auto_provision and found.is_active
        ):
            _for_people_only()
        facts = found.model_dump(include={"name", "issuer", "client_id", "auto_provision"}) | {"client_secret": ""}
        named = {name: value for name, value in given.items() if name in facts}
        if named:
            providers.change(session, provider_id, **facts | named, now=now)
        if "is_active" in given:
            providers.switch(session, provider_id, now, is_active=given["is_active"])
        session.flush()
        return rest.told(_provider(providers.get(session, provider_id)))


@bp.post("/api/v1/identity-providers/<uuid:provider_id>/test")
@requires(MANAGE_SIGN_IN)
@rest.operation(answer=Provider, tag=SIGN_IN, errors=(409,))
def api_test_provider(provider_id: UUID) -> ResponseReturnValue:
    """Ask the provider what it is and for its keys; 409 says what is wrong with its answers."""
    with database().read(current_tenant()) as session:
        issuer = providers.get(session, provider_id).issuer
    try:
        providers.checked(issuer)
    except ProviderFault as error:
        raise Conflict(error.message) from error
    with database().write(current_tenant()) as session:
        providers.note_test(session, provider_id, issuer, clock.now())
        session.flush()
        return rest.told(_provider(providers.get(session, provider_id)))


def _for_people_only() -> None:
    """A stolen token must not open the door: whoever lets more people in, or asks less of them, is there in person."""
    if current_user().client_id is not None:
        raise Forbidden("This lets in who could not come in before: a person does it, on the page for signing in.")


def _covers(asked: list[str], before: list[str]) -> bool:
    return second_factor.EVERYBODY in asked or set(before) <= set(asked)


def _theme(session: Session) -> Theme:
    look = theme.get(session)
    addresses = addresses_of(look)
    return Theme(
        brand=look.brand, accent=look.accent, contrast=round(theme.pairs(look.brand, look.accent)[0].contrast, 2),
        logo_url=_whole(addresses["logo_url"]), style_sheet_url=_whole(addresses["theme_url"]),
    )  # fmt: skip


def _whole(path: str) -> str | None:
    return config().app_origin + path if path else None


def _settings(session: Session) -> Settings:
    return Settings(
        requires_provider=providers.is_required(session), second_factor_for=second_factor.required_of(session),
        verified_domains=providers.verified_domains(session),
    )  # fmt: skip


def _provider(found: Any) -> Provider:
    return Provider(**vars(found), redirect_uri=redirect_uri(found.id))
