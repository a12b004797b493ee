"""Assignments are cancelled by somebody, and given again in the same cycle; a version's retake can be taken back

Who cancelled tells a decision from what ends by itself when people leave. What was cancelled is no cycle that was taken, so
the cycle is free again. A retake that was a mistake is marked where its outcome is kept: the version itself is final.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"


def upgrade() -> None:
    op.add_column("training_assignments", sa.Column("cancelled_by", sa.Uuid(), nullable=True))
    op.drop_constraint("uq_training_assignments_cycle", "training_assignments", type_="unique")
    op.create_index(
        "uq_training_assignments_cycle",
        "training_assignments",
        ["organization_id", "user_id", "course_id", "cycle_number"],
        unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.create_check_constraint(
        op.f("ck_training_assignments_cancelled"),
        "training_assignments",
        "status <> 'cancelled' OR (cancelled_at IS NOT NULL AND cancel_reason IS NOT NULL)",
    )
    op.add_column("republishings", sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("republishings", sa.Column("taken_back_by", sa.Uuid(), nullable=True))
    op.add_column("republishings", sa.Column("taken_back_reason", sa.String(length=500), nullable=True))
    op.add_column("republishings", sa.Column("cancelled", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.alter_column("republishings", "cancelled", server_default=None)
    op.create_check_constraint(
        op.f("ck_republishings_taken_back"),
        "republishings",
        "num_nulls(taken_back_at, taken_back_by, taken_back_reason) IN (0, 3)",
    )
    op.drop_constraint(op.f("ck_republishings_step"), "republishings")
    op.create_check_constraint(
        op.f("ck_republishings_step"), "republishings", "step IN ('switching', 'assigning', 'taking_back', 'done')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_republishings_step"), "republishings")
    op.create_check_constraint(
        op.f("ck_republishings_step"), "republishings", "step IN ('switching', 'assigning', 'done')"
    )
    op.drop_constraint(op.f("ck_republishings_taken_back"), "republishings")
    for name in ("cancelled", "taken_back_reason", "taken_back_by", "taken_back_at"):
        op.drop_column("republishings", name)
    op.drop_constraint(op.f("ck_training_assignments_cancelled"), "training_assignments")
    op.drop_index("uq_training_assignments_cycle", "training_assignments")
    op.create_unique_constraint(
        "uq_training_assignments_cycle",
        "training_assignments",
        ["organization_id", "user_id", "course_id", "cycle_number"],
    )
    op.drop_column("training_assignments", "cancelled_by")
