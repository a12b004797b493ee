"""Persons with several xAPI identifiers, and the merges that made them so
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_table(
        "lrs_persons",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_persons")),
    )
    op.create_table(
        "lrs_person_identifiers",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("identifier", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["lrs_persons.organization_id", "lrs_persons.id"],
            name=op.f("fk_lrs_person_identifiers_organization_id_person_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_person_identifiers")),
    )
    op.create_index("ix_lrs_person_identifiers_person", "lrs_person_identifiers", ["organization_id", "person_id"])
    op.create_table(
        "lrs_person_merges",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=True),
        sa.Column("identifiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("anchor", sa.Text(), nullable=False),
        sa.Column("merged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("merged_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id", "person_id"],
            ["lrs_persons.organization_id", "lrs_persons.id"],
            name=op.f("fk_lrs_person_merges_organization_id_person_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "from_id"],
            ["lrs_persons.organization_id", "lrs_persons.id"],
            name=op.f("fk_lrs_person_merges_organization_id_from_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_person_merges")),
    )
    op.create_index("ix_lrs_person_merges_page", "lrs_person_merges", ["organization_id", "merged_at"])
    for table in ("lrs_persons", "lrs_person_identifiers", "lrs_person_merges"):
        rls.tenant_table(table)


def downgrade() -> None:
    op.drop_table("lrs_person_merges")
    op.drop_table("lrs_person_identifiers")
    op.drop_table("lrs_persons")
