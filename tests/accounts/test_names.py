"""Names beside memberships: what lists are sorted and searched by follows the person, in every organization."""

from sqlalchemy import select

from accounts.services import listing, people, profile
from accounts.tables import Membership, User
from core import clock


def keys(database, organization, user_id):
    with database.read(organization) as session:
        query = select(Membership.name_key, Membership.search_key).where(Membership.user_id == user_id)
        return tuple(session.execute(query).one())


def test_names_follow_the_person_in_every_organization(database, cast, now):
    with database.write(cast.acme) as session:
        people.add(
            session, email="ana@northwind.example", first_name="x", last_name="y", roles=["learner"],
            is_verified=True, now=now,
        )  # fmt: skip
    with database.write(cast.northwind) as session:
        profile.change(session, cast.ana, first_name="Änne", last_name="Zöllner", locale="", timezone="")

    assert keys(database, cast.acme, cast.ana) == ("Zöllner Änne", "änne zöllner ana@northwind.example ")
    assert keys(database, cast.northwind, cast.ana) == keys(database, cast.acme, cast.ana)


def test_people_are_found_by_name_email_and_employee_id_whatever_the_capitals(db, cast):
    db.get(User, cast.ana)
    member = db.scalars(select(Membership).where(Membership.user_id == cast.ana)).one()
    member.employee_id = "NW_100%"
    db.flush()

    def found(text):
        which = listing.wanted(search=text)
        rows, total = listing.page(db, which, clock.now(), order="name", descending=False, offset=0, limit=5)
        assert total == len(rows)
        return [row.person.user_id for row in rows]

    assert found("ANA T") == found("ana@north") == found("w_100%") == [cast.ana]
    assert found("W%100") == found("nwx100") == []


def test_a_list_that_is_not_filtered_takes_its_total_from_the_counts(db, cast):
    for status, total in (("", 3), ("active", 3), ("left", 0)):
        counts = {"active": 3, "left": 0, "invited": 0, "suspended": 0, "on_leave": 0}
        which = listing.wanted(status=status)
        told = listing.page(db, which, clock.now(), order="name", descending=False, offset=0, limit=5, counts=counts)[1]
        counted = listing.page(db, which, clock.now(), order="name", descending=False, offset=0, limit=5)[1]
        assert told == counted == total
