from datetime import timedelta
from uuid import uuid4

import pytest

from catalog.services import courses, drafts, modules, publishing
from core.errors import Invalid
from lrs.services import credentials
from tests.catalog.conftest import built, credential, published


def test_a_trusted_source_counts_from_then_until_it_is_removed(db, now):
    made = published(db, now)
    simulator = credential(db, now)
    hour = timedelta(hours=1)

    modules.trust(db, made.module_id, simulator, now=now)
    modules.trust(db, made.module_id, simulator, now=now + hour)
    assert modules.trusted_sources(db, made.module_id) == {simulator}
    modules.distrust(db, made.module_id, simulator, now=now + 2 * hour)

    assert modules.trusted_sources(db, made.module_id) == frozenset()
    assert modules.trusted_sources(db, made.module_id, at=now - hour) == frozenset()
    assert modules.trusted_sources(db, made.module_id, at=now + hour) == {simulator}
    assert modules.trusted_sources(db, made.module_id, at=now + 2 * hour) == frozenset()


def test_what_a_published_module_trusts_its_draft_trusts_but_not_the_other_way(db, now):
    made = published(db, now)
    draft = publishing.new_draft(db, made.course_id, now=now)
    twin = courses.outline(db, draft.id)[0].modules[0].id
    first, second = credential(db, now, "First"), credential(db, now, "Second")

    modules.trust(db, made.module_id, first, now=now)
    modules.trust(db, twin, second, now=now)

    assert modules.trusted_sources(db, made.module_id) == {first}
    assert modules.trusted_sources(db, twin) == {first, second}


@pytest.mark.parametrize("which", ["unknown", "revoked", "of one launch"])
def test_only_a_credential_in_use_can_be_trusted(db, now, which):
    made = built(db, now)
    simulator = credential(db, now)
    if which == "revoked":
        credentials.revoke(db, simulator, now)
    if which == "of one launch":
        simulator = credentials.create(
            db, label="Launch", scopes=["statements/write"], authority={"mbox": "mailto:a@b.example"}, hash_key=b"key",
            now=now, registration=uuid4(),
        ).id  # fmt: skip

    with pytest.raises(Invalid) as refused:
        modules.trust(db, made.module_id, uuid4() if which == "unknown" else simulator, now=now)

    assert refused.value.problems[0].where == "credential_id"


def test_modules_are_found_by_their_activity_once_published(db, now):
    made = built(db, now)
    link = {"title": "Simulator", "external_url": "https://sim.example/", "activity_iri": "urn:sim:fire"}
    module = drafts.add_module(db, made.section_id, {"module_type": "external_link", **link})
    modules.trust(db, module.id, credential(db, now), now=now)
    assert modules.by_activity(db, "urn:sim:fire") == []

    publishing.publish(db, made.course_id, by=None, now=now)

    assert [one.id for one in modules.by_activity(db, "urn:sim:fire")] == [module.id]
    assert modules.by_activity(db, "urn:sim:FIRE") == []
