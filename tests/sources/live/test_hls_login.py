"""Which servers receive the password in the address of a playlist."""

from __future__ import annotations

import pytest

from streamsel.sources.live.hls_client import HostLogin

KNOWN, UNKNOWN = ("viewer", "p:w"), (None, None)


@pytest.mark.parametrize(
    ("address", "asking", "told"),
    [
        ("https://viewer:p%3Aw@camera.lan/a", "https://camera.lan:443/b", KNOWN),
        ("https://viewer:p%3Aw@camera.lan/a", "http://camera.lan/b", UNKNOWN),
        ("https://viewer:p%3Aw@camera.lan:8443/a", "http://camera.lan:8443/b", UNKNOWN),
        ("https://viewer:p%3Aw@camera.lan/a", "https://camera.lan.example/b", UNKNOWN),
        ("http://viewer:p%3Aw@Camera.lan/a", "http://camera.lan:80/b", KNOWN),
        ("http://viewer:p%3Aw@camera.lan/a", "https://camera.lan/b", KNOWN),
        ("http://viewer:p%3Aw@camera.lan/a", "http://camera.lan:8080/b", UNKNOWN),
        ("http://viewer:p%3Aw@[::1]:8080/a", "http://[::1]:8080/b", KNOWN),
        ("http://camera.lan/a", "http://camera.lan/b", UNKNOWN),
    ],
)
def test_only_the_host_of_the_address_is_told_and_never_in_the_clear_after_tls(
    address: str, asking: str, told: tuple[str | None, str | None]
) -> None:
    assert HostLogin(address).find_user_password("cameras", asking) == told
