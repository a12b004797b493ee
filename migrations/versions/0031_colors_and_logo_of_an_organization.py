"""Colors and logo of an organization"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.create_table(
        "organization_themes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("brand", sa.String(length=7), nullable=False),
        sa.Column("accent", sa.String(length=7), nullable=False),
        sa.Column("logo_file_id", sa.Uuid(), nullable=True),
        sa.Column("logo_sha256", sa.String(length=64), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("brand ~ '^#[0-9a-f]{6}$'", name=op.f("ck_organization_themes_brand")),
        sa.CheckConstraint("accent ~ '^#[0-9a-f]{6}$'", name=op.f("ck_organization_themes_accent")),
        sa.ForeignKeyConstraint(
            ["organization_id", "logo_file_id"],
            ["files.organization_id", "files.id"],
            name=op.f("fk_organization_themes_organization_id_logo_file_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_organization_themes")),
        sa.UniqueConstraint("organization_id", name=op.f("uq_organization_themes_organization_id")),
    )
    rls.tenant_table("organization_themes")


def downgrade() -> None:
    op.drop_table("organization_themes")
