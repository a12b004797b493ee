"""What training does behind the pages: counting statements, rendering certificates."""

from collections.abc import Sequence
from uuid import UUID

from core import clock
from core.jobs import Work
from training.services import certificates, progress


def on_statements_stored(work: Work, statement_ids: Sequence[str]) -> None:
    """Count statements that have just been stored, each registration's or person's in a transaction of its own."""
    with work.read() as session:
        groups = progress.groups(session, [UUID(statement_id) for statement_id in statement_ids])
    for group in groups:
        with work.write() as session:
            progress.record(session, group, clock.now())


def render_certificate(work: Work, certificate_id: str) -> None:
    """Render the PDF of a certificate that has just been issued."""
    with work.write() as session:
        certificates.render(session, work.files, UUID(certificate_id))
