"""SCIM: what another system says of people, and the groups it keeps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_table('scim_users',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('user_name', sa.String(length=255), nullable=False),
    sa.Column('external_id', sa.String(length=255), nullable=True),
    sa.Column('said', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('removed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organization_id', 'user_id'], ['memberships.organization_id', 'memberships.user_id'], name=op.f('fk_scim_users_organization_id_user_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_scim_users')),
    sa.UniqueConstraint('organization_id', 'user_id', name=op.f('uq_scim_users_organization_id_user_id'))
    )
    op.create_index('uq_scim_users_user_name', 'scim_users', ['organization_id', sa.text('lower(user_name)')], unique=True, postgresql_where=sa.text('removed_at IS NULL'))
    op.create_table('user_groups',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=150), nullable=False),
    sa.Column('external_id', sa.String(length=255), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_user_groups')),
    sa.UniqueConstraint('organization_id', 'name', name=op.f('uq_user_groups_organization_id_name'))
    )
    op.create_table('user_group_members',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('group_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['organization_id', 'group_id'], ['user_groups.organization_id', 'user_groups.id'], name=op.f('fk_user_group_members_organization_id_group_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['organization_id', 'user_id'], ['memberships.organization_id', 'memberships.user_id'], name=op.f('fk_user_group_members_organization_id_user_id')),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_user_group_members')),
    sa.UniqueConstraint('organization_id', 'group_id', 'user_id', name=op.f('uq_user_group_members_organization_id_group_id_user_id'))
    )
    op.create_index('ix_user_group_members_user', 'user_group_members', ['organization_id', 'user_id'], unique=False)
    for table in ("scim_users", "user_groups", "user_group_members"):
        rls.tenant_table(table)
