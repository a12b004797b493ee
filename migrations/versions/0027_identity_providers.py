"""Sign-in with identity providers of an organization, and with one of several organizations

A provider's subject is known in one organization only; a session says who vouched for it. Which organization a provider
belongs to, and whether a person may enter others too, is asked before a tenant is known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0027"
down_revision = "0026"

PURPOSES = "'email_verification', 'password_reset', 'invitation', 'second_factor'"


def upgrade() -> None:
    op.create_table(
        "identity_providers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("client_id", sa.String(length=300), nullable=False),
        sa.Column("client_secret", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=True),
        sa.Column("auto_provision", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_identity_providers")),
        sa.UniqueConstraint(
            "organization_id", "issuer", "client_id", name=op.f("uq_identity_providers_organization_id_issuer_client_id")
        ),
    )
    rls.tenant_table("identity_providers")
    rls.lookup("identity_providers", "organization_id, id")
    op.create_table(
        "provider_identities",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "provider_id"],
            ["identity_providers.organization_id", "identity_providers.id"],
            name=op.f("fk_provider_identities_organization_id_provider_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_provider_identities_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_provider_identities")),
        sa.UniqueConstraint(
            "organization_id", "provider_id", "issuer", "subject", name="uq_provider_identities_subject"
        ),
    )
    op.create_index("ix_provider_identities_user", "provider_identities", ["organization_id", "user_id"])
    rls.tenant_table("provider_identities")
    op.add_column("auth_sessions", sa.Column("provider_id", sa.Uuid(), nullable=True))
    op.add_column("auth_sessions", sa.Column("provider_session", sa.String(length=255), nullable=True))
    op.create_foreign_key(
        op.f("fk_auth_sessions_organization_id_provider_id"),
        "auth_sessions",
        "identity_providers",
        ["organization_id", "provider_id"],
        ["organization_id", "id"],
    )
    op.add_column(
        "organizations", sa.Column("requires_provider", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column(
        "organizations",
        sa.Column("verified_domains", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
    )
    op.drop_constraint("ck_one_time_tokens_purpose", "one_time_tokens")
    op.create_check_constraint(
        op.f("ck_one_time_tokens_purpose"),
        "one_time_tokens",
        f"purpose IN ({PURPOSES}, 'organization_choice', 'provider_link')",
    )
    rls.lookup_function(
        "organization_of_provider(given uuid)",
        "uuid",
        "SELECT p.organization_id FROM identity_providers p JOIN organizations o ON o.id = p.organization_id "
        "AND o.is_active WHERE p.id = given",
    )
    rls.lookup_function(
        "places_of_person(given uuid)",
        "SETOF uuid",
        "SELECT m.organization_id FROM memberships m JOIN organizations o ON o.id = m.organization_id AND o.is_active "
        "WHERE m.user_id = given AND m.status IN ('active', 'on_leave') ORDER BY m.created_at, m.organization_id",
    )
    op.execute("GRANT SELECT (user_id) ON auth_sessions TO stoa_lookup")
    rls.lookup_function(
        "browser_session(given_hash text)",
        "TABLE (session_id uuid, organization_id uuid, is_elsewhere boolean)",
        """
        SELECT s.id, s.organization_id, EXISTS (
            SELECT FROM memberships m JOIN organizations o ON o.id = m.organization_id AND o.is_active
            WHERE m.user_id = s.user_id AND m.organization_id <> s.organization_id
            AND m.status IN ('active', 'on_leave'))
        FROM auth_sessions s WHERE s.token_hash = given_hash
        """,
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION browser_session(text)")
    op.execute("DROP FUNCTION places_of_person(uuid)")
    op.execute("DROP FUNCTION organization_of_provider(uuid)")
    op.execute("REVOKE SELECT (user_id) ON auth_sessions FROM stoa_lookup")
    op.execute("DELETE FROM one_time_tokens WHERE purpose IN ('organization_choice', 'provider_link')")
    op.drop_constraint("ck_one_time_tokens_purpose", "one_time_tokens")
    op.create_check_constraint(op.f("ck_one_time_tokens_purpose"), "one_time_tokens", f"purpose IN ({PURPOSES})")
    op.drop_column("organizations", "verified_domains")
    op.drop_column("organizations", "requires_provider")
    op.drop_constraint("fk_auth_sessions_organization_id_provider_id", "auth_sessions")
    op.drop_column("auth_sessions", "provider_session")
    op.drop_column("auth_sessions", "provider_id")
    op.drop_table("provider_identities")
    op.drop_table("identity_providers")
