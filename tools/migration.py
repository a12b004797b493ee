"""Write a migration from the difference between the tables and a freshly migrated database.

python tools/migration.py "why"
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from alembic import command  # noqa: E402 - the checkout is not a package until the path is set
from alembic.script import ScriptDirectory  # noqa: E402
from sqlalchemy import create_engine, make_url  # noqa: E402

from core import migrations  # noqa: E402
from core.postgres import Server  # noqa: E402


def main() -> int:
    """Migrate a throw-away database, compare, write the file; row-level security is added by hand."""
    why = " ".join(sys.argv[1:]).strip()
    if not why:
        print('Say why: make migration m="people have positions"', file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="stoa-migration-") as home:
        server = Server(Path(home), {"fsync": "off"})
        try:
            write(server.start(), why)
        finally:
            server.discard()
    print("Now add what it cannot know: grants and policies (migrations/rls.py), triggers, data, and the reason.")
    return 0


def write(url: str, why: str) -> None:
    """Write the next file of the history."""
    migrations.migrate(url)
    settings = migrations.settings()
    heads = ScriptDirectory.from_config(settings).get_current_head() or "0000"
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.revision(settings, why, autogenerate=True, rev_id=f"{int(heads) + 1:04}")


if __name__ == "__main__":
    sys.exit(main())
