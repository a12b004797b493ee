"""How long it takes to count statements, and to export and delete somebody's, in a full store.

Services without HTTP and without the job's worker, in the transactions that the jobs take. The installation is wired,
so the rooms that know what rests on a statement are asked.
"""

import os
import time
from collections.abc import Callable
from typing import Any

from app import wiring
from bench.statements import BUSY, HOME
from core import clock
from core.db import uuid7
from core.files import Files
from lrs.services import aggregation, person_export, privacy
from lrs.services.browsing import Search
from lrs.services.privacy import By, PrivacyAct

PERSONS = {"one in 100": "learner40", "one in twelve": "learner1"}
"""Whose records are exported and deleted: roughly how many of all statements are theirs."""


def measure(stage: Any, say: Callable[[str], None]) -> None:
    """Count, export, delete."""
    wiring.connect(stage.settings)
    counting(stage, say)
    files = Files(stage.settings.storage_url)
    for share, name in PERSONS.items():
        who = f"account|{HOME}|{name}"
        exported(stage, files, who, share, say)
        deleted(stage, who, share, say)


def counting(stage: Any, say: Callable[[str], None]) -> None:
    """Every statement, and those of one registration and of one person, by everything."""
    for name, search in {
        "all": Search(),
        "one registration": Search(registration=str(BUSY)),
        "one person": Search(person=f"{HOME}|learner2"),
    }.items():
        for by in aggregation.By:
            started = time.perf_counter()
            try:
                with stage.database.read(stage.organization_id) as session:
                    found = f"{len(aggregation.groups(session, search, by))} groups"
            except aggregation.TooMuch as refusal:
                found = refusal.title
            say(f"count {name} by {by}: {1000 * (time.perf_counter() - started):.0f} ms, {found}; load {_load()}")


def exported(stage: Any, files: Files, who: str, share: str, say: Callable[[str], None]) -> None:
    """Look, then write the zip."""
    run_id = _ask(stage, who, PrivacyAct.EXPORT)
    looked = _seconds(lambda: privacy.preview(stage.database, stage.organization_id, run_id, _nothing))
    _confirm(stage, run_id)
    took = _seconds(
        lambda: person_export.run(stage.database, files, stage.organization_id, run_id, clock.now, _nothing)
    )
    say(f"export of {share}: {_told(stage, run_id)}; looked for {looked:.1f} s, took {took:.1f} s; load {_load()}")


def deleted(stage: Any, who: str, share: str, say: Callable[[str], None]) -> None:
    """Look, then delete."""
    run_id = _ask(stage, who, PrivacyAct.DELETE)
    looked = _seconds(lambda: privacy.preview(stage.database, stage.organization_id, run_id, _nothing))
    _confirm(stage, run_id)
    took = _seconds(lambda: privacy.run(stage.database, stage.organization_id, run_id, clock.now, _nothing))
    say(f"deletion of {share}: {_told(stage, run_id)}; looked for {looked:.1f} s, took {took:.1f} s; load {_load()}")


def _ask(stage: Any, who: str, act: PrivacyAct) -> Any:
    with stage.database.write(stage.organization_id) as session:
        return privacy.ask(session, who, act, "bench", By(uuid7(), "Bench"), clock.now()).id


def _confirm(stage: Any, run_id: Any) -> None:
    with stage.database.write(stage.organization_id) as session:
        privacy.confirm(session, run_id, By(uuid7(), "Bench"), clock.now())


def _told(stage: Any, run_id: Any) -> str:
    with stage.database.read(stage.organization_id) as session:
        return str(privacy.get(session, run_id).counts.get("statement"))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _nothing(_percent: int, _note: str) -> None:
    """Nobody watches."""


def _load() -> str:
    return f"{os.getloadavg()[0]:.0f}"
