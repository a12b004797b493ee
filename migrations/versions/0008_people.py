"""People: letters with links, the second factor, the reporting line

One-time tokens (hashes only), recovery codes, the encrypted secret of the second factor, and the look-ups that precede
or cross the tenant: whose link this is, whether a person belongs elsewhere too, ending a person's sessions everywhere.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("users", sa.Column("mfa_secret", sa.LargeBinary(), nullable=True))
    op.add_column("users", sa.Column("mfa_key_id", sa.String(length=16), nullable=True))
    op.add_column("users", sa.Column("mfa_enabled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("mfa_last_step", sa.BigInteger(), nullable=True))
    op.create_table(
        "one_time_tokens",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "purpose IN ('email_verification', 'password_reset', 'invitation', 'second_factor')",
            name=op.f("ck_one_time_tokens_purpose"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_one_time_tokens_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_one_time_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_tokens_token_hash")),
    )
    op.create_index("ix_one_time_tokens_user", "one_time_tokens", ["organization_id", "user_id", "purpose"])
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("user_id", "code_hash", name=op.f("uq_recovery_codes_user_id_code_hash")),
    )
    op.add_column("memberships", sa.Column("employee_id", sa.String(length=100), nullable=True))
    op.add_column("memberships", sa.Column("manager_id", sa.Uuid(), nullable=True))
    op.add_column("memberships", sa.Column("hired_on", sa.Date(), nullable=True))
    op.add_column("memberships", sa.Column("left_on", sa.Date(), nullable=True))
    op.create_check_constraint(op.f("ck_memberships_own_manager"), "memberships", "manager_id <> user_id")
    op.create_foreign_key(
        op.f("fk_memberships_organization_id_manager_id"),
        "memberships",
        "memberships",
        ["organization_id", "manager_id"],
        ["organization_id", "user_id"],
    )
    op.create_index("ix_memberships_manager", "memberships", ["organization_id", "manager_id"])
    op.create_index(
        "uq_memberships_employee_id",
        "memberships",
        ["organization_id", "employee_id"],
        unique=True,
        postgresql_where=sa.text("employee_id IS NOT NULL"),
    )
    _protect()


def _protect() -> None:
    rls.tenant_table("one_time_tokens")
    rls.grant("recovery_codes", "SELECT, INSERT, UPDATE, DELETE")
    rls.policy(
        "recovery_codes", "member", "EXISTS (SELECT FROM memberships m WHERE m.user_id = recovery_codes.user_id)"
    )
    rls.lookup("one_time_tokens", "organization_id, token_hash")
    rls.lookup_function(
        "organization_by_link(given_hash text)",
        "uuid",
        "SELECT organization_id FROM one_time_tokens WHERE token_hash = given_hash",
    )
    rls.lookup_function(
        "belongs_elsewhere(person uuid, here uuid)",
        "boolean",
        "SELECT EXISTS (SELECT FROM memberships WHERE user_id = person AND organization_id <> here)",
    )
    # A password belongs to the person, so a new one ends the sessions of every tenant.
    op.execute("GRANT SELECT (user_id, revoked_at), UPDATE (revoked_at) ON auth_sessions TO stoa_lookup")
    op.execute("CREATE POLICY revoke ON auth_sessions FOR UPDATE TO stoa_lookup USING (true) WITH CHECK (true)")
    rls.lookup_function(
        "end_sessions(person uuid, kept uuid, moment timestamptz)",
        "void",
        """
        UPDATE auth_sessions SET revoked_at = moment
        WHERE user_id = person AND revoked_at IS NULL AND id IS DISTINCT FROM kept
        """,
    )
