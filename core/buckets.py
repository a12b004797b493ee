"""Content-addressed files in an S3 bucket: uploaded whole, read by ranges through a bounded cache of blocks on disk."""

import hashlib
import io
import itertools
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core import clock
from core.errors import NotFound, TooLarge, Unavailable

BLOCK = 4 << 20
PART = 16 << 20  # larger files are uploaded in parts of this size
CACHE_BYTES = 4 << 30
_LOOK_EVERY = 64  # blocks written between two looks at the size of the cache


@dataclass(frozen=True)
class Place:
    """Where files are kept: s3://bucket/prefix?endpoint=…&region=…&cache=…&cache_bytes=…; boto3 finds the secrets."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None
    cache: Path
    cache_bytes: int


def place_of(url: str) -> Place:
    """Read a STORAGE_URL. Raises ValueError naming what is wrong."""
    parts = urlsplit(url)
    given = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    unknown = given.keys() - {"endpoint", "region", "cache", "cache_bytes"}
    if parts.scheme != "s3" or not parts.netloc or unknown:
        wrong = f"it does not know {', '.join(sorted(unknown))}" if unknown else "it looks like s3://bucket/prefix"
        raise ValueError(f"STORAGE_URL {url!r}: {wrong}")
    size = given.get("cache_bytes", str(CACHE_BYTES))
    if not size.isdecimal() or int(size) < BLOCK:
        raise ValueError(f"STORAGE_URL {url!r}: cache_bytes is a number of at least {BLOCK}")
    prefix = parts.path.strip("/")
    cache = Path(given.get("cache") or Path(tempfile.gettempdir()) / f"stoa-file-cache-{os.getuid()}")
    return Place(
        parts.netloc, f"{prefix}/" if prefix else "", given.get("endpoint"), given.get("region"), cache, int(size)
    )


class Bucket:
    """The files of one bucket and prefix."""

    def __init__(self, url: str) -> None:
        self._place = place_of(url)
        self._cache = _Cache(self._place.cache, self._place.cache_bytes)
        self._client = self._connect(connect_timeout=5, read_timeout=60, attempts=4)

    def _connect(self, *, connect_timeout: int, read_timeout: int, attempts: int) -> Any:
        settings = Config(
            connect_timeout=connect_timeout, read_timeout=read_timeout, max_pool_connections=32,
            retries={"mode": "standard", "total_max_attempts": attempts},
            s3={"addressing_style": "path"} if self._place.endpoint else {},
        )  # fmt: skip
        return boto3.session.Session().client(
            "s3", endpoint_url=self._place.endpoint, region_name=self._place.region or "us-east-1", config=settings
        )

    def put(self, source: Iterator[bytes], limit: int | None) -> tuple[str, int]:
        """Upload the bytes under their SHA-256; answer it and their number. Raises TooLarge, Unavailable.

        They are gathered in a local file first: their name is known at their end, and an object appears whole or not.
        """
        digest, size = hashlib.sha256(), 0
        with self._cache.scratch() as file:
            for chunk in source:
                size += len(chunk)
                if limit is not None and size > limit:
                    raise TooLarge(f"The file is larger than {limit:,} bytes.")
                digest.update(chunk)
                file.write(chunk)
            file.seek(0)
            key = self._key(digest.hexdigest())
            with self._explained():
                parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, use_threads=False)
                self._client.upload_fileobj(file, self._place.bucket, key, Config=parts)
        return digest.hexdigest(), size

    def open(self, sha256: str) -> BinaryIO:
        """Open the bytes for reading (seekable). Raises NotFound, Unavailable."""
        with self._explained(sha256):
            size = int(self._client.head_object(Bucket=self._place.bucket, Key=self._key(sha256))["ContentLength"])
        return cast("BinaryIO", io.BufferedReader(_Ranged(self, sha256, size), 256 * 1024))

    def block(self, sha256: str, number: int) -> bytes:
        """One block of the bytes, from the cache or from the bucket. Raises NotFound, Unavailable."""
        if (known := self._cache.get(sha256, number)) is not None:
            return known
        span = f"bytes={number * BLOCK}-{(number + 1) * BLOCK - 1}"
        with self._explained(sha256):
            answer = self._client.get_object(Bucket=self._place.bucket, Key=self._key(sha256), Range=span)
            with answer["Body"] as body:
                content = bytes(body.read())
        self._cache.keep(sha256, number, content)
        return content

    def delete(self, sha256: str) -> None:
        """Remove the bytes, if they are there."""
        with self._explained():
            self._client.delete_object(Bucket=self._place.bucket, Key=self._key(sha256))
        self._cache.forget(sha256)

    def is_ready(self) -> bool:
        """Whether the bucket answers, within a few seconds."""
        try:
            quick = self._connect(connect_timeout=2, read_timeout=3, attempts=1)
            quick.head_bucket(Bucket=self._place.bucket)
        except (BotoCoreError, ClientError):
            return False
        return True

    def older_than(self, seconds: float) -> Iterator[str]:
        """The hashes of files that have lain in the bucket longer than `seconds`."""
        limit = clock.now().timestamp() - seconds
        with self._explained():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.bucket, Prefix=self._place.prefix
            )
            for page in pages:
                for item in page.get("Contents", ()):
                    name = item["Key"].rpartition("/")[2]
                    if item["LastModified"].timestamp() < limit and item["Key"] == self._key_or_none(name):
                        yield name

    def _key(self, sha256: str) -> str:
        key = self._key_or_none(sha256)
        if key is None:
            raise NotFound("Not a file's hash.")
        return key

    def _key_or_none(self, sha256: str) -> str | None:
        is_hash = len(sha256) == 64 and all(c in "0123456789abcdef" for c in sha256)
        return f"{self._place.prefix}{sha256[:2]}/{sha256}" if is_hash else None

    @contextmanager
    def _explained(self, sha256: str = "") -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if sha256 and code in ("404", "NoSuchKey", "NotFound"):
                raise NotFound(f"File {sha256[:12]}… is not in storage.") from None
            raise Unavailable(f"The storage bucket {self._place.bucket} refuses: {code}.") from error
        except (BotoCoreError, OSError, boto3.exceptions.Boto3Error) as error:
            raise Unavailable(f"The storage bucket {self._place.bucket} cannot be reached.") from error


class _Ranged(io.RawIOBase):
    """An object as a file that can be read anywhere, block by block."""

    def __init__(self, bucket: Bucket, sha256: str, size: int) -> None:
        self._bucket, self._sha256, self._size = bucket, sha256, size
        self._at = 0
        self._number, self._content = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self._at = max(0, offset + (0, self._at, self._size)[whence])
        return self._at

    def readinto(self, buffer: Any, /) -> int:
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, BLOCK)
        if number != self._number:
            self._content = self._bucket.block(self._sha256, number)
            self._number = number
        piece = self._content[start : start + len(buffer)]
        if not piece:
            raise Unavailable("The storage gave less than it has.")
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


class _Cache:
    """Blocks on the local disk, the longest unread ones go first. Several processes may share it."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._written = itertools.count(1)
        self._lock = threading.Lock()

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """A file of its own on the same disk, gone at the end."""
        with tempfile.TemporaryFile(dir=self._folder) as file:
            yield cast("BinaryIO", file)

    def get(self, sha256: str, number: int) -> bytes | None:
        """A block, if it is here; it counts as read now."""
        place = self._folder / f"{sha256}.{number}"
        try:
            content = place.read_bytes()
            os.utime(place)
        except OSError:
            return None
        return content

    def keep(self, sha256: str, number: int, content: bytes) -> None:
        """Keep a block, as far as the disk has room; without it the next reader asks the bucket again."""
        with suppress(OSError), tempfile.NamedTemporaryFile(dir=self._folder, prefix="new-", delete=False) as file:
            file.write(content)
            file.flush()
            Path(file.name).replace(self._folder / f"{sha256}.{number}")
        if next(self._written) % min(_LOOK_EVERY, max(1, self._limit // BLOCK // 4)) == 0:
            self._make_room()

    def forget(self, sha256: str) -> None:
        """Drop the blocks of a file."""
        for place in self._folder.glob(f"{sha256}.*"):
            place.unlink(missing_ok=True)

    def _make_room(self) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            found = []
            for place in self._folder.iterdir():
                with suppress(OSError):
                    status = place.stat()
                    found.append((status.st_mtime, status.st_size, place))
            total = sum(size for _, size, _ in found)
            for _, size, place in sorted(found, key=lambda item: item[0]):
                if total <= self._limit * 3 // 4:
                    break
                place.unlink(missing_ok=True)
                total -= size
        finally:
            self._lock.release()
