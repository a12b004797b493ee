"""Row-level security, proven with SQL as the application's role: what a forgotten filter would let through."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from accounts.tables import Membership, RoleAssignment, RoleCode, User
from app.schema import METADATA
from core.db import Database


def test_a_transaction_without_a_tenant_sees_nobody(database):
    with database.read(None) as session:
        assert session.scalars(select(User)).all() == []
        assert session.scalars(select(Membership)).all() == []


def test_a_tenant_sees_its_own_people_only(database, cast):
    with database.read(cast.acme) as session:
        assert {user.email for user in session.scalars(select(User))} == {"zoe@acme.example"}


def test_another_tenants_row_cannot_be_changed_even_when_its_id_is_known(database, cast):
    with database.write(cast.acme) as session:
        changed = session.execute(
            text("UPDATE users SET display_name = 'X' WHERE id = :id RETURNING id"), {"id": cast.ana}
        )
        assert changed.all() == []


def test_a_row_cannot_be_written_into_another_tenant(database, cast, now):
    with pytest.raises(ProgrammingError, match="row-level security"), database.write(cast.acme) as session:
        session.add(
            RoleAssignment(organization_id=cast.northwind, user_id=cast.ana, role=RoleCode.ORG_ADMIN, created_at=now)
        )


def test_a_row_cannot_point_to_another_tenants_person(database, cast, now):
    with pytest.raises(IntegrityError, match="memberships"), database.write(cast.acme) as session:
        session.add(RoleAssignment(user_id=cast.ana, role=RoleCode.ORG_ADMIN, created_at=now))


def test_the_application_acts_as_a_role_that_bypasses_nothing(database):
    with database.read(None) as session:
        role = session.execute(
            text("SELECT current_user, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        ).one()

    assert tuple(role) == ("stoa_app", False, False)


def test_a_pooled_connection_forgets_the_tenant_after_an_error(database_url, cast):
    database = Database(database_url, pool_size=1)
    with pytest.raises(ZeroDivisionError), database.write(cast.northwind):
        raise ZeroDivisionError
    with pytest.raises(DBAPIError), database.write(cast.northwind) as session:
        session.execute(text("SELECT 1/0"))

    with database.read(None) as session:
        assert session.scalars(select(User)).all() == []
    database.close()


def test_a_read_transaction_cannot_write(database, cast):
    with pytest.raises(DBAPIError, match="read-only"), database.read(cast.northwind) as session:
        session.execute(text("UPDATE users SET display_name = 'X'"))


def test_what_a_read_transaction_sees_is_one_moment(database, cast):
    """Pages put together what several questions answer: what is committed between two of them shows on neither."""
    name = select(User.display_name).where(User.id == cast.ana)
    with database.read(cast.northwind) as session:
        before = session.scalar(name)
        with database.write(cast.northwind) as writing:
            writing.get_one(User, cast.ana).display_name = "Ana, married"

        assert session.scalar(name) == before
    with database.read(cast.northwind) as session:
        assert session.scalar(name) == "Ana, married"


def test_a_writing_transaction_after_a_reading_one_sees_what_is_committed_meanwhile(database_url, cast):
    """The pool gives a connection back as it was: who waited for a lock must see what was written under it."""
    database, other = Database(database_url, pool_size=1), Database(database_url, pool_size=1)
    name = select(User.display_name).where(User.id == cast.ana)
    with database.read(cast.northwind) as session:
        session.scalar(name)

    with database.write(cast.northwind) as session:
        session.scalar(name)
        with other.write(cast.northwind) as writing:
            writing.get_one(User, cast.ana).display_name = "Ana, married"
        assert session.scalar(name) == "Ana, married"

    database.close()
    other.close()


def test_every_tenant_table_forces_row_level_security_and_has_a_policy(database):
    with database.read(None) as session:
        rows = session.execute(
            text("""
                SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                       EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid)
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
            """)
        ).all()
    state = {name: (forced, has_policy) for name, forced, has_policy in rows}

    tenants = {t.name for t in METADATA.sorted_tables if "organization_id" in t.columns} | {"users", "organizations"}
    assert {name for name in tenants if state[name] != (True, True)} == set()


def test_functions_that_look_across_tenants_belong_to_the_look_up_role(database):
    with database.read(None) as session:
        owners = session.execute(
            text("""
                SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc
                WHERE prosecdef AND pronamespace = 'public'::regnamespace
            """)
        ).scalars()
        assert set(owners) == {"stoa_lookup"}


@pytest.mark.parametrize("command", ["UPDATE audit_logs SET action = 'x'", "DELETE FROM audit_logs"])
def test_the_audit_log_refuses_change(database, cast, command):
    with pytest.raises(DBAPIError), database.write(cast.northwind) as session:
        session.execute(text(command))
