"""Units, positions, placements

The tree of the organization, the jobs in it, and who stood where from when to when, so that an auditor can ask.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "org_units",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("unit_type", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("manager_id", sa.Uuid(), nullable=True),
        sa.Column("path", sa.String(length=1000), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "unit_type IN ('organization', 'division', 'department', 'team', 'site', 'location')",
            name=op.f("ck_org_units_unit_type"),
        ),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_org_units_own_parent")),
        sa.ForeignKeyConstraint(
            ["organization_id", "manager_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_org_units_organization_id_manager_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "parent_id"],
            ["org_units.organization_id", "org_units.id"],
            name=op.f("fk_org_units_organization_id_parent_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_org_units")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_org_units_organization_id_code")),
    )
    op.create_index("ix_org_units_parent", "org_units", ["organization_id", "parent_id"], unique=False)
    op.create_index(
        "ix_org_units_path",
        "org_units",
        ["organization_id", "path"],
        unique=False,
        postgresql_ops={"path": "varchar_pattern_ops"},
    )
    op.create_table(
        "positions",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=50), nullable=False),
        sa.Column("name", sa.String(length=150), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_positions")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_positions_organization_id_code")),
    )
    op.create_table(
        "placements",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("org_unit_id", sa.Uuid(), nullable=True),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("manager_id", sa.Uuid(), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("until >= since", name=op.f("ck_placements_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["organization_id", "manager_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_placements_organization_id_manager_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "org_unit_id"],
            ["org_units.organization_id", "org_units.id"],
            name=op.f("fk_placements_organization_id_org_unit_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "position_id"],
            ["positions.organization_id", "positions.id"],
            name=op.f("fk_placements_organization_id_position_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_placements_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_placements")),
    )
    op.create_index("ix_placements_org_unit", "placements", ["organization_id", "org_unit_id"], unique=False)
    op.create_index("ix_placements_user", "placements", ["organization_id", "user_id", "since"], unique=False)
    op.create_index(
        "uq_placements_present",
        "placements",
        ["organization_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("until IS NULL"),
    )
    op.add_column("memberships", sa.Column("org_unit_id", sa.Uuid(), nullable=True))
    op.add_column("memberships", sa.Column("position_id", sa.Uuid(), nullable=True))
    op.create_index("ix_memberships_org_unit", "memberships", ["organization_id", "org_unit_id"], unique=False)
    op.create_index("ix_memberships_position", "memberships", ["organization_id", "position_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_memberships_organization_id_org_unit_id"),
        "memberships",
        "org_units",
        ["organization_id", "org_unit_id"],
        ["organization_id", "id"],
    )
    op.create_foreign_key(
        op.f("fk_memberships_organization_id_position_id"),
        "memberships",
        "positions",
        ["organization_id", "position_id"],
        ["organization_id", "id"],
    )
    for table in ("org_units", "positions", "placements"):
        rls.tenant_table(table)
    _begin_histories()


def _begin_histories() -> None:
    """Who has a manager already has had them at least since now. The owner sees rows only while nothing forces it not to."""
    for table in ("memberships", "placements"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO placements (organization_id, id, user_id, manager_id, since)
        SELECT organization_id, gen_random_uuid(), user_id, manager_id, now() FROM memberships
        WHERE manager_id IS NOT NULL AND status <> 'left'
    """)
    for table in ("memberships", "placements"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
