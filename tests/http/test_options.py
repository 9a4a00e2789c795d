"""Where the service may listen, and what it refuses."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamsel.errors import ConfigurationError
from streamsel.http import options
from streamsel.http.options import ServiceOptions
from tests.http.serving import TOKEN
from tests.servers.broker import certify


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost", "LOCALHOST"])
def test_the_machine_itself_needs_no_token(host: str) -> None:
    assert ServiceOptions(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.0.0.4", "camera.example.org"])
def test_elsewhere_a_token_is_needed_or_said_not_to_be(host: str) -> None:
    with pytest.raises(ConfigurationError, match=r"token_file.*allow_insecure"):
        ServiceOptions(host=host)
    assert not ServiceOptions(host=host, token=TOKEN).is_loopback
    assert not ServiceOptions(host=host, allow_insecure=True).is_loopback


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "täglich", '"quoted"'])
def test_a_token_that_a_header_cannot_carry(token: str) -> None:
    with pytest.raises(ConfigurationError, match=r"service\.token") as raised:
        ServiceOptions(token=token)
    assert not token.strip() or token not in str(raised.value)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_cannot_be(port: int) -> None:
    with pytest.raises(ConfigurationError, match=f"port is {port}"):
        ServiceOptions(port=port)


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(ServiceOptions(token=TOKEN))


def test_certificate_and_key_come_together_and_must_be_readable(tmp_path: Path) -> None:
    made = certify(tmp_path / "one", "127.0.0.1")
    other = certify(tmp_path / "other", "127.0.0.1")
    with pytest.raises(ConfigurationError, match="both a certificate and its key"):
        ServiceOptions(tls_cert=made.certificate)
    assert ServiceOptions().tls_context() is None
    good = ServiceOptions(tls_cert=made.certificate, tls_key=made.key)
    assert good.tls_context() is not None
    for key in (other.key, tmp_path / "missing", made.certificate):
        with pytest.raises(ConfigurationError, match=r"service\.tls: cannot use .*cert\.pem"):
            ServiceOptions(tls_cert=made.certificate, tls_key=key).tls_context()


def test_a_key_with_a_passphrase_is_refused_rather_than_asked_for(tmp_path: Path) -> None:
    made = certify(tmp_path / "one", "127.0.0.1")
    locked = tmp_path / "locked.pem"
    command = ["openssl", "ec", "-in", made.key, "-aes256", "-passout", "pass:word", "-out", locked]
    subprocess.run([*map(str, command)], check=True, capture_output=True)
    with pytest.raises(ConfigurationError, match="without a passphrase"):
        ServiceOptions(tls_cert=made.certificate, tls_key=locked).tls_context()


def test_old_versions_of_tls_are_refused_whatever_the_system_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lax(protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        return context

    made = certify(tmp_path / "one", "127.0.0.1")
    allowing = SimpleNamespace(**vars(ssl) | {"SSLContext": lax})
    monkeypatch.setattr(options, "ssl", allowing)
    context = ServiceOptions(tls_cert=made.certificate, tls_key=made.key).tls_context()
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
