"""Names for what the list of people shows."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.create_table(
        "people_views",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "owner_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_people_views_organization_id_owner_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_people_views")),
        sa.UniqueConstraint(
            "organization_id", "owner_id", "name", name=op.f("uq_people_views_organization_id_owner_id_name")
        ),
    )
    rls.tenant_table("people_views")


def downgrade() -> None:
    op.drop_table("people_views")
