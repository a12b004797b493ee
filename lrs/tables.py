"""Tables of the LRS. Identifiers of any length (IRIs, accounts) are looked up by their key: 128 bits of BLAKE2b."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, file_key, one_of, tenant_key


class Statement(TenantTable):
    """A Statement as it was received and stamped. Only `voided` ever changes.

    `stored` is unique in the tenant and rises in commit order, so it serves as position and as the end of every index.
    """

    __tablename__ = "xapi_statements"

    stored: Mapped[datetime]
    timestamp: Mapped[datetime]
    actor: Mapped[UUID | None]  # key of the Agent or identified Group
    verb: Mapped[UUID]
    activity: Mapped[UUID | None]  # key of the object, if it is an Activity
    registration: Mapped[UUID | None]
    authority: Mapped[UUID]
    target: Mapped[UUID | None]  # the statement that a StatementRef points to, here or not
    credential_id: Mapped[UUID | None]  # null: stored by another room
    is_voiding: Mapped[bool]
    voided: Mapped[bool]
    version: Mapped[str] = mapped_column(String(12))
    payload: Mapped[str] = mapped_column(Text)  # the final JSON text; an answer in format exact is a join of these

    __table_args__ = (
        Index("ix_xapi_statements_stored", "organization_id", "stored", unique=True),
        # Behind `stored` is what a query may filter by as well: it is looked at without touching the row.
        Index("ix_xapi_statements_actor", "organization_id", "actor", "stored", "verb", "activity", "registration"),
        Index("ix_xapi_statements_verb", "organization_id", "verb", "stored", "actor", "activity", "registration"),
        Index(
            "ix_xapi_statements_activity",
            "organization_id",
            "activity",
            "stored",
            "actor",
            "verb",
            "registration",
            postgresql_where=text("activity IS NOT NULL"),
        ),
        Index("ix_xapi_statements_authority", "organization_id", "authority", "stored"),
        Index(
            "ix_xapi_statements_registration",
            "organization_id",
            "registration",
            "stored",
            "actor",
            "verb",
            "activity",
            postgresql_where=text("registration IS NOT NULL"),
        ),
        Index("ix_xapi_statements_target", "organization_id", "target", postgresql_where=text("target IS NOT NULL")),
    )


class StatementKey(TenantTable):
    """What a filter finds a Statement by beyond its own columns: members, context, SubStatement, and all it refers to.

    `id` is the key that is looked for, `kind` the filter it answers, `stored` the Statement.
    """

    __tablename__ = "xapi_statement_keys"

    kind: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    stored: Mapped[datetime] = mapped_column(primary_key=True)

    __table_args__ = (Index("ix_xapi_statement_keys_stored", "organization_id", "stored"),)


class Attachment(TenantTable):
    """Attachment data of one hash; `id` is the key of the hash."""

    __tablename__ = "xapi_attachments"

    sha2: Mapped[str] = mapped_column(String(128))
    length: Mapped[int] = mapped_column(BigInteger)
    file_id: Mapped[UUID]

    __table_args__ = (file_key("file_id"),)


class Activity(TenantTable):
    """The canonical definition of an Activity, merged from what statements said; `id` is the key of the IRI."""

    __tablename__ = "xapi_activities"

    iri: Mapped[str] = mapped_column(Text)
    definition: Mapped[str] = mapped_column(Text)  # JSON text
    updated_at: Mapped[datetime]


class StoredDocumentKind(StrEnum):
    """The three document resources."""

    STATE = "state"
    ACTIVITY_PROFILE = "activity_profile"
    AGENT_PROFILE = "agent_profile"


class Document(TenantTable):
    """A document of the state or a profile resource; `id` is the key of all that identifies it."""

    __tablename__ = "xapi_documents"

    kind: Mapped[StoredDocumentKind] = enum_column(StoredDocumentKind)
    context: Mapped[UUID]  # key of kind, activity and agent: what documents are listed by
    registration: Mapped[UUID | None]
    document_id: Mapped[str] = mapped_column(Text)
    activity_iri: Mapped[str | None] = mapped_column(Text)
    agent: Mapped[str | None] = mapped_column(Text)  # the agent's identifier
    content_type: Mapped[str] = mapped_column(Text)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    etag: Mapped[str] = mapped_column(String(42))
    updated_at: Mapped[datetime]

    __table_args__ = (
        one_of("kind", StoredDocumentKind),
        Index("ix_xapi_documents_context", "organization_id", "context", "updated_at"),
    )


class Credential(TenantTable):
    """Key and secret of an LRS client, and what it may do. The secret is kept as a keyed hash."""

    __tablename__ = "lrs_credentials"

    key: Mapped[str] = mapped_column(String(64))
    secret_hash: Mapped[str] = mapped_column(String(64))
    label: Mapped[str] = mapped_column(String(150))
    scopes: Mapped[list[str]]
    authority: Mapped[dict[str, Any]]
    origins: Mapped[list[str]]  # empty: any origin
    agent: Mapped[str | None] = mapped_column(Text)  # limited to this actor: the actor's identifier
    registration: Mapped[UUID | None]  # limited to this registration
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    rate: Mapped[int | None]  # requests per minute; null: the setting, 0: any number
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_lrs_credentials_key", "key", unique=True),)


class TokenIssuer(TenantTable):
    """An OpenID Connect provider whose bearer tokens open a credential in place of a secret; `id` is the credential's.

    What a token may do is what `scope_map` makes of its claim, within the credential's scopes.
    """

    __tablename__ = "lrs_token_issuers"

    issuer: Mapped[str] = mapped_column(String(500))
    audience: Mapped[str] = mapped_column(String(300))
    jwks_url: Mapped[str | None] = mapped_column(String(500))  # null: as the provider's configuration says
    scope_claim: Mapped[str] = mapped_column(String(100))
    scope_map: Mapped[dict[str, Any]]  # {value of the claim: [scope, …]}; empty: every token may all of the scopes
    is_bound_to_subject: Mapped[bool]  # only statements and documents of the account issuer | sub

    __table_args__ = (
        tenant_key("id", "lrs_credentials"),
        Index("ix_lrs_token_issuers_token", "issuer", "audience", unique=True),
    )


class XapiPerson(TenantTable):
    """Somebody of whom several identifiers are known because somebody merged them; who it is, is not known here."""

    __tablename__ = "lrs_persons"

    created_at: Mapped[datetime]


class PersonIdentifier(TenantTable):
    """An identifier of a person; `id` is its key, so each is one person's at most."""

    __tablename__ = "lrs_person_identifiers"

    identifier: Mapped[str] = mapped_column(Text)
    person_id: Mapped[UUID]
    created_at: Mapped[datetime]

    __table_args__ = (
        tenant_key("person_id", "lrs_persons"),
        Index("ix_lrs_person_identifiers_person", "organization_id", "person_id"),
    )


class PersonMerge(TenantTable):
    """Somebody said that identifiers are one person's: which came to whom, and from whom, so that it can be undone."""

    __tablename__ = "lrs_person_merges"

    person_id: Mapped[UUID]
    from_id: Mapped[UUID | None]  # null: a single identifier that was with nobody
    identifiers: Mapped[list[str]]  # those that moved
    anchor: Mapped[str] = mapped_column(Text)  # an identifier of the person they came to
    merged_at: Mapped[datetime]
    merged_by: Mapped[UUID | None]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("person_id", "lrs_persons"),
        tenant_key("from_id", "lrs_persons"),
        Index("ix_lrs_person_merges_page", "organization_id", "merged_at"),
    )


class Refusal(TenantTable):
    """A request of a known client that was refused, and why. Kept for some days, at most so many."""

    __tablename__ = "lrs_refusals"

    at: Mapped[datetime]
    credential_id: Mapped[UUID | None]
    method: Mapped[str] = mapped_column(String(10))
    path: Mapped[str] = mapped_column(String(300))
    status: Mapped[int] = mapped_column(SmallInteger)
    message: Mapped[str] = mapped_column(Text)
    problems: Mapped[list[Any]]
    excerpt: Mapped[str] = mapped_column(Text)  # the start of the body, as far as it is text

    __table_args__ = (Index("ix_lrs_refusals_page", "organization_id", "at"),)


class ImportState(StrEnum):
    """How far an import of statements is."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class StatementImport(TenantTable):
    """A file of statements that is being, or was, taken into the store; where it goes on after an interruption."""

    __tablename__ = "lrs_imports"

    file_name: Mapped[str] = mapped_column(String(255))
    file_id: Mapped[UUID | None]  # until the end: then the bytes may go
    credential_id: Mapped[UUID]  # as whom the statements are stored
    state: Mapped[ImportState] = enum_column(ImportState, default=ImportState.QUEUED)
    job_id: Mapped[UUID | None]
    offset: Mapped[int] = mapped_column(BigInteger, default=0)  # bytes of the statements that are done
    lines: Mapped[int] = mapped_column(default=0)
    stored: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)  # were here already, and equal
    refused: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        file_key("file_id"),
        tenant_key("credential_id", "lrs_credentials"),
        one_of("state", ImportState),
        Index("ix_lrs_imports_page", "organization_id", "created_at"),
    )


class ImportRefusal(TenantTable):
    """A line of an imported file that was not stored, with every reason."""

    __tablename__ = "lrs_import_refusals"

    import_id: Mapped[UUID]
    line: Mapped[int]
    problems: Mapped[list[Any]]  # [{path, message, requirement}]
    content: Mapped[str] = mapped_column(Text)  # the line itself, as far as it is kept

    __table_args__ = (
        tenant_key("import_id", "lrs_imports", ondelete="CASCADE"),
        Index("ix_lrs_import_refusals_line", "organization_id", "import_id", "line", unique=True),
    )


class StatementOrigin(TenantTable):
    """Where a statement was before it came here by an import: who vouched for it there, and since when it was stored.

    `id` is the statement's. The statement itself has our authority, as every statement here (Data 2.4.9).
    """

    __tablename__ = "lrs_statement_origins"

    import_id: Mapped[UUID | None]
    authority: Mapped[dict[str, Any] | None]
    stored: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        tenant_key("id", "xapi_statements", ondelete="CASCADE"),
        tenant_key("import_id", "lrs_imports"),
    )


class ExchangeState(StrEnum):
    """Whether a forwarder or a puller is at work."""

    ACTIVE = "active"
    PAUSED = "paused"
    FAILING = "failing"  # tries again by itself, with growing pauses


class Remote(TenantTable):
    """Another LRS and how it is reached: what forwarders and pullers have in common."""

    __abstract__ = True

    name: Mapped[str] = mapped_column(String(150))
    endpoint: Mapped[str] = mapped_column(String(1000))  # ends with a slash
    version: Mapped[str] = mapped_column(String(12))
    username: Mapped[str] = mapped_column(String(200))
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    secret_key_id: Mapped[str] = mapped_column(String(16))
    state: Mapped[ExchangeState] = enum_column(ExchangeState, default=ExchangeState.ACTIVE)
    failures: Mapped[int] = mapped_column(default=0)  # one after the other, until now
    next_try_at: Mapped[datetime | None]
    last_error: Mapped[str | None] = mapped_column(Text)
    last_success_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]


class Forwarder(Remote):
    """What is stored here is sent to another LRS, from a position on that moves only when all before it is settled."""

    __tablename__ = "lrs_forwarders"

    filters: Mapped[dict[str, Any]]  # of the statement browser; an empty one does not filter
    position: Mapped[datetime]  # `stored` up to which everything was delivered or is a dead letter
    delivered: Mapped[int] = mapped_column(BigInteger, default=0)

    __table_args__ = (one_of("state", ExchangeState),)


class DeadLetter(TenantTable):
    """A statement that the other side does not take, what it answered, and whether it is to be tried again."""

    __tablename__ = "lrs_dead_letters"

    forwarder_id: Mapped[UUID]
    statement_id: Mapped[UUID]
    status: Mapped[int] = mapped_column(SmallInteger)
    answer: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=1)
    is_to_retry: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    last_at: Mapped[datetime]

    __table_args__ = (
        tenant_key("forwarder_id", "lrs_forwarders", ondelete="CASCADE"),
        tenant_key("statement_id", "xapi_statements", ondelete="CASCADE"),
        Index("ix_lrs_dead_letters_once", "organization_id", "forwarder_id", "statement_id", unique=True),
    )


class Puller(Remote):
    """What is stored in another LRS is taken over here, from a position on, every so often."""

    __tablename__ = "lrs_pullers"

    position: Mapped[datetime | None]  # `stored` over there; none: from the start
    more: Mapped[str | None] = mapped_column(Text)  # where a run that was interrupted goes on
    reached: Mapped[datetime | None]  # the newest `stored` of the present run
    consistent: Mapped[datetime | None]  # up to where the other side was consistent when the present run began
    every_minutes: Mapped[int]
    import_id: Mapped[UUID]  # counts, refused statements, and as whom they are stored

    __table_args__ = (one_of("state", ExchangeState), tenant_key("import_id", "lrs_imports"))


class PrivacyAct(StrEnum):
    """What is done with somebody's records, or with old ones."""

    EXPORT = "export"
    DELETE = "delete"
    PSEUDONYMIZE = "pseudonymize"


class PrivacyState(StrEnum):
    """How far it is. Nothing has been touched before `running`."""

    LOOKING = "looking"
    READY = "ready"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class RetainedKind(StrEnum):
    """What a rule of retention is about."""

    STATEMENTS = "statements"
    UNCOUNTED = "uncounted"  # statements that move no training
    DOCUMENTS = "documents"  # state documents


class RetentionRule(TenantTable):
    """How long records of a kind are kept, of the whole organization or of one credential, and what happens then."""

    __tablename__ = "lrs_retention_rules"

    kind: Mapped[RetainedKind] = enum_column(RetainedKind)
    credential_id: Mapped[UUID | None]  # null: of everybody
    keep_days: Mapped[int]
    act: Mapped[PrivacyAct] = enum_column(PrivacyAct)
    legal_basis: Mapped[str] = mapped_column(String(300))
    is_active: Mapped[bool]
    salt: Mapped[bytes] = mapped_column(LargeBinary)  # of its pseudonyms: the same person gets the same one
    position: Mapped[datetime | None]  # `stored` up to which the present pass has looked
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("credential_id", "lrs_credentials"),
        one_of("kind", RetainedKind),
        one_of("act", PrivacyAct),
        CheckConstraint("keep_days > 0", name="keep_days"),
        CheckConstraint("act <> 'export'", name="act_of_rule"),
    )


class PrivacyRun(TenantTable):
    """Somebody's records exported, deleted or pseudonymized, or old ones by a rule; at the end, the receipt of it.

    While one runs, and in its name only, statements may change and go. `identifiers` are forgotten when that is over.
    """

    __tablename__ = "lrs_privacy_runs"

    act: Mapped[PrivacyAct] = enum_column(PrivacyAct)
    state: Mapped[PrivacyState] = enum_column(PrivacyState, default=PrivacyState.LOOKING)
    rule_id: Mapped[UUID | None]
    rule: Mapped[dict[str, Any] | None]  # what the rule said
    identifiers: Mapped[list[str]]
    salt: Mapped[str] = mapped_column(String(32))
    digests: Mapped[list[str]]  # SHA-256 of salt and identifier
    pseudonym: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(String(500))
    preview: Mapped[dict[str, Any]]
    counts: Mapped[dict[str, Any]]
    position: Mapped[datetime | None]  # `stored` up to which statements are done
    file_id: Mapped[UUID | None]  # the export, for some days
    job_id: Mapped[UUID | None]
    digest: Mapped[str | None] = mapped_column(String(64))  # SHA-256 of the receipt
    seal: Mapped[bytes | None] = mapped_column(LargeBinary)  # the digest, sealed
    seal_key_id: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    requester: Mapped[str] = mapped_column(String(200))
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None]
    confirmer: Mapped[str] = mapped_column(String(200), default="")
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        file_key("file_id"),
        tenant_key("rule_id", "lrs_retention_rules"),
        one_of("act", PrivacyAct),
        one_of("state", PrivacyState),
        Index("ix_lrs_privacy_runs_page", "organization_id", "created_at"),
        Index("ix_lrs_privacy_runs_rule", "organization_id", "rule_id"),
    )


class PrivacyItem(TenantTable):
    """What became of one thing in a run: deleted, pseudonymized, or kept and why."""

    __tablename__ = "lrs_privacy_items"

    run_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(String(20))  # statement, document, attachment
    thing_id: Mapped[UUID]
    outcome: Mapped[str] = mapped_column(String(20))  # deleted, pseudonymized, kept, waiting
    why: Mapped[str] = mapped_column(String(300))

    __table_args__ = (
        tenant_key("run_id", "lrs_privacy_runs", ondelete="CASCADE"),
        Index("ix_lrs_privacy_items_thing", "organization_id", "run_id", "kind", "thing_id", unique=True),
    )


class XapiProfile(TenantTable):
    """An xAPI Profile that was imported: its newest document. `id` is the key of its IRI."""

    __tablename__ = "lrs_profiles"

    iri: Mapped[str] = mapped_column(Text)
    version_iri: Mapped[str] = mapped_column(Text)
    labels: Mapped[dict[str, Any]]
    document: Mapped[dict[str, Any]]
    imported_at: Mapped[datetime]
    imported_by: Mapped[UUID | None]


class ProfileConcept(TenantTable):
    """A concept of a Profile and what it is called; `concept` is the key of its IRI."""

    __tablename__ = "lrs_profile_concepts"

    profile_id: Mapped[UUID]
    concept: Mapped[UUID]
    iri: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(40))
    labels: Mapped[dict[str, Any]]

    __table_args__ = (
        tenant_key("profile_id", "lrs_profiles", ondelete="CASCADE"),
        Index("ix_lrs_profile_concepts_concept", "organization_id", "concept"),
        Index("ix_lrs_profile_concepts_profile", "organization_id", "profile_id"),
    )
