"""When a session's person gave a password or code last; for those that are open, when they signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("auth_sessions", sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("ALTER TABLE auth_sessions NO FORCE ROW LEVEL SECURITY")  # rows of every tenant, for this once
    op.execute("UPDATE auth_sessions SET proven_at = created_at")
    op.execute("ALTER TABLE auth_sessions FORCE ROW LEVEL SECURITY")
    op.alter_column("auth_sessions", "proven_at", nullable=False)


def downgrade() -> None:
    op.drop_column("auth_sessions", "proven_at")
