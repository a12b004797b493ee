"""What is done to many people at once, and what it changed of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0040"
down_revision = "0039"

JSON = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "people_actions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("user_ids", JSON, nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("totals", JSON, nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('invite', 'unit', 'tag', 'role', 'leave')", name=op.f("ck_people_actions_kind")),
        sa.CheckConstraint(
            "step IN ('chosen', 'applying', 'applied', 'undoing', 'undone')", name=op.f("ck_people_actions_step")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "created_by"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_people_actions_organization_id_created_by"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_people_actions")),
    )
    rls.tenant_table("people_actions")
    op.create_table(
        "people_action_changes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("before", JSON, nullable=False),
        sa.Column("after", JSON, nullable=False),
        sa.Column("kept_because", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "action_id"],
            ["people_actions.organization_id", "people_actions.id"],
            name=op.f("fk_people_action_changes_organization_id_action_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_people_action_changes_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_people_action_changes")),
    )
    op.create_index(
        "ix_people_action_changes_action", "people_action_changes", ["organization_id", "action_id", "id"]
    )
    rls.tenant_table("people_action_changes")


def downgrade() -> None:
    op.drop_table("people_action_changes")
    op.drop_table("people_actions")
