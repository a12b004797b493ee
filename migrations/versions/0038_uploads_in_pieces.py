"""Packages that come in pieces, and go on where a lost connection stopped them
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    op.create_table(
        "package_uploads",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("offset_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("told", sa.String(length=2000), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("import_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name=op.f("ck_package_uploads_offset")),
        sa.CheckConstraint("source IN ('upload', 'api', 'url', 'dispatch')", name=op.f("ck_package_uploads_source")),
        sa.ForeignKeyConstraint(
            ["organization_id", "created_by"],
            ["memberships.organization_id", "memberships.user_id"],
            name=op.f("fk_package_uploads_organization_id_created_by"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "import_id"],
            ["package_imports.organization_id", "package_imports.id"],
            name=op.f("fk_package_uploads_organization_id_import_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_package_uploads")),
    )
    op.create_index("ix_package_uploads_created_by", "package_uploads", ["organization_id", "created_by"])
    op.create_index("ix_package_uploads_import", "package_uploads", ["organization_id", "import_id"])
    op.create_table(
        "package_upload_pieces",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "file_id"],
            ["files.organization_id", "files.id"],
            name=op.f("fk_package_upload_pieces_organization_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "upload_id"],
            ["package_uploads.organization_id", "package_uploads.id"],
            name=op.f("fk_package_upload_pieces_organization_id_upload_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_package_upload_pieces")),
        sa.UniqueConstraint("organization_id", "upload_id", "starts_at", name="uq_package_upload_pieces_place"),
    )
    op.create_index("ix_package_upload_pieces_file", "package_upload_pieces", ["organization_id", "file_id"])
    for table in ("package_uploads", "package_upload_pieces"):
        rls.tenant_table(table)


def downgrade() -> None:
    op.drop_table("package_upload_pieces")
    op.drop_table("package_uploads")
