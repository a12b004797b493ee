"""Somebody's records, and old ones, may be deleted and pseudonymized: in the name of a run that is on record, only

Statements and what they led to change and go while a run of the same organization is under way and named by the
transaction; else triggers refuse it as before.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import rls

revision = "0029"
down_revision = "0028"

ACTS = "'export', 'delete', 'pseudonymize'"


def upgrade() -> None:
    op.create_table(
        "lrs_retention_rules",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("keep_days", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("legal_basis", sa.String(length=300), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('statements', 'uncounted', 'documents')", name=op.f("ck_lrs_retention_rules_kind")
        ),
        sa.CheckConstraint(f"act IN ({ACTS})", name=op.f("ck_lrs_retention_rules_act")),
        sa.CheckConstraint("act <> 'export'", name=op.f("ck_lrs_retention_rules_act_of_rule")),
        sa.CheckConstraint("keep_days > 0", name=op.f("ck_lrs_retention_rules_keep_days")),
        sa.ForeignKeyConstraint(
            ["organization_id", "credential_id"],
            ["lrs_credentials.organization_id", "lrs_credentials.id"],
            name=op.f("fk_lrs_retention_rules_organization_id_credential_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_retention_rules")),
    )
    op.create_table(
        "lrs_privacy_runs",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("rule_id", sa.Uuid(), nullable=True),
        sa.Column("rule", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("identifiers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("digests", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("pseudonym", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("preview", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.DateTime(timezone=True), nullable=True),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("job_id", sa.Uuid(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("seal", sa.LargeBinary(), nullable=True),
        sa.Column("seal_key_id", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("requester", sa.String(length=200), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmer", sa.String(length=200), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(f"act IN ({ACTS})", name=op.f("ck_lrs_privacy_runs_act")),
        sa.CheckConstraint(
            "state IN ('looking', 'ready', 'running', 'completed', 'cancelled')", name=op.f("ck_lrs_privacy_runs_state")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "file_id"],
            ["files.organization_id", "files.id"],
            name=op.f("fk_lrs_privacy_runs_organization_id_file_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "rule_id"],
            ["lrs_retention_rules.organization_id", "lrs_retention_rules.id"],
            name=op.f("fk_lrs_privacy_runs_organization_id_rule_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_privacy_runs")),
    )
    op.create_index("ix_lrs_privacy_runs_page", "lrs_privacy_runs", ["organization_id", "created_at"])
    op.create_index("ix_lrs_privacy_runs_rule", "lrs_privacy_runs", ["organization_id", "rule_id"])
    op.create_table(
        "lrs_privacy_items",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("thing_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "run_id"],
            ["lrs_privacy_runs.organization_id", "lrs_privacy_runs.id"],
            name=op.f("fk_lrs_privacy_items_organization_id_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_lrs_privacy_items")),
    )
    op.create_index(
        "ix_lrs_privacy_items_thing",
        "lrs_privacy_items",
        ["organization_id", "run_id", "kind", "thing_id"],
        unique=True,
    )
    rls.tenant_table("lrs_retention_rules")
    rls.tenant_table("lrs_privacy_runs", rights="SELECT, INSERT, UPDATE")
    rls.tenant_table("lrs_privacy_items")
    rls.lookup("lrs_retention_rules", "organization_id, is_active")
    rls.lookup("lrs_privacy_runs", "organization_id, file_id")
    rls.lookup_function(
        "organizations_with_retention()",
        "SETOF uuid",
        """
        SELECT organization_id FROM lrs_retention_rules WHERE is_active
        UNION
        SELECT organization_id FROM lrs_privacy_runs WHERE file_id IS NOT NULL
        """,
    )
    _let_runs_change_statements()


def _let_runs_change_statements() -> None:
    op.execute("""
        CREATE FUNCTION privacy_run_is_on(organization uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
            SELECT EXISTS (
                SELECT FROM lrs_privacy_runs r WHERE r.organization_id = organization AND r.state = 'running'
                    AND r.id = nullif(current_setting('app.privacy_run', true), '')::uuid
            )
        $$
    """)
    op.execute("""
        CREATE FUNCTION keep_statements() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT privacy_run_is_on(OLD.organization_id) THEN
                RAISE EXCEPTION 'a statement changes and goes only in the name of a run of privacy'
                    USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$
    """)
    op.execute("GRANT DELETE, UPDATE (payload, actor, authority) ON xapi_statements TO stoa_app")
    op.execute(
        "CREATE TRIGGER statements_are_kept BEFORE DELETE OR UPDATE OF payload, actor, authority ON xapi_statements "
        "FOR EACH ROW EXECUTE FUNCTION keep_statements()"
    )
    op.execute("GRANT DELETE ON xapi_statement_keys, xapi_attachments TO stoa_app")
    op.execute("GRANT DELETE ON training_activities, uncounted_statements TO stoa_app")
    op.execute("""
        CREATE OR REPLACE FUNCTION keep_verdicts() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.superseded_at IS NULL
                AND to_jsonb(NEW) - '{superseded_at,held_at}'::text[]
                  = to_jsonb(OLD) - '{superseded_at,held_at}'::text[] THEN
                RETURN NEW;
            END IF;
            IF TG_OP = 'DELETE' AND privacy_run_is_on(OLD.organization_id) THEN
                RETURN OLD;
            END IF;
            RAISE EXCEPTION 'rows of % are only added; they can be superseded once', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
    """)


def downgrade() -> None:
    op.execute("""
        CREATE OR REPLACE FUNCTION keep_verdicts() RETURNS trigger LANGUAGE plpgsql AS $$
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
    op.execute("REVOKE DELETE ON training_activities, uncounted_statements FROM stoa_app")
    op.execute("REVOKE DELETE ON xapi_statement_keys, xapi_attachments FROM stoa_app")
    op.execute("DROP TRIGGER statements_are_kept ON xapi_statements")
    op.execute("REVOKE DELETE, UPDATE (payload, actor, authority) ON xapi_statements FROM stoa_app")
    op.execute("DROP FUNCTION keep_statements()")
    op.execute("DROP FUNCTION privacy_run_is_on(uuid)")
    op.execute("DROP FUNCTION organizations_with_retention()")
    op.drop_table("lrs_privacy_items")
    op.drop_table("lrs_privacy_runs")
    op.drop_table("lrs_retention_rules")
