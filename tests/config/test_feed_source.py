"""Addresses of feeds: read, refused, shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.config.feed_source import SecretSource, source
from streamsel.errors import ConfigurationError


def read(value: object, folder: Path = Path("/etc")) -> SecretSource:
    found = source().read(value, folder)
    assert isinstance(found, SecretSource)
    return found


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://10.0.0.4/main",
        "rtsp://viewer:secret@10.0.0.4:554/main",
        "snapshot+http://10.0.0.4/now.jpg",
        "snapshot+https://10.0.0.4/now.jpg",
        "whip",
        "/dev/video0",
        "usb:0",
        "pylon:22345678",
    ],
)
def test_an_address_is_kept_as_it_is_and_shown_without_its_secret(address: str) -> None:
    found = read(address)
    assert found.get_secret_value() == address
    assert "secret" not in str(found)
    assert read(found) is found


@pytest.mark.parametrize(
    "address",
    [
        "rtsp://",
        "rtsp:///main",
        "http://:80/",
        "snapshot+http:///now.jpg",
        "snapshot+https:///now.jpg",
        "whep+https:///x",
        "rtsp://10.0.0.4:0/main",
        "rtsp://10.0.0.4:99999/main",
        "rtsp://10.0.0.4/ma in",
        "viewer:secret@10.0.0.4",
        "rtsp://[::1/main",
    ],
)
def test_an_address_that_cannot_be_opened_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(ConfigurationError, match="no URL") as refused:
        read(address)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("value", [None, 5, "", "two\nlines"])
def test_what_is_no_line_is_refused(value: int | str | None) -> None:
    with pytest.raises(ConfigurationError):
        read(value)


def test_a_file_is_found_from_the_folder_of_the_configuration() -> None:
    assert read("file:clip.mp4?pace=1").get_secret_value() == "file:/etc/clip.mp4?pace=1"
