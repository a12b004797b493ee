"""The list of people with many of them: server time of each way to look at it, and where it goes.

On a machine that others use too, read the two columns to the right: time in SQL and processor time of a request.

python -m bench.people [--people 50000] [--rounds 20]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import event, text

from accounts.services import audiences, organizations, people, units
from app import create_app
from bench.run import PASSWORD, say
from core import clock, config, migrations, postgres
from core.db import Database

FILL = (
    """
    INSERT INTO users (id, email, first_name, last_name, display_name, is_active, failed_logins, created_at)
    SELECT md5('p' || n)::uuid, 'p' || n || '@bench.example', first, last, first || ' ' || last, true, 0, now()
    FROM (
        SELECT n, 'First' || (n::bigint * 7919 % 997) AS first, 'Last' || (n::bigint * 104729 % 49999) AS last
        FROM generate_series(1, :people) n
    ) names
    """,
    """
    INSERT INTO memberships
        (organization_id, id, user_id, status, employee_id, org_unit_id, custom_fields, tags, created_at)
    SELECT :here, gen_random_uuid(), md5('p' || n)::uuid, 'active', 'E' || n, unit.id, '{}', '[]', now()
    FROM generate_series(1, :people) n
    JOIN (SELECT id, row_number() OVER (ORDER BY code) AS at FROM org_units) unit ON unit.at = 1 + n % 40
    """,
    """
    INSERT INTO role_assignments (organization_id, id, user_id, role, created_at)
    SELECT :here, gen_random_uuid(), user_id, 'learner', now() FROM memberships WHERE employee_id IS NOT NULL
    """,
)


def main() -> None:
    """Fill a throw-away database, look at every list, print the times."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--people", type=int, default=50_000)
    options.add_argument("--rounds", type=int, default=20)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="stoa-bench-") as home:
        server = postgres.Server(Path(home) / "server", {"shared_buffers": "256MB"})
        try:
            measure(server.start(), Path(home), chosen.people, chosen.rounds)
        finally:
            server.discard()


def measure(url: str, home: Path, number: int, rounds: int) -> None:
    """Print median and 95th percentile of each list, in milliseconds, through the whole application."""
    migrations.migrate(url)
    database = Database(url, pool_size=2)
    settings = config.load(
        {"STOA_HOME": str(home / "app"), "DATABASE_URL": url, "APP_ORIGIN": "http://localhost", "STOA_TEST": "1",
         "CONTENT_ORIGIN": "http://127.0.0.1"}
    )  # fmt: skip
    app = create_app(settings, database)
    with database.write(organizations.new_id()) as session:
        here = organizations.create(session, name="Bench", slug="bench", code="BEN", now=clock.now())
        people.add(
            session, email="cem@bench.example", first_name="Cem", last_name="B", roles=["org_admin"],
            password=PASSWORD, is_verified=True, now=clock.now(),
        )  # fmt: skip
    with database.write(here) as session:
        facts = {"unit_type": "department", "description": "", "manager_email": "", "parent_id": ""}
        top = units.add(session, clock.now(), name="Top", code="T", **facts)
        made = [
            units.add(session, clock.now(), name=f"Unit {n}", code=f"U{n:02}", **(facts | {"parent_id": str(top)}))
            for n in range(40)
        ]
    with database.write(here) as session:
        for statement in FILL:
            session.execute(text(statement), {"people": number, "here": here})
        rule = {"all": [{"field": "unit", "op": "in_tree", "value": [str(made[0]), str(made[1])]}]}
        began = time.perf_counter()
        audience = audiences.add(session, name="Two units", description="", rule=rule, now=clock.now())
        say(f"audience of two units refreshed: {(time.perf_counter() - began) * 1000:.0f} ms")
    with database.engine.connect() as connection:
        connection.exec_driver_sql("RESET ROLE")
        connection.commit()
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    client = app.test_client()
    page = client.get("/sign-in").text
    token = page.partition('name="csrf-token" content="')[2].partition('"')[0]
    client.post("/sign-in", data={"email": "cem@bench.example", "password": PASSWORD, "csrf_token": token})
    lists = (
        "/people", "/people?page=500", "/people?q=Last123", f"/people?unit={top}", f"/people?unit={made[3]}",
        "/people?role=learner", f"/people?audience={audience}", "/people?sort=-hired", "/people?sort=unit",
        "/people/units", f"/people/units/{top}", f"/people/audiences/{audience}",
    )  # fmt: skip
    if f"{number + 1}" not in client.get("/people").text:
        raise SystemExit("the people are not there")
    asked: list[float] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: setattr(told[4], "began", time.perf_counter()))
    event.listen(
        database.engine, "after_cursor_execute", lambda *told: asked.append(time.perf_counter() - told[4].began)
    )
    say(f"{number:,} people, {rounds} rounds; server's time: median and 95 %, least in SQL, median of processor")
    for path in lists:
        times, sql, processor = [], [], []
        client.get(path)
        for _ in range(rounds):
            asked.clear()
            began, used = time.perf_counter(), time.process_time()
            answer = client.get(path)
            times.append((time.perf_counter() - began) * 1000)
            processor.append((time.process_time() - used) * 1000)
            sql.append(sum(asked) * 1000)
            if answer.status_code != 200:
                raise SystemExit(f"{path}: {answer.status_code}")
        worst = statistics.quantiles(times, n=20)[-1]
        name = path.replace(str(top), "…").replace(str(made[3]), "…").replace(str(audience), "…")
        say(
            f"{name:<24} {statistics.median(times):7.0f} ms {worst:7.0f} ms "
            f"{min(sql):7.0f} ms {statistics.median(processor):7.0f} ms"
        )
    began, size = time.perf_counter(), 0
    answer = client.get("/people.csv", buffered=False)
    if answer.status_code != 200:
        raise SystemExit(f"/people.csv: {answer.status_code} {answer.text}")
    for piece in answer.iter_encoded():
        if not size:
            first = time.perf_counter() - began
        size += len(piece)
    say(f"export: first bytes after {first * 1000:.0f} ms, {size:,} bytes in {time.perf_counter() - began:.1f} s")
    database.close()


if __name__ == "__main__":
    main()
