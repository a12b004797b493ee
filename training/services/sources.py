"""What training reads of the rooms below it, as its own values: statements, modules, launches, people, trust."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from uuid import UUID

from accounts.services import people
from catalog.services import courses, modules
from catalog.services.courses import Course, CourseVersion
from catalog.services.modules import Module
from core.db import Session
from lrs.services import personas, statements
from lrs.services.statements import StoredStatement
from scorm_player.services import hot_fix, packages, registrations
from training.rules.counting import (
    Claim,
    Participation,
    Surroundings,
    account_of,
    claim_of,
    identity,
    mailbox_of,
)
from training.rules.progress import Criteria
from training.services import addresses
from training.store import enrollments as store
from training.store import republishing as republishing_store
from training.tables import CourseEnrollment

BY_SCORE = "score"


def claims(session: Session, statement_ids: Sequence[UUID]) -> list[Claim]:
    """Return what training reads of these statements, in the order they were stored."""
    return sorted(map(_claim, statements.get_many(session, list(statement_ids))), key=lambda claim: claim.stored)


def claims_of_actors(session: Session, identifiers: Sequence[str], after: datetime | None, limit: int) -> list[Claim]:
    """Return what training reads of clients' statements of these actors, in stored order, from behind `after` on."""
    return list(map(_claim, statements.from_clients(session, identifiers, after, limit)))


def claims_in_order(session: Session) -> Iterator[Claim]:
    """Return what training reads of every statement of the tenant, in the order they were stored."""
    return map(_claim, statements.in_stored_order(session))


def _claim(found: StoredStatement) -> Claim:
    return claim_of(found.payload, stored=found.stored, credential_id=found.credential_id, is_voided=found.voided)


class Sources:
    """The rooms below, asked once per thing within one transaction."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._launched: dict[UUID, Participation | None] = {}
        self._modules: dict[UUID, list[Module]] = {}
        self._single: dict[UUID, Module] = {}
        self._about: dict[str, list[Module]] = {}
        self._people: dict[str, UUID | None] = {}
        self._courses: dict[UUID, Course] = {}
        self._versions: dict[UUID, CourseVersion] = {}
        self._items: dict[UUID, frozenset[str]] = {}

    @cached_property
    def tenant(self) -> people.Tenant:
        """The organization all of this is about."""
        return people.tenant(self.session)

    def course(self, course_id: UUID) -> Course:
        """Return a course."""
        if course_id not in self._courses:
            self._courses[course_id] = courses.get(self.session, course_id)
        return self._courses[course_id]

    def version(self, version_id: UUID) -> CourseVersion:
        """Return a version of a course."""
        if version_id not in self._versions:
            self._versions[version_id] = courses.version(self.session, version_id)
        return self._versions[version_id]

    def modules(self, version_id: UUID) -> list[Module]:
        """Return the modules of a course version in the order learners meet them."""
        if version_id not in self._modules:
            sections = courses.outline(self.session, version_id)
            self._modules[version_id] = [module for section in sections for module in section.modules]
        return self._modules[version_id]

    def module(self, module_id: UUID) -> Module:
        """Return a module of whatever version."""
        if module_id not in self._single:
            self._single[module_id] = modules.get(self.session, module_id)
        return self._single[module_id]

    def items(self, module: Module, switched_to: UUID | None = None) -> frozenset[str]:
        """Return the IRIs of what can be launched inside a module's package, or the version somebody switched to."""
        version_id = switched_to or module.package_version_id
        if version_id is None:
            return frozenset()
        if version_id not in self._items:
            self._items[version_id] = packages.launchable_iris(self.session, version_id)
        return self._items[version_id]

    def criteria(self, module: Module, course_id: UUID, switched_to: UUID | None = None) -> Criteria:
        """Return what a module asks for. The score to reach: the module's, the course's, the organization's.

        `switched_to`: the package version somebody was switched to after they had begun the module's.
        """
        is_by_score = module.completion_criteria.get("type") == BY_SCORE
        score = module.passing_score if module.passing_score is not None else self.course(course_id).passing_score
        if score is None and is_by_score:
            score = Decimal(str(self.tenant.passing_score))
        return Criteria(
            root=module.activity_iri,
            items=self.items(module, switched_to),
            is_by_score=is_by_score,
            passing_score=score,
        )

    def switched(self, enrollment_id: UUID) -> dict[UUID, UUID]:
        """Return, by module, the package version that somebody was switched to in an enrollment; mostly nothing."""
        served = store.registrations(self.session, enrollment_id)
        found = hot_fix.switched(self.session, list(served)) if served else {}
        return {served[registration_id]: version_id for registration_id, version_id in found.items()}

    def around(self, claim: Claim) -> Surroundings:
        """Return what is known around a statement, as of the moment it was stored."""
        launched = self.launched(claim.registration) if claim.registration is not None else None
        if claim.credential_id is None or claim.activity is None:
            return Surroundings(launched=launched)
        about = self.about(claim.activity)
        trusting = [
            module
            for module in about
            if claim.credential_id in modules.trusted_sources(self.session, module.id, at=claim.stored)
        ]
        person = self.person(claim) if trusting else None
        return Surroundings(
            launched=launched,
            about=next((module.id for module in (trusting or about)), None),
            is_trusted=bool(trusting),
            person=person,
            enrolled=self._enrolled(claim, person, trusting) if person is not None else None,
        )

    def launched(self, registration_id: UUID) -> Participation | None:
        """Return the participation a registration serves, with whom it was launched for."""
        if registration_id not in self._launched:
            found = store.find_by_registration(self.session, registration_id)
            self._launched[registration_id] = None if found is None else self._participation(*found, registration_id)
        return self._launched[registration_id]

    def about(self, iri: str) -> list[Module]:
        """Return the modules whose root is this activity, of all versions ever published."""
        if iri not in self._about:
            self._about[iri] = list(modules.by_activity(self.session, iri))
        return self._about[iri]

    def person(self, claim: Claim) -> UUID | None:
        """Return the person a statement is about: by our own account, by an e-mail they have proven to own, or because
        somebody said that the identifier is theirs.
        """
        key = identity(claim.actor)
        if key is None:
            return None
        if key not in self._people:
            self._people[key] = self._find_person(claim)
        return self._people[key]

    def _find_person(self, claim: Claim) -> UUID | None:
        user_id = account_of(claim.actor, addresses.home_page(self.tenant.slug))
        if user_id is not None:
            return user_id if people.named(self.session, [user_id]) else None
        email = mailbox_of(claim.actor)
        known = None if email is None else people.find_by_verified_email(self.session, email)
        return known or personas.find_member(self.session, claim.actor)

    def _enrolled(self, claim: Claim, user_id: UUID, trusting: Iterable[Module]) -> Participation | None:
        """The newest enrollment of the person, at that moment, whose version holds one of the modules.

        What was said of the version before an enrollment was switched belongs to the same module of the new one.
        """
        by_version = {module.course_version_id: module for module in trusting}
        for enrollment in store.of_person(self.session, user_id, until=claim.stored):
            module = by_version.get(enrollment.course_version_id) or self._of_earlier(enrollment, claim, by_version)
            if module is not None:
                return Participation(enrollment.id, module.id, user_id, module.activity_iri, self.items(module))
        return None

    def _of_earlier(
        self, enrollment: CourseEnrollment, claim: Claim, by_version: Mapping[UUID, Module]
    ) -> Module | None:
        then = republishing_store.version_at(self.session, enrollment.id, claim.stored)
        module = None if then is None else by_version.get(then)
        if module is None:
            return None
        same = (one for one in self.modules(enrollment.course_version_id) if one.stable_key == module.stable_key)
        return next(same, module)

    def _participation(self, enrollment: CourseEnrollment, module_id: UUID, registration_id: UUID) -> Participation:
        module = next(m for m in self.modules(enrollment.course_version_id) if m.id == module_id)
        actor = registrations.summary(self.session, registration_id).actor
        return Participation(
            enrollment_id=enrollment.id,
            module_id=module_id,
            user_id=enrollment.user_id,
            root=module.activity_iri,
            items=self.items(module),
            registration_id=registration_id,
            actor=identity(actor),
        )
