"""The page of jobs, for whoever looks after an installation."""

from app import wiring
from app.job_words import WORDS
from core import jobs


def test_every_kind_of_job_is_told_in_words():
    assert set(WORDS) == set(wiring.JOBS)


def test_a_job_says_what_it_does_and_by_which_name_logs_know_it(sign_in, database, cast):
    with database.write(cast.northwind) as session:
        jobs.enqueue(session, "scorm_player.import_package", {})

    page = sign_in("cem").get("/jobs").text

    assert "Import a package" in page
    assert "scorm_player.import_package" in page
