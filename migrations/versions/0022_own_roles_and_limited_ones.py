"""Roles of an organization's own, and roles limited to a unit or a course

A course is named without a foreign key: accounts lies below the catalog.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table('roles',
    sa.Column('organization_id', sa.Uuid(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('description', sa.String(length=500), nullable=False),
    sa.Column('permissions', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by', sa.Uuid(), nullable=True),
    sa.PrimaryKeyConstraint('organization_id', 'id', name=op.f('pk_roles')),
    sa.UniqueConstraint('organization_id', 'name', name=op.f('uq_roles_organization_id_name'))
    )
    rls.tenant_table("roles")
    for column in ("role_id", "org_unit_id", "course_id"):
        op.add_column("role_assignments", sa.Column(column, sa.Uuid(), nullable=True))
    op.alter_column("role_assignments", "role", existing_type=sa.String(length=40), nullable=True)
    op.drop_constraint("uq_role_assignments_organization_id_user_id_role", "role_assignments", type_="unique")
    op.create_unique_constraint(
        "uq_role_assignments_once", "role_assignments",
        ["organization_id", "user_id", "role", "role_id", "org_unit_id", "course_id"],
        postgresql_nulls_not_distinct=True,
    )
    for column, table in (("role_id", "roles"), ("org_unit_id", "org_units")):
        op.create_foreign_key(
            f"fk_role_assignments_organization_id_{column}", "role_assignments", table,
            ["organization_id", column], ["organization_id", "id"],
        )
    op.create_check_constraint("one_role", "role_assignments", "num_nonnulls(role, role_id) = 1")
    op.create_check_constraint("one_place", "role_assignments", "num_nonnulls(org_unit_id, course_id) <= 1")
    op.create_index("ix_role_assignments_role_id", "role_assignments", ["organization_id", "role_id"])
