"""Interactions and objectives for reports

What learners answered and which objectives they reached is read out of the run-time data into rows of their own, one per
record and attempt. They follow from that data and can be made anew at any time: `stoa rebuild scorm`.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "scorm_interactions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("package_item_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("interaction_type", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("weighting", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("learner_response", sa.Text(), nullable=True),
        sa.Column("correct_responses", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("latency_seconds", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("objectives", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        *keys("scorm_interactions"),
    )
    op.create_index("ix_scorm_interactions_item", "scorm_interactions", ["organization_id", "package_item_id"])
    op.create_table(
        "scorm_objectives",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("package_item_id", sa.Uuid(), nullable=False),
        sa.Column("attempt_number", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("success_status", sa.String(length=20), nullable=True),
        sa.Column("completion_status", sa.String(length=20), nullable=True),
        sa.Column("progress_measure", sa.Numeric(precision=5, scale=4), nullable=True),
        sa.Column("score_scaled", sa.Numeric(precision=7, scale=5), nullable=True),
        sa.Column("score_raw", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("score_min", sa.Numeric(precision=12, scale=4), nullable=True),
        sa.Column("score_max", sa.Numeric(precision=12, scale=4), nullable=True),
        *keys("scorm_objectives"),
    )
    rls.tenant_table("scorm_interactions")
    rls.tenant_table("scorm_objectives")


def keys(table: str) -> tuple[sa.Constraint, ...]:
    record = ("organization_id", "registration_id", "package_item_id", "attempt_number", "n")
    return (
        sa.ForeignKeyConstraint(
            ["organization_id", "package_item_id"],
            ["package_items.organization_id", "package_items.id"],
            name=op.f(f"fk_{table}_organization_id_package_item_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "registration_id"],
            ["registrations.organization_id", "registrations.id"],
            name=op.f(f"fk_{table}_organization_id_registration_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint(*record, name=f"uq_{table}_record"),
    )


def downgrade() -> None:
    op.drop_table("scorm_objectives")
    op.drop_table("scorm_interactions")
