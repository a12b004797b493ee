"""LRS credentials with a rate, and those that bearer tokens of a provider open

Which credential a token is for is asked before a tenant is known.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.add_column("lrs_credentials", sa.Column("rate", sa.Integer(), nullable=True))
    op.create_table(
        "lrs_token_issuers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issuer", sa.String(length=500), nullable=False),
        sa.Column("audience", sa.String(length=300), nullable=False),
        sa.Column("jwks_url", sa.String(length=500), nullable=True),
        sa.Column("scope_claim", sa.String(length=100), nullable=False),
        sa.Column("scope_map", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_bound_to_subject", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "id"],
            ["lrs_credentials.organization_id", "lrs_credentials.id"],
            name=op.f("fk_lrs_token_issuers_organization_id_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_token_issuers")),
    )
    op.create_index("ix_lrs_token_issuers_token", "lrs_token_issuers", ["issuer", "audience"], unique=True)
    rls.tenant_table("lrs_token_issuers")
    rls.lookup("lrs_token_issuers", "organization_id, id, issuer, audience")
    rls.lookup_function(
        "lrs_credential_by_token(given_issuer text, given_audience text)",
        "TABLE (credential_id uuid, organization_id uuid)",
        "SELECT t.id, t.organization_id FROM lrs_token_issuers t "
        "WHERE t.issuer = given_issuer AND t.audience = given_audience",
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION lrs_credential_by_token(text, text)")
    op.drop_table("lrs_token_issuers")
    op.drop_column("lrs_credentials", "rate")
