"""Repairs for a learner who is stuck

The last few places of each attempt are kept, to go back to; an attempt that is begun again is set aside, not deleted.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("scorm_item_states", sa.Column("set_aside_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "scorm_snapshots",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("package_item_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspend_data", sa.Text(), nullable=False),
        sa.Column("bookmark", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "registration_id"],
            ["registrations.organization_id", "registrations.id"],
            name=op.f("fk_scorm_snapshots_organization_id_registration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "package_item_id"],
            ["package_items.organization_id", "package_items.id"],
            name=op.f("fk_scorm_snapshots_organization_id_package_item_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_scorm_snapshots")),
    )
    op.create_index(
        "ix_scorm_snapshots_registration", "scorm_snapshots", ["organization_id", "registration_id", "package_item_id"]
    )
    rls.tenant_table("scorm_snapshots")


def downgrade() -> None:
    op.drop_table("scorm_snapshots")
    op.drop_column("scorm_item_states", "set_aside_at")
