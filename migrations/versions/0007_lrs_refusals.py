"""Refused requests of LRS clients

What a client got wrong is kept for some days, so that whoever runs the store can tell them why. Old rows are deleted for the
whole installation by a function that can do nothing else.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table('lrs_refusals',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('credential_id', sa.Uuid(), nullable=True),
    sa.Column('method', sa.String(length=10), nullable=False),
    sa.Column('path', sa.String(length=300), nullable=False),
    sa.Column('status', sa.SmallInteger(), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('problems', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('excerpt', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_refusals'))
    )
    op.create_index('ix_lrs_refusals_page', 'lrs_refusals', ['organization_id', 'at'], unique=False)
    rls.tenant_table("lrs_refusals", rights="SELECT, INSERT, DELETE")
    rls.lookup("lrs_refusals", "organization_id, id, at")
    op.execute("GRANT DELETE ON lrs_refusals TO stoa_lookup")
    op.execute("CREATE POLICY forget ON lrs_refusals FOR DELETE TO stoa_lookup USING (true)")
    rls.lookup_function(
        "forget_lrs_refusals(older_than timestamptz)",
        "bigint",
        "WITH gone AS (DELETE FROM lrs_refusals r WHERE r.at < older_than RETURNING 1) SELECT count(*) FROM gone",
    )
