"""Names beside memberships, so that lists of people read one table, by its index

Names belong to the person, whose row every organization may only see through the membership: sorting and searching many
people asked that question for each. The copies follow the person's row by triggers, in every organization.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.add_column("memberships", sa.Column("name_key", sa.Text(), server_default="", nullable=False))
    op.add_column("memberships", sa.Column("search_key", sa.Text(), server_default="", nullable=False))
    op.execute("GRANT SELECT (first_name, last_name, display_name) ON users TO stoa_lookup")
    op.execute("GRANT SELECT (employee_id), UPDATE (employee_id) ON memberships TO stoa_lookup")
    op.execute("CREATE POLICY rename ON memberships FOR UPDATE TO stoa_lookup USING (true) WITH CHECK (true)")
    op.execute("""
        CREATE FUNCTION name_membership() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = public, pg_temp AS $$
        BEGIN
            SELECT u.last_name || ' ' || u.first_name,
                lower(u.display_name || ' ' || u.email || ' ' || coalesce(NEW.employee_id, ''))
            INTO NEW.name_key, NEW.search_key FROM users u WHERE u.id = NEW.user_id;
            NEW.name_key := coalesce(NEW.name_key, '');
            NEW.search_key := coalesce(NEW.search_key, '');
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION rename_memberships() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = public, pg_temp AS $$
        BEGIN
            UPDATE memberships SET employee_id = employee_id WHERE user_id = NEW.id;
            RETURN NULL;
        END $$
    """)
    op.execute("GRANT CREATE ON SCHEMA public TO stoa_lookup")
    for function in ("name_membership", "rename_memberships"):
        op.execute(f"ALTER FUNCTION {function}() OWNER TO stoa_lookup")
        op.execute(f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC")
    op.execute("REVOKE CREATE ON SCHEMA public FROM stoa_lookup")
    op.execute("""
        CREATE TRIGGER memberships_have_names BEFORE INSERT OR UPDATE OF employee_id, user_id ON memberships
        FOR EACH ROW EXECUTE FUNCTION name_membership()
    """)
    op.execute("""
        CREATE TRIGGER memberships_follow_names AFTER UPDATE OF first_name, last_name, display_name, email ON users
        FOR EACH ROW WHEN (
            (OLD.first_name, OLD.last_name, OLD.display_name, OLD.email)
            IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.display_name, NEW.email)
        ) EXECUTE FUNCTION rename_memberships()
    """)
    op.execute("ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE memberships SET employee_id = employee_id")
    op.execute("ALTER TABLE memberships FORCE ROW LEVEL SECURITY")
    op.create_index(
        "ix_memberships_name", "memberships", ["organization_id", "name_key", "user_id"], postgresql_include=["status"]
    )
    op.drop_index("ix_memberships_org_unit", "memberships")
    op.create_index(
        "ix_memberships_org_unit", "memberships", ["organization_id", "org_unit_id"], postgresql_include=["status"]
    )
    op.create_index(
        "ix_role_assignments_role",
        "role_assignments",
        ["organization_id", "role", "user_id"],
        postgresql_include=["valid_from", "valid_until"],
    )


def downgrade() -> None:
    op.drop_index("ix_role_assignments_role", "role_assignments")
    op.drop_index("ix_memberships_org_unit", "memberships")
    op.create_index("ix_memberships_org_unit", "memberships", ["organization_id", "org_unit_id"])
    op.drop_index("ix_memberships_name", "memberships")
    op.execute("DROP TRIGGER memberships_follow_names ON users")
    op.execute("DROP TRIGGER memberships_have_names ON memberships")
    op.execute("DROP FUNCTION rename_memberships()")
    op.execute("DROP FUNCTION name_membership()")
    op.execute("DROP POLICY rename ON memberships")
    op.execute("REVOKE SELECT (employee_id), UPDATE (employee_id) ON memberships FROM stoa_lookup")
    op.execute("REVOKE SELECT (first_name, last_name, display_name) ON users FROM stoa_lookup")
    op.drop_column("memberships", "search_key")
    op.drop_column("memberships", "name_key")
