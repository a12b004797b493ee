"""Profiles, custom fields, external ids, deputies

Personal data lies apart from the identity, per organization, its sensitive columns encrypted; organizations add fields of
their own; other systems' keys are kept; people stand in for each other between two days.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "custom_fields",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=False),
        sa.Column("field_type", sa.String(length=40), nullable=False),
        sa.Column("choices", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("visibility", sa.String(length=40), nullable=False),
        sa.Column("sort_order", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "field_type IN ('text', 'number', 'date', 'choice', 'yes_no')", name=op.f("ck_custom_fields_field_type")
        ),
        sa.CheckConstraint(
            "visibility IN ('readers', 'editors', 'sensitive')", name=op.f("ck_custom_fields_visibility")
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_custom_fields")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_custom_fields_organization_id_code")),
    )
    op.create_table(
        "external_ids",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_system", sa.String(length=60), nullable=False),
        sa.Column("entity_type", sa.String(length=40), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_external_ids")),
        sa.UniqueConstraint(
            "organization_id",
            "source_system",
            "entity_type",
            "external_id",
            name=op.f("uq_external_ids_external_id"),
        ),
    )
    op.create_index(
        "ix_external_ids_entity", "external_ids", ["organization_id", "entity_type", "entity_id"], unique=False
    )
    op.create_table(
        "deputies",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("deputy_id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("deputy_id <> user_id", name=op.f("ck_deputies_not_oneself")),
        sa.CheckConstraint("until_on >= from_on", name=op.f("ck_deputies_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["organization_id", "deputy_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_deputies_organization_id_deputy_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_deputies_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_deputies")),
    )
    op.create_index("ix_deputies_deputy", "deputies", ["organization_id", "deputy_id"], unique=False)
    op.create_index("ix_deputies_user", "deputies", ["organization_id", "user_id"], unique=False)
    op.create_table(
        "user_profiles",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("postal_code", sa.LargeBinary(), nullable=True),
        sa.Column("date_of_birth", sa.LargeBinary(), nullable=True),
        sa.Column("emergency_contact", sa.LargeBinary(), nullable=True),
        sa.Column("emergency_phone", sa.LargeBinary(), nullable=True),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=100), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_user_profiles_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_user_profiles")),
        sa.UniqueConstraint("organization_id", "user_id", name=op.f("uq_user_profiles_organization_id_user_id")),
    )
    op.create_index("ix_user_profiles_key", "user_profiles", ["organization_id", "key_id"], unique=False)
    op.add_column(
        "memberships",
        sa.Column("custom_fields", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
    )
    for table in ("user_profiles", "custom_fields", "external_ids", "deputies"):
        rls.tenant_table(table)
