import base64
import hashlib
from datetime import UTC, datetime, timedelta
from functools import cache

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from lrs.xapi.signatures import problems_of_signature
from lrs.xapi.verbs import SIGNATURE_USAGE
from lrs.xapi.versions import Version
from tests.lrs.factories import statement

ALGORITHMS = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


@cache
def key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate(name: str, issuer: str) -> str:
    """One certificate in base64, as x5c holds it."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key(name).public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=365))
        .sign(key(issuer), hashes.SHA256())
    )
    return base64.b64encode(built.public_bytes(serialization.Encoding.DER)).decode()


def segment(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def sign(payload: object, *, algorithm: str = "RS256", signer: str = "lms", **header: object) -> bytes:
    signed = segment(orjson.dumps({"alg": algorithm} | header)) + b"." + segment(orjson.dumps(payload))
    mark = key(signer).sign(signed, padding.PKCS1v15(), ALGORITHMS.get(algorithm, hashes.SHA256()))
    return signed + b"." + segment(mark)


def with_signature(value: dict[str, object], signature: bytes, **more: object) -> dict[str, object]:
    attachment = {
        "usageType": SIGNATURE_USAGE,
        "display": {"en": "Signature"},
        "contentType": "application/octet-stream",
        "length": len(signature),
        "sha2": hashlib.sha256(signature).hexdigest(),
    }
    return value | {"attachments": [attachment | more]}


def complaints(
    value: dict[str, object], signature: bytes, version: Version = Version.V1_0_3, **more: object
) -> list[str]:
    signed = with_signature(value, signature, **more)
    return [problem.message for problem in problems_of_signature(signed, signature, "statements[0]", version)]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("has_certificate", [False, True])
def test_a_signature_of_the_statement_itself_is_fine(algorithm, has_certificate):
    value = statement()
    header = {"x5c": [certificate("lms", "root"), certificate("root", "root")]} if has_certificate else {}

    assert complaints(value, sign(value, algorithm=algorithm, **header)) == []


def test_what_the_lrs_sets_may_differ_from_what_was_signed():
    value = statement()

    assert complaints(value | {"timestamp": "2026-03-01T09:30:00Z"}, sign(value)) == []


@pytest.mark.parametrize("algorithm", ["HS256", "none", "PS256", "ES256"])
def test_only_rsa_with_sha2_is_allowed(algorithm):
    value = statement()

    assert "RS256" in complaints(value, sign(value, algorithm=algorithm))[0]


def test_another_statement_is_not_what_was_signed():
    value = statement()

    assert complaints(value, sign(value | {"verb": {"id": "http://x.example/y"}}))
    assert complaints(value, sign(statement()))
    assert complaints(value, sign({"no": "statement"}))


def test_a_signature_by_another_key_than_the_certificate_says_is_refused():
    value = statement()

    assert complaints(value, sign(value, signer="root", x5c=[certificate("lms", "root")]))


def test_certificates_must_certify_each_other():
    value = statement()

    assert complaints(value, sign(value, x5c=[certificate("lms", "root"), certificate("other", "other")]))
    for nonsense in ([], ["x"], "x", [1], [certificate("lms", "root")[:100]]):
        assert complaints(value, sign(value, x5c=nonsense))


def test_the_content_type_of_a_signature_is_fixed():
    value = statement()

    assert complaints(value, sign(value), contentType="application/json")


def test_a_duration_may_be_cut_in_2_0():
    value = statement(result={"duration": "PT0.1237S"})
    signature = sign(value | {"result": {"duration": "PT0.12S"}})

    assert complaints(value, signature, Version.V2_0) == []
    assert complaints(value, signature, Version.V1_0_3)


@given(st.binary(max_size=200) | st.lists(st.binary(max_size=60).map(segment), max_size=4).map(b".".join))
def test_no_bytes_make_the_check_raise(signature):
    assert complaints(statement(), signature)
