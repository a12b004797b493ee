"""Moves of learners to another version of a package are asked for, and done in slices by a job

The row says who asked for what and why, and how far it is; who moved is told by registration_moves as before.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.create_table(
        "package_moves",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_version_id", sa.Uuid(), nullable=False),
        sa.Column("to_version_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("moved", sa.Integer(), nullable=False),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('hot_fix', 'switch')", name=op.f("ck_package_moves_kind")),
        sa.ForeignKeyConstraint(
            ["organization_id", "from_version_id"],
            ["package_versions.organization_id", "package_versions.id"],
            name=op.f("fk_package_moves_organization_id_from_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "to_version_id"],
            ["package_versions.organization_id", "package_versions.id"],
            name=op.f("fk_package_moves_organization_id_to_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "asked_by"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_package_moves_organization_id_asked_by"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_package_moves")),
    )
    op.create_index("ix_package_moves_target", "package_moves", ["organization_id", "to_version_id", "asked_at"])
    op.create_index(
        "one_open_package_move",
        "package_moves",
        ["organization_id", "from_version_id", "to_version_id", "kind"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    rls.tenant_table("package_moves", rights="SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.drop_table("package_moves")
