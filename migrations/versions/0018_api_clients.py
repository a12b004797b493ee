"""API clients: programs with a token, scopes and a rate; the audit log says which of them acted."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table('api_clients',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('label', sa.String(length=150), nullable=False),
    sa.Column('key_prefix', sa.String(length=12), nullable=False),
    sa.Column('secret_hash', sa.String(length=64), nullable=False),
    sa.Column('scopes', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('rate_per_minute', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=False),
    sa.Column('rotated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('refused_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('window_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('window_calls', sa.Integer(), nullable=False),
    sa.CheckConstraint('rate_per_minute BETWEEN 1 AND 100000', name=op.f('ck_api_clients_rate')),
    sa.ForeignKeyConstraint(['organization_id', 'created_by'], ['memberships.organization_id', 'memberships.user_id'], name=op.f('fk_api_clients_organization_id_created_by')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_api_clients')),
    sa.UniqueConstraint('key_prefix', name=op.f('uq_api_clients_key_prefix'))
    )
    rls.tenant_table("api_clients")
    rls.lookup("api_clients", "id, organization_id, key_prefix")
    rls.lookup_function(
        "api_client_by_prefix(given text)",
        "TABLE (client_id uuid, organization_id uuid)",
        "SELECT id, organization_id FROM api_clients WHERE key_prefix = given",
    )
    op.add_column("audit_logs", sa.Column("api_client_id", sa.Uuid(), nullable=True))
