"""Keys: identifiers of any length as 128 bits, so that every index entry is small and no index row can be too long."""

from functools import lru_cache
from hashlib import blake2b
from uuid import UUID


def key(identifier: str) -> UUID:
    """The key of an agent's identifier, an IRI, a hash. Two of them share a key as often as two UUIDs are equal."""
    return UUID(bytes=digest(identifier))


@lru_cache(maxsize=8192)
def digest(identifier: str) -> bytes:
    """The key's sixteen octets. The same people and activities come again and again, so the last ones are kept."""
    return blake2b(identifier.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def joined_key(*parts: object) -> UUID:
    """The key of several things together; no two lists of parts are confused."""
    return key("".join(f"{len(text)}:{text}" for text in map(str, parts)))
