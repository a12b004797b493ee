"""Configuration: one frozen object, read once from the environment. `docs/settings.md` lists every setting."""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from core import buckets


class ConfigurationError(Exception):
    """A setting is wrong; the message names it and says what it takes."""


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, what it is without being set, and what it means."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting("PORT", "8000", "Port of the web server."),
    Setting("STOA_HOME", "instance", "Instance folder: database, files, keys, captured mail."),
    Setting("APP_ORIGIN", "http://localhost:PORT", "Origin of the application's pages."),
    Setting(
        "CONTENT_ORIGIN", "http://127.0.0.1:PORT", "Origin of package content; must be another site than the app's."
    ),
    Setting("DATABASE_URL", "(embedded)", "PostgreSQL 15 or later. Unset: Stoa starts its own server."),
    Setting(
        "STORAGE_URL", "file:STOA_HOME/files", "Where files are kept: file:/path, or s3://bucket/prefix?endpoint=…"
    ),
    Setting(
        "STOA_SECRET_KEY", "(generated)", "Key for signatures, at least 32 characters. Unset: made once in STOA_HOME."
    ),
    Setting(
        "STOA_SEALING_KEYS",
        "(STOA_SECRET_KEY)",
        "Keys of the encrypted columns, comma separated, at least 32 characters each: the first seals, all open. "
        "After a new first one: stoa rotate-keys.",
    ),
    Setting(
        "STOA_AUDIT_KEYS",
        "(STOA_SECRET_KEY)",
        "Keys of the audit log's chain, comma separated, at least 32 characters each: the first seals, all prove.",
    ),
    Setting(
        "STOA_AUDIT_HEADS",
        "STOA_HOME/audit",
        "Folder where the ends of the audit log's chains are noted, outside the database; all workers share it.",
    ),
    Setting("STOA_DEMO", "1 embedded, else 0", "Load demo data on first run."),
    Setting("STOA_WORKERS", "2", "Web processes."),
    Setting("STOA_THREADS", "8", "Threads of each web process."),
    Setting(
        "STOA_BIND", "loopback", "Addresses to listen on, comma separated. Beyond loopback both origins must be https."
    ),
    Setting(
        "STOA_PROXIES",
        "(none)",
        "Addresses or networks of proxies whose X-Forwarded-For is believed, comma separated, like 10.2.0.0/16.",
    ),
    Setting("STOA_INSECURE", "0", "1 allows plain http beyond loopback, for a trusted network only."),
    Setting("STOA_XAPI_VERSION", "1.0.3", "xAPI version of /xapi for requests that name none: 1.0.3 or 2.0.0."),
    Setting("STOA_XAPI_RATE", "0", "Requests per minute of an LRS credential that has no number of its own; 0: any."),
    Setting("STOA_PROOF_MINUTES", "15", "How long a password or code lasts for critical acts, in minutes."),
    Setting("STOA_MAX_UPLOAD", "1073741824", "Largest upload, in bytes."),
    Setting("STOA_MAX_BODY", "67108864", "Largest body of any other request, in bytes."),
    Setting(
        "OUTGOING_ALLOW",
        "(none)",
        "Private networks that forwarders and other outgoing calls may reach, comma separated, like 10.2.0.0/16.",
    ),
    Setting("STOA_LOG", "text", "Log format: text or json."),
    Setting(
        "SMTP_URL",
        "(printed)",
        "smtp://user:password@host:port or smtps://…; unset: mail is printed and kept in STOA_HOME/mail.",
    ),
    Setting("MAIL_FROM", "Stoa <no-reply@localhost>", "Sender of mail."),
    Setting("PACKAGE_MAX_ARCHIVE_BYTES", "4294967296", "Largest uploaded package, in bytes."),
    Setting("PACKAGE_MAX_FILES", "30000", "Most files in a package."),
    Setting("PACKAGE_MAX_FILE_BYTES", "4294967296", "Largest file in a package, unpacked, in bytes."),
    Setting("PACKAGE_MAX_TOTAL_BYTES", "8589934592", "Largest package, unpacked, in bytes."),
    Setting("PACKAGE_MAX_RATIO", "100", "Unpacked to packed above which a package is called a bomb."),
    Setting("PACKAGE_MAX_RATIO_FROM_BYTES", "134217728", "Unpacked size below which no ratio is called a bomb."),
    Setting("PACKAGE_MAX_DIRECTORY_BYTES", "16777216", "Largest table of contents of a package's zip, in bytes."),
    Setting("PACKAGE_MAX_NAME_LENGTH", "1000", "Longest file name in a package."),
    Setting("PACKAGE_MAX_XML_BYTES", "16777216", "Largest manifest or metadata file, in bytes."),
    Setting("IMPORT_MAX_BYTES", "33554432", "Largest file of people to import, in bytes."),
    Setting("IMPORT_MAX_ROWS", "100000", "Most rows in a file of people to import."),
    Setting("STOA_TEST", "0", "1 opens the test clock; refused beyond loopback."),
    Setting(
        "STOA_PSEUDO_LOCALE",
        "(none)",
        "With STOA_TEST=1: show every page in a made-up language, en@pseudo (longer, accented) or ar@pseudo (from "
        "right to left).",
    ),
)


@dataclass(frozen=True)
class Config:
    """Everything Stoa can be told from outside."""

    home: Path
    port: int
    app_origin: str
    content_origin: str
    database_url: str | None
    storage_url: str
    secret_key: str
    demo: bool
    workers: int
    threads: int
    bind: tuple[str, ...]
    xapi_version: str
    max_upload: int
    max_body: int
    outgoing_allow: tuple[str, ...]
    proxies: tuple[str, ...]
    json_logs: bool
    smtp_url: str | None
    mail_from: str
    test: bool
    sealing_keys: tuple[str, ...] = ()
    audit_keys: tuple[str, ...] = ()
    audit_heads: Path = Path("instance/audit")
    import_max_bytes: int = 32 << 20
    import_max_rows: int = 100_000
    xapi_rate: int = 0
    proof_minutes: int = 15
    pseudo_locale: str = ""

    @property
    def app_host(self) -> str:
        """Host and port that application pages answer on."""
        return urlsplit(self.app_origin).netloc

    @property
    def content_host(self) -> str:
        """Host and port that package content answers on."""
        return urlsplit(self.content_origin).netloc

    @property
    def is_https(self) -> bool:
        """Whether cookies may be marked Secure and `__Host-`."""
        return self.app_origin.startswith("https://")

    def sealing(self) -> list[bytes]:
        """Return the secrets of the encrypted columns: the first seals, all open."""
        return [*(f"sealing:{key}".encode() for key in self.sealing_keys), self.key("accounts.second_factor")]

    def audit_chain(self) -> list[bytes]:
        """Return the secrets of the audit log's chain: the first seals, all prove."""
        return [*(f"audit:{key}".encode() for key in self.audit_keys), self.key("audit.chain")]

    def key(self, purpose: str) -> bytes:
        """Return the secret for one purpose, so that no two uses share a key."""
        return f"{purpose}:{self.secret_key}".encode()


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read the environment. Raises ConfigurationError naming the setting that is wrong.

    Makes the instance folder (0700) and, when none is given, the secret key inside it (0600).
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("STOA_HOME") or "instance").absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    port = _number(env, "PORT", 8000)
    database_url = env.get("DATABASE_URL") or None
    config = Config(
        home=home,
        port=port,
        app_origin=_origin(env, "APP_ORIGIN", f"http://localhost:{port}"),
        content_origin=_origin(env, "CONTENT_ORIGIN", f"http://127.0.0.1:{port}"),
        database_url=database_url,
        storage_url=_storage(env, home),
        secret_key=env.get("STOA_SECRET_KEY") or _generated_key(home),
        demo=_flag(env, "STOA_DEMO", default=database_url is None),
        workers=_number(env, "STOA_WORKERS", 2),
        threads=_number(env, "STOA_THREADS", 8),
        bind=_bind(env, port),
        xapi_version=_one_of(env, "STOA_XAPI_VERSION", ("1.0.3", "2.0.0")),
        max_upload=_number(env, "STOA_MAX_UPLOAD", 1 << 30),
        max_body=_number(env, "STOA_MAX_BODY", 64 << 20),
        outgoing_allow=_networks(env, "OUTGOING_ALLOW"),
        proxies=_networks(env, "STOA_PROXIES"),
        json_logs=_one_of(env, "STOA_LOG", ("text", "json")) == "json",
        smtp_url=env.get("SMTP_URL") or None,
        mail_from=env.get("MAIL_FROM") or "Stoa <no-reply@localhost>",
        test=_flag(env, "STOA_TEST", default=False),
        pseudo_locale=_one_of(env, "STOA_PSEUDO_LOCALE", ("", "en@pseudo", "ar@pseudo")),
        proof_minutes=_number(env, "STOA_PROOF_MINUTES", 15),
        xapi_rate=_whole(env, "STOA_XAPI_RATE", 0),
        import_max_bytes=_number(env, "IMPORT_MAX_BYTES", 32 << 20),
        import_max_rows=_number(env, "IMPORT_MAX_ROWS", 100_000),
        sealing_keys=_keys(env, "STOA_SEALING_KEYS"),
        audit_keys=_keys(env, "STOA_AUDIT_KEYS"),
        audit_heads=Path(env.get("STOA_AUDIT_HEADS") or home / "audit").absolute(),
    )
    for setting in SETTINGS:
        if setting.name.startswith("PACKAGE_"):
            _number(env, setting.name, int(setting.default))  # read by the import job; a wrong one stops the start
    _check(config, insecure=_flag(env, "STOA_INSECURE", default=False))
    return config


def _check(config: Config, *, insecure: bool) -> None:
    if config.app_host == config.content_host:
        raise ConfigurationError(
            "APP_ORIGIN and CONTENT_ORIGIN must differ: package content is somebody else's program and must not run on "
            "the application's origin."
        )
    if len(config.secret_key) < 32:
        raise ConfigurationError("STOA_SECRET_KEY is too short: use at least 32 random characters.")
    for name, keys in (("STOA_SEALING_KEYS", config.sealing_keys), ("STOA_AUDIT_KEYS", config.audit_keys)):
        if any(len(key) < 32 for key in keys):
            raise ConfigurationError(f"{name} has a key that is too short: use at least 32 random characters each.")
    if config.pseudo_locale and not config.test:
        raise ConfigurationError("STOA_PSEUDO_LOCALE is for tests: set STOA_TEST=1 too.")
    beyond = [address for address in config.bind if not _is_loopback(address)]
    if beyond and config.test:
        raise ConfigurationError("STOA_TEST=1 is for loopback only; unset STOA_BIND or STOA_TEST.")
    if beyond and not config.is_https and not insecure:
        raise ConfigurationError(
            f"STOA_BIND={beyond[0]} would serve sign-ins in clear. Put a TLS proxy in front and set APP_ORIGIN and "
            "CONTENT_ORIGIN to https://…, or set STOA_INSECURE=1 on a trusted network."
        )


def _is_loopback(address: str) -> bool:
    return address.startswith(("127.", "[::1]", "localhost", "unix:"))


def _keys(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in env.get(name, "").split(",") if key.strip())


def _number(env: Mapping[str, str], name: str, default: int) -> int:
    raw = env.get(name) or str(default)
    if not raw.isdecimal() or not int(raw):
        raise ConfigurationError(f"{name}={raw!r} is not a positive whole number.")
    return int(raw)


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    raw = env.get(name) or str(default)
    if not raw.isdecimal():
        raise ConfigurationError(f"{name}={raw!r} is not a whole number.")
    return int(raw)


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    raw = env.get(name) or ("1" if default else "0")
    if raw not in ("0", "1"):
        raise ConfigurationError(f"{name}={raw!r}: use 1 or 0.")
    return raw == "1"


def _one_of(env: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    raw = env.get(name) or values[0]
    if raw not in values:
        raise ConfigurationError(f"{name}={raw!r}: use one of {', '.join(values)}.")
    return raw


def _origin(env: Mapping[str, str], name: str, default: str) -> str:
    raw = (env.get(name) or default).rstrip("/")
    parts = urlsplit(raw)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or parts.query:
        raise ConfigurationError(f"{name}={raw!r} is not an origin; it looks like https://learn.example.org")
    return raw


def _bind(env: Mapping[str, str], port: int) -> tuple[str, ...]:
    raw = env.get("STOA_BIND")
    if not raw or raw == "loopback":
        return (f"127.0.0.1:{port}", f"[::1]:{port}")
    addresses = (address.strip() for address in raw.split(",") if address.strip())
    return tuple(a if a.startswith("unix:") or a.rpartition(":")[2].isdecimal() else f"{a}:{port}" for a in addresses)


def _storage(env: Mapping[str, str], home: Path) -> str:
    raw = env.get("STORAGE_URL") or f"file:{home / 'files'}"
    if raw.startswith("file:"):
        return raw
    if "cache=" not in raw:
        raw += f"{'&' if '?' in raw else '?'}cache={quote(str(home / 'file-cache'))}"
    try:
        buckets.place_of(raw)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None
    return raw


def _networks(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    found = [text.strip() for text in env.get(name, "").split(",") if text.strip()]
    for text in found:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise ConfigurationError(f"{name}={text!r}: use networks like 10.2.0.0/16 ({error}).") from None
    return tuple(found)


def _generated_key(home: Path) -> str:
    path = home / "secret-key"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
    except FileExistsError:
        pass
    return path.read_text().strip()
