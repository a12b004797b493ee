"""A registration moves to another version with its data (hot-fix), or begins that version anew (switch)."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.add_column(
        "registration_moves", sa.Column("kind", sa.String(length=40), nullable=False, server_default="hot_fix")
    )
    op.create_check_constraint(
        op.f("ck_registration_moves_kind"), "registration_moves", "kind IN ('hot_fix', 'switch')"
    )
    op.alter_column("registration_moves", "kind", server_default=None)


def downgrade() -> None:
    op.drop_column("registration_moves", "kind")
