"""Of whom an organization asks a second factor: codes of roles, or everybody."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("second_factor_for", postgresql.JSONB(), server_default="[]", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("organizations", "second_factor_for")
