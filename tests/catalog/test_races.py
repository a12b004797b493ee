"""Two at once: what one is publishing the other cannot change, neither by the services nor by SQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from catalog.errors import VersionIsFinal
from catalog.services import courses, drafts, publishing
from tests.waiting import until_somebody_waits


def by_service(session, made):
    drafts.rename_section(session, made.section_id, "Changed meanwhile")


def by_sql(session, made):
    session.execute(text("UPDATE sections SET title = 'x' WHERE id = :id"), {"id": made.section_id})


@pytest.mark.parametrize(("change", "refusal"), [(by_service, VersionIsFinal), (by_sql, IntegrityError)])
def test_a_change_that_waits_for_publishing_is_refused(database, cast, northwind, now, change, refusal):
    made = northwind()

    def change_it():
        with database.write(cast.northwind) as session:
            change(session, made)

    with ThreadPoolExecutor(1) as another:
        with database.write(cast.northwind) as session:
            publishing.publish(session, made.course_id, by=None, now=now)
            waiting = another.submit(change_it)
            until_somebody_waits(session)
        with pytest.raises(refusal):
            waiting.result(10)

    with database.read(cast.northwind) as session:
        assert courses.outline(session, made.version_id)[0].title == "Start here"
