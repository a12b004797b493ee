"""The seals of the audit log, out of the writers' way; as whom somebody was looking; indexes of the audit pages."""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("audit_logs", sa.Column("on_behalf_of_id", sa.Uuid(), nullable=True))
    op.create_index("ix_audit_logs_actor", "audit_logs", ["organization_id", "actor_id", "seq"])
    op.create_index("ix_audit_logs_subject", "audit_logs", ["organization_id", "subject_user_id", "seq"])
    op.create_index("ix_audit_logs_moment", "audit_logs", ["organization_id", "created_at"])
    op.create_table(
        "audit_seals",
        sa.Column("audit_id", sa.Uuid(), nullable=False),
        sa.Column("audit_seq", sa.BigInteger(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("core_digest", sa.String(length=64), nullable=False),
        sa.Column("values_digest", sa.String(length=64), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_seals")),
    )
    op.create_index(
        "uq_audit_seals_position",
        "audit_seals",
        ["organization_id", "position"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_index("ix_audit_seals_seq", "audit_seals", ["organization_id", "audit_seq"])
    rls.grant("audit_seals", "SELECT, INSERT")
    rls.policy("audit_seals", "tenant", f"organization_id IS NOT DISTINCT FROM {rls.CURRENT}")
    op.execute("""
        CREATE TRIGGER audit_seals_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seals
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)


def downgrade() -> None:
    op.drop_table("audit_seals")
    for name in ("ix_audit_logs_moment", "ix_audit_logs_subject", "ix_audit_logs_actor"):
        op.drop_index(name, table_name="audit_logs")
    op.drop_column("audit_logs", "on_behalf_of_id")
