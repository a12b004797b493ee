"""Verdicts on statements may be looked at again: who somebody is turns out by merges of persons, and back

A verdict that is past stays as a row, with the moment it ended; the one that stands is the only one of its statement.
What a live completion rests on is held instead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"

TABLES = {"training_activities": "superseded_at, held_at", "uncounted_statements": "superseded_at"}


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("superseded_at", sa.DateTime(timezone=True), nullable=True))
        op.drop_constraint(f"uq_{table}_organization_id_statement_id", table)
        op.create_index(
            f"uq_{table}_statement",
            table,
            ["organization_id", "statement_id"],
            unique=True,
            postgresql_where=sa.text("superseded_at IS NULL"),
        )
        op.create_index(f"ix_{table}_statement", table, ["organization_id", "statement_id"])
    op.add_column("training_activities", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("""
        CREATE FUNCTION keep_verdicts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.superseded_at IS NULL
                AND to_jsonb(NEW) - '{superseded_at,held_at}'::text[]
                  = to_jsonb(OLD) - '{superseded_at,held_at}'::text[] THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'rows of % are only added; they can be superseded once', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table, columns in TABLES.items():
        op.execute(f"GRANT UPDATE ({columns}) ON {table} TO stoa_app")
        op.execute(f"DROP TRIGGER {table}_are_final ON {table}")
        op.execute(
            f"CREATE TRIGGER {table}_are_final BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_verdicts()"
        )


def downgrade() -> None:
    for table, columns in TABLES.items():
        op.execute(f"DROP TRIGGER {table}_are_final ON {table}")
        op.execute(f"DELETE FROM {table} WHERE superseded_at IS NOT NULL")
        op.execute(
            f"CREATE TRIGGER {table}_are_final BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION keep_training_facts()"
        )
        op.execute(f"REVOKE UPDATE ({columns}) ON {table} FROM stoa_app")
        op.drop_index(f"uq_{table}_statement", table)
        op.drop_index(f"ix_{table}_statement", table)
        op.create_unique_constraint(f"uq_{table}_organization_id_statement_id", table, ["organization_id", "statement_id"])
        op.drop_column(table, "superseded_at")
    op.drop_column("training_activities", "held_at")
    op.execute("DROP FUNCTION keep_verdicts()")
