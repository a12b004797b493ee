"""Audiences, tags, why an assignment ended

Named sets of people said by rules, with who was in them when; tags on people; the reason beside a canceled assignment.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "audiences",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("member_count", sa.Integer(), nullable=False),
        sa.Column("refreshed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("jsonb_typeof(rule) = 'object'", name=op.f("ck_audiences_rule")),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_audiences")),
    )
    op.create_index(
        "uq_audiences_name",
        "audiences",
        ["organization_id", "name"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_table(
        "audience_members",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("audience_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "audience_id"],
            ["audiences.organization_id", "audiences.id"],
            name=op.f("fk_audience_members_organization_id_audience_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_audience_members_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_audience_members")),
    )
    op.create_index(
        "ix_audience_members_audience", "audience_members", ["organization_id", "audience_id", "since"], unique=False
    )
    op.create_index("ix_audience_members_user", "audience_members", ["organization_id", "user_id"], unique=False)
    op.create_index(
        "uq_audience_members_present",
        "audience_members",
        ["organization_id", "audience_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.add_column(
        "memberships", sa.Column("tags", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("training_assignments", sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("training_assignments", sa.Column("cancel_reason", sa.String(length=500), nullable=True))
    for table in ("audiences", "audience_members"):
        rls.tenant_table(table)
