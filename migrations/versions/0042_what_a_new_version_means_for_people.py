"""What publishing a version means for people of earlier ones, how far that is done, and who was switched

A version says so itself and is final with it. Who was switched from which version to which, and when, is kept for ever:
statements are judged by the version an enrollment was on when they were stored. A registration in which nothing has been
opened goes along: it serves the same module of the new version from then on.
"""

import sqlalchemy as sa
from alembic import op

from migrations import rls

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    for name in ("switches_not_started", "requires_retake"):
        op.add_column(
            "course_versions", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.text("false"))
        )
        op.alter_column("course_versions", name, server_default=None)
    op.add_column("course_versions", sa.Column("retake_due_on", sa.Date(), nullable=True))
    op.create_check_constraint(
        op.f("ck_course_versions_retake"), "course_versions", "switches_not_started OR NOT requires_retake"
    )
    op.create_check_constraint(
        op.f("ck_course_versions_retake_due_on"), "course_versions", "requires_retake OR retake_due_on IS NULL"
    )
    op.create_table(
        "republishings",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("course_version_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.String(length=40), nullable=False),
        sa.Column("after_id", sa.Uuid(), nullable=True),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("handled", sa.Integer(), nullable=False),
        sa.Column("switched", sa.Integer(), nullable=False),
        sa.Column("assigned", sa.Integer(), nullable=False),
        sa.Column("staying", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("step IN ('switching', 'assigning', 'done')", name=op.f("ck_republishings_step")),
        sa.CheckConstraint("(step = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_republishings_finished")),
        sa.ForeignKeyConstraint(
            ["organization_id", "course_id"],
            ["courses.organization_id", "courses.id"],
            name=op.f("fk_republishings_organization_id_course_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "course_version_id"],
            ["course_versions.organization_id", "course_versions.id"],
            name=op.f("fk_republishings_organization_id_course_version_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_republishings")),
        sa.UniqueConstraint(
            "organization_id", "course_version_id", name=op.f("uq_republishings_organization_id_course_version_id")
        ),
    )
    op.create_index("ix_republishings_course", "republishings", ["organization_id", "course_id"])
    rls.tenant_table("republishings", rights="SELECT, INSERT, UPDATE")
    op.create_table(
        "enrollment_switches",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("from_version_id", sa.Uuid(), nullable=False),
        sa.Column("to_version_id", sa.Uuid(), nullable=False),
        sa.Column("switched_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id", "course_enrollment_id"],
            ["course_enrollments.organization_id", "course_enrollments.id"],
            name=op.f("fk_enrollment_switches_organization_id_course_enrollment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "from_version_id"],
            ["course_versions.organization_id", "course_versions.id"],
            name=op.f("fk_enrollment_switches_organization_id_from_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "to_version_id"],
            ["course_versions.organization_id", "course_versions.id"],
            name=op.f("fk_enrollment_switches_organization_id_to_version_id"),
        ),
        sa.PrimaryKeyConstraint("organization_id", "id", name=op.f("pk_enrollment_switches")),
    )
    op.create_index(
        "ix_enrollment_switches_enrollment", "enrollment_switches", ["organization_id", "course_enrollment_id"]
    )
    rls.tenant_table("enrollment_switches", rights="SELECT, INSERT")
    op.execute("GRANT UPDATE (module_id) ON module_registrations TO stoa_app")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (module_id) ON module_registrations FROM stoa_app")
    op.drop_table("enrollment_switches")
    op.drop_table("republishings")
    for name in ("retake_due_on", "requires_retake", "switches_not_started"):
        op.drop_column("course_versions", name)
