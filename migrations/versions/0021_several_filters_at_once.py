"""Several filters at once

A query for a person, a verb and a registration looked at every row of the rarest of them. With the other columns behind
`stored`, the index itself says which rows it is, and only those are read.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

COLUMNS = ("actor", "verb", "activity", "registration")


def upgrade() -> None:
    for column in COLUMNS:
        others = ", ".join(other for other in COLUMNS if other != column)
        where = "" if column in ("actor", "verb") else f" WHERE {column} IS NOT NULL"
        op.execute(f"DROP INDEX ix_xapi_statements_{column}")
        op.execute(
            f"CREATE INDEX ix_xapi_statements_{column} ON xapi_statements "
            f"(organization_id, {column}, stored, {others}){where}"
        )
