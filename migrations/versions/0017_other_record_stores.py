"""Other record stores: forwarders with their dead letters, and pullers

Secrets are encrypted. Which organizations have any is asked before a tenant is known, by the regular look after them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table('lrs_forwarders',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('filters', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('position', sa.DateTime(timezone=True), nullable=False),
    sa.Column('delivered', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.String(length=150), nullable=False),
    sa.Column('endpoint', sa.String(length=1000), nullable=False),
    sa.Column('version', sa.String(length=12), nullable=False),
    sa.Column('username', sa.String(length=200), nullable=False),
    sa.Column('sealed_secret', sa.LargeBinary(), nullable=False),
    sa.Column('secret_key_id', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_success_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("state IN ('active', 'paused', 'failing')", name=op.f('ck_lrs_forwarders_state')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_forwarders'))
    )
    op.create_table('lrs_dead_letters',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('forwarder_id', sa.Uuid(), nullable=False),
    sa.Column('statement_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.SmallInteger(), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('is_to_retry', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'forwarder_id'], ['lrs_forwarders.organization_id', 'lrs_forwarders.id'], name=op.f('fk_lrs_dead_letters_organization_id_forwarder_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'statement_id'], ['xapi_statements.organization_id', 'xapi_statements.id'], name=op.f('fk_lrs_dead_letters_organization_id_statement_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_dead_letters'))
    )
    op.create_index('ix_lrs_dead_letters_once', 'lrs_dead_letters', ['organization_id', 'forwarder_id', 'statement_id'], unique=True)
    op.create_table('lrs_pullers',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.DateTime(timezone=True), nullable=True),
    sa.Column('more', sa.Text(), nullable=True),
    sa.Column('reached', sa.DateTime(timezone=True), nullable=True),
    sa.Column('consistent', sa.DateTime(timezone=True), nullable=True),
    sa.Column('every_minutes', sa.Integer(), nullable=False),
    sa.Column('import_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=150), nullable=False),
    sa.Column('endpoint', sa.String(length=1000), nullable=False),
    sa.Column('version', sa.String(length=12), nullable=False),
    sa.Column('username', sa.String(length=200), nullable=False),
    sa.Column('sealed_secret', sa.LargeBinary(), nullable=False),
    sa.Column('secret_key_id', sa.String(length=16), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.Text(), nullable=True),
    sa.Column('last_success_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.CheckConstraint("state IN ('active', 'paused', 'failing')", name=op.f('ck_lrs_pullers_state')),
    sa.ForeignKeyConstraint(['organization_id', 'import_id'], ['lrs_imports.organization_id', 'lrs_imports.id'], name=op.f('fk_lrs_pullers_organization_id_import_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_pullers'))
    )
    for table in ("lrs_forwarders", "lrs_dead_letters", "lrs_pullers"):
        rls.tenant_table(table)
    for table in ("lrs_forwarders", "lrs_pullers"):
        rls.lookup(table, "organization_id, state")
    rls.lookup_function(
        "organizations_with_remotes()",
        "SETOF uuid",
        """
        SELECT organization_id FROM lrs_forwarders WHERE state <> 'paused'
        UNION
        SELECT organization_id FROM lrs_pullers WHERE state <> 'paused'
        """,
    )
