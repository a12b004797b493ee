"""As whom a browser looks at the application, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("auth_sessions", sa.Column("viewed_as", sa.Uuid(), nullable=True))
    op.add_column("auth_sessions", sa.Column("viewed_until", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_auth_sessions_organization_id_viewed_as"),
        "auth_sessions",
        "memberships",
        ["organization_id", "viewed_as"],
        ["organization_id", "user_id"],
    )


def downgrade() -> None:
    op.drop_column("auth_sessions", "viewed_until")
    op.drop_column("auth_sessions", "viewed_as")
