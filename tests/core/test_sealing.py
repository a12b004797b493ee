import pytest

from core import sealing
from core.errors import Unavailable


@pytest.fixture(autouse=True)
def _keys():
    before = dict(sealing._keys)
    yield
    sealing._keys.clear()
    sealing._keys.update(before)


def test_a_secret_opens_only_for_its_owner_and_under_its_key():
    sealing.use(b"one")
    sealed, key_id = sealing.seal(b"secret", b"owner"), sealing.key_id()

    assert b"secret" not in sealed
    assert sealing.unseal(sealed, b"owner", key_id) == b"secret"
    with pytest.raises(Unavailable):
        sealing.unseal(sealed, b"other", key_id)
    sealing.use(b"two")
    with pytest.raises(Unavailable, match=key_id):
        sealing.unseal(sealed, b"owner", key_id)
