import pytest

from training.services import addresses


@pytest.fixture(autouse=True)
def _origin():
    addresses.use("http://localhost")
