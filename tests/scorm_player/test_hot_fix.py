"""A hot-fix: who moves to the new version of a package, with what, and when it is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from core import clock, jobs
from core.errors import Invalid, NotFound
from core.tables import AuditLog, JobState
from scorm_player.errors import Superseded
from scorm_player.scorm.sequencing.definition import Edition, LimitConditions
from scorm_player.services import hot_fix, moving, preview, projection, registrations, reports, runtime
from scorm_player.services.moving import DoesNotFit
from scorm_player.services.runtime import Batch
from scorm_player.store import registrations as store
from tests.scorm_player.playing import NOW, course, index, launched, next_version, sco, sent


def enrolled(db, user_id, version_id):
    actor = {"objectType": "Agent", "account": {"homePage": "http://localhost", "name": str(user_id)}}
    return registrations.register(db, user_id=user_id, package_version_id=version_id, actor=actor, now=NOW)


def moved(db, kind, old, new, *, reason, by, now):
    """Ask for it and let the job do it; answer how many moved."""
    move_id = moving.ask(db, old, new, kind, reason=reason, by=by, now=now)
    while (row := moving.go_on(db, move_id, now)).finished_at is None:
        pass
    return row.moved


def test_those_in_progress_go_on_in_the_new_version_where_they_left(db, cast):
    first = course(db, sco("one"), sco("two"), edition=Edition.FOURTH, index=index(one=1, two=2))
    ana, ben = enrolled(db, cast.ana, first), enrolled(db, cast.ben, first)
    opened = launched(db, ana)
    answer = [("cmi.interactions.0.id", "q1"), ("cmi.interactions.0.type", "choice")]
    sent(db, opened, 1, *answer, ("cmi.suspend_data", "page 3"), ("cmi.exit", "suspend"), initialized=True)
    done = launched(db, ben)
    for sequence, request in ((1, "continue"), (1, "exitAll")):
        sent(db, done, sequence, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
        done = runtime.navigate(db, done.session_id, request, now=NOW)
    assert registrations.summary(db, ben).completion == "completed"
    old, new = next_version(
        db, first, lambda root: replace(root, title="Fire safety, corrected"), one=7, two=2, three=3
    )
    assert [(one.version.sequence, one.in_progress) for one in hot_fix.origins(db, new)] == [(1, 1)]
    differs = hot_fix.difference(db, old, new)
    assert (differs.obstacles, differs.changed, differs.added, differs.removed) == (
        [], ["one.html"], ["three.html"], [],
    )  # fmt: skip

    assert moved(db, "hot_fix", old, new, reason="A wrong number.", by=cast.ben, now=NOW) == 1

    assert store.get(db, ana).package_version_id == new.id
    assert store.get(db, ben).package_version_id == old.id
    sent(db, opened, 2, ("cmi.suspend_data", "page 4"), terminated=True)  # the window that was open all the time
    again = launched(db, ana)
    assert again.document["values"]["cmi.suspend_data"] == "page 4"
    assert again.document["values"]["cmi.entry"] == "resume"
    history = reports.history(db, ana).items
    assert [len(line.attempts) for line in history if line.title == "One"] == [1]
    assert {q.question.identifier for q in reports.analysis(db, old.id, [ana])} == {"q1"}
    told = hot_fix.moves(db, [ana, ben], NOW)
    assert [(one.from_sha256, one.to_sha256, one.reason) for one in told[ana]] == [
        (old.sha256, new.sha256, "A wrong number.")
    ]
    assert ben not in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(lambda root: replace(root, children=root.children[:1]), "Two is missing", id="a part less"),
        pytest.param(lambda root: replace(root, children=(*root.children, sco("x"))), "X is new", id="a part more"),
        pytest.param(lambda root: replace(root, children=root.children[::-1]), "The order", id="another order"),
        pytest.param(
            lambda root: replace(
                root, children=(replace(root.children[0], limits=LimitConditions(attempt_limit=1)), root.children[1])
            ),
            "The rules of One differ",
            id="other rules",
        ),
    ],
)
def test_versions_that_differ_in_what_data_hang_on_move_nobody(db, cast, change, says):
    first = course(db, sco("one"), sco("two"), edition=Edition.FOURTH, index=index(one=1))
    ana = enrolled(db, cast.ana, first)
    old, new = next_version(db, first, change, one=1)

    with pytest.raises(DoesNotFit, match=says):
        moved(db, "hot_fix", old, new, reason="Try.", by=cast.ben, now=NOW)

    assert store.get(db, ana).package_version_id == old.id


def test_a_hot_fix_has_a_reason_and_stays_within_its_package(db, cast):
    first = course(db, index=index(one=1))
    old, new = next_version(db, first, one=2)
    with pytest.raises(Invalid):
        moved(db, "hot_fix", old, new, reason="", by=cast.ben, now=NOW)
    with pytest.raises(NotFound):
        moved(db, "hot_fix", old, old, reason="Try.", by=cast.ben, now=NOW)


def another_structure(root):
    """The same course with a part less, and one that is new."""
    return replace(root, children=(sco("one"), sco("three")))


def test_those_in_progress_begin_another_structure_and_what_they_did_stays_on_record(db, cast):
    first = course(db, sco("one"), sco("two"), edition=Edition.FOURTH, index=index(one=1, two=2))
    ana, ben, cem = (enrolled(db, person, first) for person in (cast.ana, cast.ben, cast.cem))
    opened = launched(db, ana)
    sent(db, opened, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True, seconds=30)
    second = runtime.navigate(db, opened.session_id, "continue", now=NOW)
    answer = [("cmi.interactions.0.id", "q1"), ("cmi.interactions.0.type", "choice")]
    sent(db, second, 1, *answer, ("cmi.location", "7"), initialized=True)
    done = launched(db, cem)
    for request in ("continue", "exitAll"):
        sent(db, done, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
        done = runtime.navigate(db, done.session_id, request, now=NOW)
    old, new = next_version(db, first, another_structure, one=1, three=3)
    assert hot_fix.difference(db, old, new).obstacles

    assert moved(db, "switch", old, new, reason="Another law.", by=cast.cem, now=NOW) == 2

    assert [store.get(db, one).package_version_id for one in (ana, ben, cem)] == [new.id, new.id, old.id]
    assert moved(db, "switch", new, old, reason="Back.", by=cast.ben, now=NOW) == 1, "not one's own"
    assert moved(db, "switch", old, new, reason="And again.", by=cast.ben, now=NOW) == 1
    summary = registrations.summary(db, ana)
    assert (summary.completion, summary.progress_percent) == ("unknown", 0)
    assert [item.title for item in registrations.outline(db, ana)] == ["One", "Three"]
    lines = reports.history(db, ana).items
    set_aside = [(line.title, line.attempts[0].is_set_aside) for line in lines if line.is_of_earlier_version]
    assert sorted(set_aside) == [("One", True), ("Two", True)]
    assert {q.question.identifier for q in reports.analysis(db, old.id, [ana])} == {"q1"}
    with pytest.raises(Superseded):
        sent(db, second, 2, ("cmi.location", "8"))
    again = launched(db, ana)
    assert (again.document["title"], again.document["values"]["cmi.entry"]) == ("One", "ab-initio")
    with pytest.raises(Superseded):  # what a device kept of the version before is evidence, and is not mixed in
        runtime.commit(db, second.session_id, [Batch(2, [("cmi.location", "9")])], replay=True, now=NOW)
    assert [(one.reason, one.begins_anew) for one in hot_fix.moves(db, [ana], NOW)[ana]] == [
        ("Another law.", True), ("Back.", True), ("And again.", True),
    ]  # fmt: skip
    assert preview.log(db, ana).sessions == []


def test_a_switched_course_is_completed_by_the_parts_of_the_version_it_is_on(db, cast):
    first = course(db, sco("one"), sco("two"), edition=Edition.FOURTH, index=index(one=1, two=2))
    ana = enrolled(db, cast.ana, first)
    sent(db, launched(db, ana), 1, ("cmi.location", "3"), initialized=True)
    old, new = next_version(db, first, another_structure, one=1, three=3)
    moved(db, "switch", old, new, reason="Another law.", by=cast.ben, now=NOW)

    opened = launched(db, ana)
    for request in ("continue", "exitAll"):
        sent(db, opened, 1, ("cmi.completion_status", "completed"), initialized=True, terminated=True)
        opened = runtime.navigate(db, opened.session_id, request, now=NOW)

    assert registrations.summary(db, ana).completion == "completed"
    assert projection.rebuild(db).attempts == 3


def test_a_switch_needs_a_reason_and_a_version_of_the_same_package(db, cast):
    first = course(db, sco("one"), edition=Edition.FOURTH, index=index(one=1))
    old, new = next_version(db, first, another_structure, one=1, three=3)

    with pytest.raises(Invalid):
        moved(db, "switch", old, new, reason="", by=cast.ben, now=NOW)
    with pytest.raises(NotFound):
        moved(db, "switch", old, old, reason="Why not.", by=cast.ben, now=NOW)


def test_whoever_begins_after_it_was_asked_for_is_not_meant(db, cast):
    first = course(db, index=index(one=1))
    ana = enrolled(db, cast.ana, first)
    old, new = next_version(db, first, one=2)
    move_id = moving.ask(db, old, new, "hot_fix", reason="Later ones too?", by=cast.ben, now=NOW)
    ben = enrolled(db, cast.ben, first)
    store.get(db, ben).created_at = NOW + timedelta(seconds=1)
    db.flush()

    assert moving.go_on(db, move_id, NOW).moved == 1

    assert [store.get(db, one).package_version_id for one in (ana, ben)] == [new.id, old.id]


@pytest.mark.parametrize("kind", ["hot_fix", "switch"])
def test_a_worker_that_dies_between_two_slices_moves_nobody_twice(database, cast, app, run_jobs, monkeypatch, kind):
    monkeypatch.setattr(moving, "SLICE", 1)
    with database.write(cast.northwind) as session:
        first = course(session, sco("one"), sco("two"), edition=Edition.FOURTH, index=index(one=1))
        people = [enrolled(session, person, first) for person in (cast.ana, cast.ben, cast.cem)]
        old, new = next_version(session, first, one=2)
        move_id = moving.ask(session, old, new, kind, reason="A wrong number.", by=cast.ben, now=clock.now())
    expected = people if kind == "hot_fix" else [people[0], people[2]]
    calls = []

    def dying(session, move_id, now, do=moving.go_on):
        calls.append(move_id)
        row = do(session, move_id, now)
        if len(calls) == 2:
            raise RuntimeError("killed before the commit")
        return row

    monkeypatch.setattr(moving, "go_on", dying)
    run_jobs()
    with database.read(cast.northwind) as session:
        row = moving.get(session, move_id)
        assert (row.moved, row.expected, row.finished_at) == (1, len(expected), None)
    later = clock.now() + timedelta(hours=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    run_jobs()

    with database.read(cast.northwind) as session:
        assert moving.get(session, move_id).moved == len(expected)
        told = hot_fix.moves(session, people, later)
        assert {registration: len(moves) for registration, moves in told.items()} == dict.fromkeys(expected, 1)
        lines = session.scalars(select(AuditLog).where(AuditLog.action.in_(("package.hot_fixed", "package.switched"))))
        assert [(line.actor_id, line.details["registrations"]) for line in lines] == [(cast.ben, len(expected))]


def test_asking_again_is_the_same_and_gives_a_job_that_gave_up_new_tries(db, cast):
    first = course(db, index=index(one=1))
    enrolled(db, cast.ana, first)
    old, new = next_version(db, first, one=2)
    asked = moving.ask(db, old, new, "hot_fix", reason="A wrong number.", by=cast.ben, now=NOW)
    job = jobs.find(db, moving.get(db, asked).job_id)
    job.state = JobState.FAILED
    db.flush()

    assert moving.ask(db, old, new, "hot_fix", reason="Again.", by=cast.ben, now=NOW) == asked

    db.refresh(job)
    assert job.state is JobState.QUEUED
    moving.go_on(db, asked, NOW)
    assert moving.ask(db, old, new, "hot_fix", reason="For those who came since.", by=cast.ben, now=NOW) != asked
