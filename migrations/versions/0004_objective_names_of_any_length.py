"""Objective names of any length

A unique index over the name failed above 2 700 bytes; the row's id is now made of person and objective, so that the
primary key keeps them apart.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.drop_constraint("uq_global_objectives_organization_id_user_id_objective", "global_objectives", type_="unique")
    op.alter_column("global_objectives", "objective", type_=sa.Text())
    op.create_index("ix_global_objectives_user", "global_objectives", ["organization_id", "user_id"])
