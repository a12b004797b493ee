"""What content leaves in data stores that all packages share (sharedDataGlobalToSystem), for each learner
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.create_table(
        "shared_data_stores",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("store", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_shared_data_stores_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_shared_data_stores")),
    )
    op.create_index("ix_shared_data_stores_user", "shared_data_stores", ["organization_id", "user_id"])
    rls.tenant_table("shared_data_stores")


def downgrade() -> None:
    op.drop_table("shared_data_stores")
