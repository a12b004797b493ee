"""Imports of people

A file on its way in, what its columns mean, what is wrong with it, and what it changed of whom, so that it can be undone.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "people_imports",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("encoding", sa.String(length=20), nullable=False),
        sa.Column("separator", sa.String(length=1), nullable=False),
        sa.Column("columns", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("mapping", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source_system", sa.String(length=60), nullable=False),
        sa.Column("sends_letters", sa.Boolean(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "step IN ('uploaded', 'checking', 'checked', 'applying', 'applied', 'undoing', 'undone')",
            name=op.f("ck_people_imports_step"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "file_id"],
            ["files.organization_id", "files.id"],
            name=op.f("fk_people_imports_organization_id_file_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_people_imports")),
    )
    op.create_table(
        "people_import_changes",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("kept_because", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "import_id"],
            ["people_imports.organization_id", "people_imports.id"],
            name=op.f("fk_people_import_changes_organization_id_import_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "user_id"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_people_import_changes_organization_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_people_import_changes")),
    )
    op.create_index(
        "ix_people_import_changes_import",
        "people_import_changes",
        ["organization_id", "import_id", "row_number"],
        unique=False,
    )
    for table in ("people_imports", "people_import_changes"):
        rls.tenant_table(table)
