"""Statements from files: imports with their position, refused lines, and where a statement came from

An import goes on where it was interrupted, lists what it refused, and keeps who vouched for a statement before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    op.create_table('lrs_imports',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('file_name', sa.String(length=255), nullable=False),
    sa.Column('file_id', sa.Uuid(), nullable=True),
    sa.Column('credential_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(length=40), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=True),
    sa.Column('offset', sa.BigInteger(), nullable=False),
    sa.Column('lines', sa.Integer(), nullable=False),
    sa.Column('stored', sa.Integer(), nullable=False),
    sa.Column('known', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('queued', 'running', 'completed', 'failed')", name=op.f('ck_lrs_imports_state')),
    sa.ForeignKeyConstraint(['organization_id', 'credential_id'], ['lrs_credentials.organization_id', 'lrs_credentials.id'], name=op.f('fk_lrs_imports_organization_id_credential_id')),
    sa.ForeignKeyConstraint(['organization_id', 'file_id'], ['files.organization_id', 'files.id'], name=op.f('fk_lrs_imports_organization_id_file_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_imports'))
    )
    op.create_index('ix_lrs_imports_page', 'lrs_imports', ['organization_id', 'created_at'], unique=False)
    op.create_table('lrs_import_refusals',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('import_id', sa.Uuid(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('problems', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'import_id'], ['lrs_imports.organization_id', 'lrs_imports.id'], name=op.f('fk_lrs_import_refusals_organization_id_import_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_import_refusals'))
    )
    op.create_index('ix_lrs_import_refusals_line', 'lrs_import_refusals', ['organization_id', 'import_id', 'line'], unique=True)
    op.create_table('lrs_statement_origins',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('authority', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('stored', sa.String(length=64), nullable=True),
    sa.ForeignKeyConstraint(['organization_id', 'id'], ['xapi_statements.organization_id', 'xapi_statements.id'], name=op.f('fk_lrs_statement_origins_organization_id_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'import_id'], ['lrs_imports.organization_id', 'lrs_imports.id'], name=op.f('fk_lrs_statement_origins_organization_id_import_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_lrs_statement_origins'))
    )
    for table in ("lrs_imports", "lrs_import_refusals", "lrs_statement_origins"):
        rls.tenant_table(table)
