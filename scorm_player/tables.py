"""Tables of scorm_player: packages and their versions, registrations and the run-time data that belongs to them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, Numeric, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import TenantTable, enum_column, file_key, member_key, one_of, tenant_key


class PackageStandard(StrEnum):
    """The standard a package follows."""

    SCORM_12 = "scorm_12"
    SCORM_2004_2E = "scorm_2004_2e"
    SCORM_2004_3E = "scorm_2004_3e"
    SCORM_2004_4E = "scorm_2004_4e"
    CMI5 = "cmi5"
    XAPI_TINCAN = "xapi_tincan"
    HTML5 = "html5"


class PackageSource(StrEnum):
    """How a package came here."""

    UPLOAD = "upload"
    API = "api"
    URL = "url"
    DISPATCH = "dispatch"


class ImportState(StrEnum):
    """Where an import, or the version it made, stands."""

    UPLOADED = "uploaded"
    SCANNING = "scanning"
    PARSING = "parsing"
    READY = "ready"
    READY_WITH_WARNINGS = "ready_with_warnings"
    FAILED = "failed"
    RETIRED = "retired"


class PackageItemKind(StrEnum):
    """What a node of a package's tree is."""

    ORGANIZATION = "organization"
    ITEM = "item"
    SCO = "sco"
    ASSET = "asset"
    BLOCK = "block"
    AU = "au"


class ContentPackage(TenantTable):
    """A package through all its versions, recognized by the identifier its author gave it."""

    __tablename__ = "content_packages"

    title: Mapped[str] = mapped_column(String(255))  # of the newest version
    standard: Mapped[PackageStandard] = enum_column(PackageStandard)
    identifier: Mapped[str] = mapped_column(String(500))
    activity_iri: Mapped[str] = mapped_column(String(500))  # the course, the same for all versions
    source: Mapped[PackageSource] = enum_column(PackageSource, default=PackageSource.UPLOAD)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    archived_at: Mapped[datetime | None]

    __table_args__ = (
        member_key("created_by"),
        one_of("standard", PackageStandard),
        one_of("source", PackageSource),
        UniqueConstraint("organization_id", "standard", "identifier"),
    )


class PackageVersion(TenantTable):
    """One uploaded zip, never changed. It stays zipped: `member_index` says where each file's bytes lie."""

    __tablename__ = "package_versions"

    package_id: Mapped[UUID]
    sequence: Mapped[int]
    file_id: Mapped[UUID]
    sha256: Mapped[str] = mapped_column(String(64))
    uncompressed_bytes: Mapped[int] = mapped_column(BigInteger)
    file_count: Mapped[int]
    member_index: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)  # archive.Index
    manifest: Mapped[str] = mapped_column(Text, deferred=True)  # manifest.Manifest as JSON text
    state: Mapped[ImportState] = enum_column(ImportState)
    import_report: Mapped[list[Any]]  # findings
    title: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text, default="")
    language: Mapped[str | None] = mapped_column(String(35))
    estimated_minutes: Mapped[int | None]
    capability: Mapped[str] = mapped_column(String(64))  # unguessable: whoever knows it may read the content
    capability_since: Mapped[datetime]
    previous_capability: Mapped[str | None] = mapped_column(String(64))  # good until the next change
    ready_at: Mapped[datetime]
    created_by: Mapped[UUID | None]

    __table_args__ = (
        tenant_key("package_id", "content_packages"),
        file_key("file_id"),
        member_key("created_by"),
        one_of("state", ImportState),
        UniqueConstraint("organization_id", "package_id", "sequence"),
        UniqueConstraint("organization_id", "package_id", "sha256"),
        UniqueConstraint("capability"),
        Index(
            "ix_package_versions_previous_capability",
            "previous_capability",
            postgresql_where=text("previous_capability IS NOT NULL"),
        ),
    )


class PackageItem(TenantTable):
    """A node of a version's tree, in document order: what the run-time's data hangs on."""

    __tablename__ = "package_items"

    package_version_id: Mapped[UUID]
    parent_id: Mapped[UUID | None]
    position: Mapped[int]  # in the whole version
    identifier: Mapped[str] = mapped_column(String(255))
    kind: Mapped[PackageItemKind] = enum_column(PackageItemKind)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, default="")
    launch_path: Mapped[str | None] = mapped_column(Text)  # URL relative to the content's root, or absolute elsewhere
    parameters: Mapped[str] = mapped_column(Text, default="")
    is_visible: Mapped[bool] = mapped_column(default=True)
    activity_iri: Mapped[str] = mapped_column(String(1000))

    __table_args__ = (
        tenant_key("package_version_id", "package_versions"),
        tenant_key("parent_id", "package_items"),
        one_of("kind", PackageItemKind),
        UniqueConstraint("organization_id", "package_version_id", "identifier"),
        UniqueConstraint("organization_id", "package_version_id", "activity_iri", name="uq_package_items_iri"),
        Index("ix_package_items_tree", "organization_id", "package_version_id", "position"),
    )


class PackageImport(TenantTable):
    """One upload and what became of it. Of a refused one this row and its report are all that stays."""

    __tablename__ = "package_imports"

    file_name: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(String(64))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    source: Mapped[PackageSource] = enum_column(PackageSource)
    state: Mapped[ImportState] = enum_column(ImportState, default=ImportState.UPLOADED)
    report: Mapped[list[Any]] = mapped_column(default=list)  # findings
    job_id: Mapped[UUID | None]
    package_version_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        tenant_key("package_version_id", "package_versions"),
        member_key("created_by"),
        one_of("source", PackageSource),
        one_of("state", ImportState),
        Index("ix_package_imports_newest", "organization_id", "created_at"),
    )


class PackageUpload(TenantTable):
    """A package that comes in pieces: how large it will be, and how much of it is here. Gone some days after the last.

    `size_bytes` and `offset_bytes` are tus's Upload-Length and Upload-Offset, `told` its Upload-Metadata as given.
    """

    __tablename__ = "package_uploads"

    file_name: Mapped[str] = mapped_column(String(255))
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(String(64), default="")  # what the whole shall be; empty when nobody said
    fingerprint: Mapped[str] = mapped_column(String(64), default="")  # by which a page knows the file again
    told: Mapped[str] = mapped_column(String(2000), default="")
    source: Mapped[PackageSource] = enum_column(PackageSource)
    import_id: Mapped[UUID | None]  # as soon as the last piece is here
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    expires_at: Mapped[datetime]

    __table_args__ = (
        tenant_key("import_id", "package_imports"),
        member_key("created_by"),
        one_of("source", PackageSource),
        CheckConstraint("offset_bytes BETWEEN 0 AND size_bytes", name="offset"),
        Index("ix_package_uploads_created_by", "organization_id", "created_by"),
        Index("ix_package_uploads_import", "organization_id", "import_id"),
    )


class PackageUploadPiece(TenantTable):
    """A part of an upload that is here, from byte `starts_at` on. Gone once they are put together."""

    __tablename__ = "package_upload_pieces"

    upload_id: Mapped[UUID]
    starts_at: Mapped[int] = mapped_column(BigInteger)
    file_id: Mapped[UUID]

    __table_args__ = (
        tenant_key("upload_id", "package_uploads", ondelete="CASCADE"),
        file_key("file_id"),
        UniqueConstraint("organization_id", "upload_id", "starts_at", name="uq_package_upload_pieces_place"),
        Index("ix_package_upload_pieces_file", "organization_id", "file_id"),
    )


class LaunchMode(StrEnum):
    """How content is opened: for credit, to look around, or to look back."""

    NORMAL = "normal"
    BROWSE = "browse"
    REVIEW = "review"


class Completion(StrEnum):
    """Completion status of run-time data."""

    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not attempted"
    INCOMPLETE = "incomplete"
    COMPLETED = "completed"


class Success(StrEnum):
    """Success status of run-time data."""

    UNKNOWN = "unknown"
    PASSED = "passed"
    FAILED = "failed"


class SessionState(StrEnum):
    """Where a session stands. Closed: the window went away without Terminate. Superseded: a later one took over."""

    LAUNCHED = "launched"
    INITIALIZED = "initialized"
    TERMINATED = "terminated"
    CLOSED = "closed"
    SUPERSEDED = "superseded"


class Registration(TenantTable):
    """One person's participation in one package version; its id is the xAPI registration. Attempts are numbered inside.

    The statuses and the score are the course's, rolled up; once completed or passed they stay so.
    """

    __tablename__ = "registrations"

    user_id: Mapped[UUID | None]  # absent: preview, dispatch, foreign actor
    package_version_id: Mapped[UUID]
    actor: Mapped[dict[str, Any]]  # xAPI
    attempt_number: Mapped[int] = mapped_column(default=1)
    completion: Mapped[Completion] = enum_column(Completion, default=Completion.UNKNOWN)
    success: Mapped[Success] = enum_column(Success, default=Success.UNKNOWN)
    progress_measure: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    score_scaled: Mapped[Decimal | None] = mapped_column(Numeric(7, 5))
    score_raw: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    score_min: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    score_max: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    total_seconds: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=0)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    last_activity_at: Mapped[datetime | None]
    activity_tree: Mapped[str | None] = mapped_column(Text)  # state of sequencing, one JSON text
    is_preview: Mapped[bool] = mapped_column(default=False)  # an author looks around: nothing of it is for the record
    is_logged: Mapped[bool] = mapped_column(default=False)  # the player sends every API call along

    __table_args__ = (
        member_key("user_id"),
        tenant_key("package_version_id", "package_versions"),
        one_of("completion", Completion),
        one_of("success", Success),
        Index("ix_registrations_user", "organization_id", "user_id"),
        Index("ix_registrations_version", "organization_id", "package_version_id"),
    )


class MoveKind(StrEnum):
    """How a registration came to another version: with its data, or to begin it anew."""

    HOT_FIX = "hot_fix"
    SWITCH = "switch"


class RegistrationMove(TenantTable):
    """One registration's change of package version: from which to which, when, by whom and why. Never changed."""

    __tablename__ = "registration_moves"

    registration_id: Mapped[UUID]
    from_version_id: Mapped[UUID]
    to_version_id: Mapped[UUID]
    moved_at: Mapped[datetime]
    moved_by: Mapped[UUID]
    reason: Mapped[str] = mapped_column(Text)
    kind: Mapped[MoveKind] = enum_column(MoveKind, default=MoveKind.HOT_FIX)

    __table_args__ = (
        one_of("kind", MoveKind),
        tenant_key("registration_id", "registrations"),
        tenant_key("from_version_id", "package_versions"),
        tenant_key("to_version_id", "package_versions"),
        member_key("moved_by"),
        Index("ix_registration_moves_registration", "organization_id", "registration_id"),
    )


class PackageMove(TenantTable):
    """Somebody asked to move everybody in progress on one version to another: what, why, and how far it is.

    It is done in slices: each moves `after_id` on in its own transaction. Only who began before `asked_at` is meant.
    """

    __tablename__ = "package_moves"

    from_version_id: Mapped[UUID]
    to_version_id: Mapped[UUID]
    kind: Mapped[MoveKind] = enum_column(MoveKind)
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[UUID]
    asked_at: Mapped[datetime]
    job_id: Mapped[UUID | None]
    expected: Mapped[int]  # how many were in progress when it was asked for
    moved: Mapped[int] = mapped_column(default=0)
    after_id: Mapped[UUID | None]  # the last registration that was looked at
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        one_of("kind", MoveKind),
        tenant_key("from_version_id", "package_versions"),
        tenant_key("to_version_id", "package_versions"),
        member_key("asked_by"),
        Index("ix_package_moves_target", "organization_id", "to_version_id", "asked_at"),
        Index(
            "one_open_package_move",
            "organization_id",
            "from_version_id",
            "to_version_id",
            "kind",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
    )


class LaunchSession(TenantTable):
    """One opening of one item in one window. Only the newest of a registration writes."""

    __tablename__ = "launch_sessions"

    registration_id: Mapped[UUID]
    package_item_id: Mapped[UUID]
    attempt_number: Mapped[int]  # on the item
    mode: Mapped[LaunchMode] = enum_column(LaunchMode, default=LaunchMode.NORMAL)
    state: Mapped[SessionState] = enum_column(SessionState, default=SessionState.LAUNCHED)
    close_token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)  # gone when the session is over
    launched_at: Mapped[datetime]
    initialized_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    last_sequence: Mapped[int] = mapped_column(default=0)  # applied; what is not newer is a repetition
    announced_sequence: Mapped[int] = mapped_column(default=0)  # the device has more than was applied: unsent there
    seconds: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=0)  # as measured in the window
    aside: Mapped[str | None] = mapped_column(Text)  # browse and review: what this visit has of its own
    api_calls: Mapped[str | None] = mapped_column(Text, deferred=True)  # where they are logged: one per line

    __table_args__ = (
        tenant_key("registration_id", "registrations"),
        tenant_key("package_item_id", "package_items"),
        one_of("mode", LaunchMode),
        one_of("state", SessionState),
        Index("ix_launch_sessions_registration", "organization_id", "registration_id", "launched_at"),
    )


class ScormItemState(TenantTable):
    """The run-time data of one SCO in one attempt on it: `cmi` is one JSON text, the rest is promoted from it."""

    __tablename__ = "scorm_item_states"

    registration_id: Mapped[UUID]
    package_item_id: Mapped[UUID]
    attempt_number: Mapped[int] = mapped_column(default=1)
    cmi: Mapped[str] = mapped_column(Text)  # {"values": …, "said": …, "set": […]}
    is_suspended: Mapped[bool] = mapped_column(default=False)
    completion: Mapped[Completion] = enum_column(Completion, default=Completion.UNKNOWN)
    success: Mapped[Success] = enum_column(Success, default=Success.UNKNOWN)
    progress_measure: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    score_scaled: Mapped[Decimal | None] = mapped_column(Numeric(7, 5))
    score_raw: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    score_min: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    score_max: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    total_seconds: Mapped[Decimal] = mapped_column(Numeric(12, 2), default=0)  # of the sessions that have ended
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    set_aside_at: Mapped[datetime | None]  # by a repair: kept to be looked at, and never gone on with

    __table_args__ = (
        tenant_key("registration_id", "registrations"),
        tenant_key("package_item_id", "package_items"),
        one_of("completion", Completion),
        one_of("success", Success),
        UniqueConstraint(
            "organization_id",
            "registration_id",
            "package_item_id",
            "attempt_number",
            name="uq_scorm_item_states_attempt",
        ),
    )


class ScormSnapshot(TenantTable):
    """Where a learner was in one SCO at the end of a visit, for a repair to go back to. The last few are kept."""

    __tablename__ = "scorm_snapshots"

    registration_id: Mapped[UUID]
    package_item_id: Mapped[UUID]
    attempt_number: Mapped[int]  # on the item
    taken_at: Mapped[datetime]
    suspend_data: Mapped[str] = mapped_column(Text)
    bookmark: Mapped[str] = mapped_column(Text)  # cmi.location, in SCORM 1.2 cmi.core.lesson_location

    __table_args__ = (
        tenant_key("registration_id", "registrations"),
        tenant_key("package_item_id", "package_items"),
        Index("ix_scorm_snapshots_registration", "organization_id", "registration_id", "package_item_id"),
    )


class ScormInteraction(TenantTable):
    """One record of `cmi.interactions` as it stands, for reports; follows from the run-time data, which decides."""

    __tablename__ = "scorm_interactions"

    registration_id: Mapped[UUID]
    package_item_id: Mapped[UUID]
    attempt_number: Mapped[int]  # on the item
    n: Mapped[int]
    identifier: Mapped[str] = mapped_column(Text)
    interaction_type: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    occurred_at: Mapped[datetime | None]  # SCORM 1.2 tells a time of day only, which is no moment
    weighting: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    learner_response: Mapped[str | None] = mapped_column(Text)
    correct_responses: Mapped[list[str]]
    result: Mapped[str | None] = mapped_column(Text)  # correct, incorrect (wrong in 1.2), …, or a number
    latency_seconds: Mapped[Decimal | None] = mapped_column(Numeric(12, 2))
    objectives: Mapped[list[str]]

    __table_args__ = (
        tenant_key("registration_id", "registrations"),
        tenant_key("package_item_id", "package_items"),
        UniqueConstraint(
            "organization_id",
            "registration_id",
            "package_item_id",
            "attempt_number",
            "n",
            name="uq_scorm_interactions_record",
        ),
        Index("ix_scorm_interactions_item", "organization_id", "package_item_id"),
    )


class ScormObjective(TenantTable):
    """One record of `cmi.objectives` as it stands, for reports; follows from the run-time data, which decides."""

    __tablename__ = "scorm_objectives"

    registration_id: Mapped[UUID]
    package_item_id: Mapped[UUID]
    attempt_number: Mapped[int]  # on the item
    n: Mapped[int]
    identifier: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    success_status: Mapped[str | None] = mapped_column(String(20))
    completion_status: Mapped[str | None] = mapped_column(String(20))
    progress_measure: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    score_scaled: Mapped[Decimal | None] = mapped_column(Numeric(7, 5))
    score_raw: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    score_min: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))
    score_max: Mapped[Decimal | None] = mapped_column(Numeric(12, 4))

    __table_args__ = (
        tenant_key("registration_id", "registrations"),
        tenant_key("package_item_id", "package_items"),
        UniqueConstraint(
            "organization_id",
            "registration_id",
            "package_item_id",
            "attempt_number",
            "n",
            name="uq_scorm_objectives_record",
        ),
    )


class PlaybackPolicy(TenantTable):
    """How packages are played where the books leave a choice; without a package, in the whole organization."""

    __tablename__ = "playback_policies"

    package_id: Mapped[UUID | None]
    settings: Mapped[dict[str, Any]]  # scorm_player.policy.SCHEMA
    updated_at: Mapped[datetime]

    __table_args__ = (
        tenant_key("package_id", "content_packages"),
        UniqueConstraint("organization_id", "package_id", postgresql_nulls_not_distinct=True),
    )


class GlobalObjective(TenantTable):
    """What a learner has reached in an objective shared by all packages (`objectivesGlobalToSystem`).

    `id` is made of person and objective, so there is one row for the two.
    """

    __tablename__ = "global_objectives"

    user_id: Mapped[UUID]
    objective: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)  # JSON of sequencing's ObjectiveState
    updated_at: Mapped[datetime]

    __table_args__ = (member_key("user_id"), Index("ix_global_objectives_user", "organization_id", "user_id"))


class SharedDataStore(TenantTable):
    """What a learner's content has left in a data store shared by all packages (`sharedDataGlobalToSystem`).

    `id` is made of person and store, so there is one row for the two.
    """

    __tablename__ = "shared_data_stores"

    user_id: Mapped[UUID]
    store: Mapped[str] = mapped_column(Text)  # the target of the maps
    value: Mapped[str] = mapped_column(Text)  # a JSON string: content may set what a column cannot hold
    updated_at: Mapped[datetime]

    __table_args__ = (member_key("user_id"), Index("ix_shared_data_stores_user", "organization_id", "user_id"))
