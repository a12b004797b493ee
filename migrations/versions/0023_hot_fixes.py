"""Hot-fixes

Learners in progress may move to another version of their package, with their data. Who moved when, from which bytes to
which, is evidence: rows are added and never changed.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "registration_moves",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("from_version_id", sa.Uuid(), nullable=False),
        sa.Column("to_version_id", sa.Uuid(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "registration_id"],
            ["registrations.organization_id", "registrations.id"],
            name=op.f("fk_registration_moves_organization_id_registration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "from_version_id"],
            ["package_versions.organization_id", "package_versions.id"],
            name=op.f("fk_registration_moves_organization_id_from_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "to_version_id"],
            ["package_versions.organization_id", "package_versions.id"],
            name=op.f("fk_registration_moves_organization_id_to_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "moved_by"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_registration_moves_organization_id_moved_by"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_registration_moves")),
    )
    op.create_index(
        "ix_registration_moves_registration", "registration_moves", ["organization_id", "registration_id"]
    )
    rls.tenant_table("registration_moves", rights="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("registration_moves")
