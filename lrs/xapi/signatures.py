"""Signed Statements: a JSON Web Signature as an attachment (Data 2.6, RFC 7515)."""

import base64
import binascii
from itertools import pairwise
from typing import Any

import orjson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from lrs.xapi.comparison import are_same
from lrs.xapi.problems import Problem
from lrs.xapi.statements import problems_of
from lrs.xapi.verbs import SIGNATURE_USAGE
from lrs.xapi.versions import Version

_ALGORITHMS: dict[str, type[hashes.HashAlgorithm]] = {
    "RS256": hashes.SHA256,
    "RS384": hashes.SHA384,
    "RS512": hashes.SHA512,
}
_SECTION = "Data 2.6"


class _Malformed(ValueError):
    """The signature is not what Data 2.6 asks for."""


def signature_of(statement: dict[str, Any]) -> dict[str, Any] | None:
    """The Attachment object that holds the Statement's signature, if it is signed."""
    found = (item for item in statement.get("attachments", ()) if item["usageType"] == SIGNATURE_USAGE)
    return next(found, None)


def problems_of_signature(
    statement: dict[str, Any], signature: bytes, at: str, version: Version = Version.V1_0_3
) -> list[Problem]:
    """Check the signature that came with a valid Statement: well-formed, algorithm allowed, of the same Statement.

    With x5c in its header the certificates must certify each other, and the first one's key must have signed.
    Whom to trust is not asked: the check catches mistakes (Data 2.6).
    """
    attachment = signature_of(statement)
    if attachment is None:
        return []
    try:
        if attachment["contentType"].partition(";")[0].strip().lower() != "application/octet-stream":
            raise _Malformed("the contentType of a signature must be application/octet-stream")
        header, payload, signed, mark = _decoded(signature)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
            raise _Malformed("the algorithm of a signature must be RS256, RS384 or RS512")
        _require_same(statement, attachment, payload, version)
        if "x5c" in header:
            _verify(header["x5c"], _ALGORITHMS[algorithm](), signed, mark)
    except _Malformed as error:
        return [Problem(f"{at}.attachments", str(error), _SECTION)]
    return []


def _decoded(signature: bytes) -> tuple[dict[str, Any], Any, bytes, bytes]:
    segments = signature.strip().split(b".")
    if len(segments) != 3:
        raise _Malformed("the signature is no JWS in compact serialization")
    try:
        header, payload = orjson.loads(_unbase64(segments[0])), orjson.loads(_unbase64(segments[1]))
        mark = _unbase64(segments[2])
    except (ValueError, binascii.Error) as error:
        raise _Malformed("the signature is no JWS: header and payload must be JSON in base64url") from error
    if not isinstance(header, dict):
        raise _Malformed("the header of the JWS is no JSON object")
    return header, payload, segments[0] + b"." + segments[1], mark


def _unbase64(segment: bytes) -> bytes:
    if not segment or b"+" in segment or b"/" in segment:
        raise _Malformed("the signature is no JWS: its parts must be base64url")
    return base64.b64decode(segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True)


def _require_same(statement: dict[str, Any], attachment: dict[str, Any], payload: Any, version: Version) -> None:
    if not isinstance(payload, dict) or problems_of(payload, version):
        raise _Malformed("the payload of the JWS is no valid statement")
    unsigned = dict(statement)
    others = [item for item in statement["attachments"] if item is not attachment]
    if others or "attachments" in payload:
        unsigned["attachments"] = others
    else:
        del unsigned["attachments"]
    ids = {value["id"].lower() for value in (statement, payload) if "id" in value}
    if len(ids) > 1 or not are_same(unsigned, payload, version):
        raise _Malformed("the signed statement is not the one that was sent")


def _verify(chain: Any, algorithm: hashes.HashAlgorithm, signed: bytes, mark: bytes) -> None:
    if not isinstance(chain, list) or not chain or not all(isinstance(item, str) for item in chain):
        raise _Malformed("x5c must be an array of certificates")
    try:
        certificates = [x509.load_der_x509_certificate(base64.b64decode(item)) for item in chain]
        key = certificates[0].public_key()
        for issued, issuer in pairwise(certificates):
            issued.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, binascii.Error) as error:
        raise _Malformed("x5c holds no certificates that certify each other") from error
    if not isinstance(key, rsa.RSAPublicKey):
        raise _Malformed("the certificate in x5c has no RSA key")
    try:
        key.verify(mark, signed, padding.PKCS1v15(), algorithm)
    except InvalidSignature as error:
        raise _Malformed("the signature was not made with the certificate in x5c") from error
