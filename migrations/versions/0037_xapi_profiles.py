"""xAPI Profiles and what they call things
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.create_table(
        "lrs_profiles",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("iri", sa.Text(), nullable=False),
        sa.Column("version_iri", sa.Text(), nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("imported_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_profiles")),
    )
    op.create_table(
        "lrs_profile_concepts",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("profile_id", sa.Uuid(), nullable=False),
        sa.Column("concept", sa.Uuid(), nullable=False),
        sa.Column("iri", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("labels", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "profile_id"],
            ["lrs_profiles.organization_id", "lrs_profiles.id"],
            name=op.f("fk_lrs_profile_concepts_organization_id_profile_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_profile_concepts")),
    )
    op.create_index("ix_lrs_profile_concepts_concept", "lrs_profile_concepts", ["organization_id", "concept"])
    op.create_index("ix_lrs_profile_concepts_profile", "lrs_profile_concepts", ["organization_id", "profile_id"])
    for table in ("lrs_profiles", "lrs_profile_concepts"):
        rls.tenant_table(table)


def downgrade() -> None:
    op.drop_table("lrs_profile_concepts")
    op.drop_table("lrs_profiles")
