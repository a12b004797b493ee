"""Playback policies

How packages are played where the books leave a choice: one row for the organization, one for each package that differs.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "playback_policies",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=True),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "package_id"],
            ["content_packages.organization_id", "content_packages.id"],
            name=op.f("fk_playback_policies_organization_id_package_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_playback_policies")),
        sa.UniqueConstraint(
            "organization_id",
            "package_id",
            name=op.f("uq_playback_policies_organization_id_package_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    rls.tenant_table("playback_policies")


def downgrade() -> None:
    op.drop_table("playback_policies")
