import pytest

from core import config
from core.config import ConfigurationError


def load(tmp_path, **environment):
    return config.load({"STOA_HOME": str(tmp_path / "home"), **environment})


def test_a_secret_key_is_made_once_and_kept(tmp_path):
    assert load(tmp_path).secret_key == load(tmp_path).secret_key
    assert (tmp_path / "home" / "secret-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        pytest.param({"PORT": "eighty"}, "PORT='eighty'", id="port is no number"),
        pytest.param({"STOA_DEMO": "yes"}, "STOA_DEMO='yes'", id="flag is neither 0 nor 1"),
        pytest.param({"APP_ORIGIN": "learn.example.org"}, "is not an origin", id="origin without scheme"),
        pytest.param({"CONTENT_ORIGIN": "http://localhost:8000"}, "must differ", id="content on the app's origin"),
        pytest.param({"STOA_SECRET_KEY": "short"}, "too short", id="short key"),
        pytest.param({"STOA_PSEUDO_LOCALE": "ar@pseudo"}, "set STOA_TEST=1 too", id="made-up language in earnest"),
        pytest.param({"STOA_BIND": "0.0.0.0"}, "in clear", id="beyond loopback without TLS"),
        pytest.param(
            {"STOA_BIND": "0.0.0.0", "STOA_TEST": "1", "STOA_INSECURE": "1"}, "loopback only", id="test mode in public"
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, environment, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        load(tmp_path, **environment)


def test_both_loopback_families_are_bound(tmp_path):
    assert load(tmp_path, PORT="8123").bind == ("127.0.0.1:8123", "[::1]:8123")
