"""Every write leaves a line in the audit log: each is really done, by a request that succeeds, and the log is read."""

import pytest

from core.http import access_of
from tests import world as story
from tests.app.test_audit import UNAUDITED
from tests.world import World

QUIET = {
    "accounts.begin_second_factor": "shows a secret; nothing holds before its first code, which is audited",
    "scorm_player.api_send_piece": "a part of an upload whose beginning and end are audited",
}
"""Writes that leave no line of their own, and why."""

ELSEWHERE = {
    "accounts.choose_organization": "test_provider_sign_in",  # for who is known in several organizations
    "accounts.switch_organization": "test_provider_sign_in",
    "accounts.connect": "test_provider_sign_in",  # what follows needs a provider that answers
    "accounts.end_by_provider": "test_provider_sign_in",
    "accounts.test_provider": "test_provider_sign_in",
    "accounts.api_test_provider": "test_provider_sign_in",
    "accounts.switch_second_factor_off": "test_second_factor",
    "scorm_player.close": "test_group_commit",  # what a course saves becomes statements, with their authority
    "scorm_player.commit": "test_group_commit",
    "scorm_player.navigate": "test_playing",
    "training.api_revoke_certificate": "test_pages",
    "training.api_take_retake_back": "test_taking_back",
}
"""Writes that this walk does not do, and where they are done."""


def test_each_write_leaves_a_line(app, sign_in, run_jobs, database, cast):
    world = World(app, sign_in, run_jobs, database, cast)
    for part in (story.everything, story.programs, story.ends):
        part(world)

    writes = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.methods - {"GET", "HEAD", "OPTIONS"}
        and access_of(app, rule.endpoint)
        and not rule.rule.startswith("/xapi/")
    }
    silent = {view for view, lines in world.lines.items() if not any(lines)}
    assert silent - set(UNAUDITED) == set(QUIET)
    assert writes - set(world.lines) - set(UNAUDITED) == set(ELSEWHERE)


@pytest.mark.parametrize(
    ("path", "action"),
    [
        pytest.param("/people.csv", "people.exported", id="people"),
        pytest.param("/audit.csv", "audit.exported", id="audit log"),
        pytest.param("/lrs/statements/export", "statements.exported", id="statements"),
    ],
)
def test_each_export_leaves_a_line(sign_in, path, action):
    cem = sign_in("cem")

    answer = cem.get(path)
    answer.get_data()
    assert answer.status_code == 200

    assert "Cem Tester exported" in cem.get("/audit", query_string={"action": action}).text
