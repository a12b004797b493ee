"""Visits that do not count, and the log of API calls

Who looks back or looks around plays on a copy: sequencing and data of such a visit lie beside the session. Authors preview
a package under a registration of their own that is marked as such. Where it is switched on, a session keeps its API calls.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    for column in ("is_preview", "is_logged"):
        op.add_column("registrations", sa.Column(column, sa.Boolean(), nullable=False, server_default=sa.false()))
        op.alter_column("registrations", column, server_default=None)
    op.add_column("launch_sessions", sa.Column("aside", sa.Text(), nullable=True))
    op.add_column("launch_sessions", sa.Column("api_calls", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("launch_sessions", "api_calls")
    op.drop_column("launch_sessions", "aside")
    op.drop_column("registrations", "is_logged")
    op.drop_column("registrations", "is_preview")
