"""Mail: sent over SMTP when SMTP_URL is set, else printed and kept in the instance folder."""

import smtplib
import sys
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from core import clock
from core.db import uuid7


class Mailer(Protocol):
    """Something that can send a plain-text message."""

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message; raises OSError when the server cannot be reached, so that a job tries again."""


class PrintedMail:
    """Prints each message and keeps it as an .eml file in `folder`."""

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder = folder
        self.sender = sender

    def send(self, to: str, subject: str, body: str) -> None:
        """Print and keep one message."""
        message = _message(self.sender, to, subject, body)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / f"{uuid7()}.eml").write_bytes(bytes(message))
        sys.stderr.write(f"\n--- mail to {to}: {subject}\n{body}\n---\n")


class SmtpMail:
    """Sends through the server named by SMTP_URL."""

    def __init__(self, url: str, sender: str) -> None:
        self.parts = urlsplit(url)
        self.sender = sender

    def send(self, to: str, subject: str, body: str) -> None:
        """Send one message."""
        kind = smtplib.SMTP_SSL if self.parts.scheme == "smtps" else smtplib.SMTP
        with kind(self.parts.hostname or "localhost", self.parts.port or 0, timeout=20) as server:
            if self.parts.scheme == "smtp" and self.parts.username:
                server.starttls()
            if self.parts.username:
                server.login(unquote(self.parts.username), unquote(self.parts.password or ""))
            server.send_message(_message(self.sender, to, subject, body))


def mailer(smtp_url: str | None, sender: str, folder: Path) -> Mailer:
    """Return the mailer the settings ask for."""
    return SmtpMail(smtp_url, sender) if smtp_url else PrintedMail(folder, sender)


def _message(sender: str, to: str, subject: str, body: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, " ".join(subject.split())
    message["Date"], message["Message-ID"] = format_datetime(clock.now()), make_msgid(domain="stoa.invalid")
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers to us
    message.set_content(body)
    return message
