"""Answers kept under the Idempotency-Key of a call, for a day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table('api_replies',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('caller_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(length=255), nullable=False),
    sa.Column('request_hash', sa.String(length=64), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_api_replies'))
    )
    op.create_index('uq_api_replies_key', 'api_replies', ['organization_id', 'caller_id', 'key'], unique=True)
    op.create_index('ix_api_replies_created_at', 'api_replies', ['created_at'], unique=False)
    rls.tenant_table("api_replies")
