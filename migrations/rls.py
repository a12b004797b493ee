"""Plain SQL that migrations share: grants and row-level security. Never changed once used, only added to."""

from alembic import op

CURRENT = "nullif(current_setting('app.organization_id', true), '')::uuid"


def tenant_table(name: str, *, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """Let the application reach the rows of the transaction's tenant and no others, not even as the table's owner."""
    grant(name, rights)
    policy(name, "tenant", f"organization_id = {CURRENT}")


def grant(name: str, rights: str) -> None:
    """Give the application these rights and switch row-level security on, for the owner too."""
    op.execute(f"GRANT {rights} ON {name} TO stoa_app")
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")


def policy(table: str, name: str, using: str, *, check: str | None = None, role: str = "stoa_app") -> None:
    """Add one policy for all commands of a role."""
    op.execute(f"CREATE POLICY {name} ON {table} TO {role} USING ({using}) WITH CHECK ({check or using})")


def lookup(table: str, columns: str, *, rights: str = "SELECT") -> None:
    """Let the look-up functions read these columns of every tenant's rows."""
    op.execute(f"GRANT {rights} ({columns}) ON {table} TO stoa_lookup")
    kind = "SELECT" if rights == "SELECT" else "ALL"
    check = "" if kind == "SELECT" else " WITH CHECK (true)"
    op.execute(f"CREATE POLICY lookup ON {table} FOR {kind} TO stoa_lookup USING (true){check}")


def lookup_function(signature: str, returns: str, body: str) -> None:
    """Make a function that looks across tenants and answers ids only, owned by a role that can do nothing else."""
    name = signature.partition("(")[0]
    op.execute(
        f"CREATE FUNCTION {signature} RETURNS {returns} LANGUAGE sql SECURITY DEFINER "
        f"SET search_path = public, pg_temp AS $${body}$$"
    )
    # A function may only be given to a role that could have made it.
    op.execute("GRANT CREATE ON SCHEMA public TO stoa_lookup")
    op.execute(f"ALTER FUNCTION {name} OWNER TO stoa_lookup")
    op.execute("REVOKE CREATE ON SCHEMA public FROM stoa_lookup")
    op.execute(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {name} TO stoa_app")
