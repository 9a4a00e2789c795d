"""The field type of feed addresses, shown with their credentials masked."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Secret

from streamsel.config.fields import Kind, read_line
from streamsel.errors import ConfigurationError
from streamsel.redaction import redact
from streamsel.sources.live.watched_address import is_file_address, read_file_address

_NEED_HOST = {"rtsp", "rtsps", "http", "https", "whep+http", "whep+https", "udp", "tcp", "srt"}
_NEED_HOST |= {"snapshot+http", "snapshot+https"}
_ADDRESS_WITHOUT_SCHEME = re.compile(r"[^/]*:[^/]*@")


class SecretSource(Secret[str]):
    """The address of a feed, shown with its credentials masked."""

    def _display(self) -> str:
        return redact(self.get_secret_value())


def source() -> Kind:
    """Return the type of feed addresses."""

    def read(value: object, folder: Path) -> object:
        if isinstance(value, SecretSource):
            return value
        line = read_line(value, "the URL or the device of a feed", ".+")
        if is_file_address(line):
            return SecretSource(str(read_file_address(line, folder)))
        if "://" in line or _ADDRESS_WITHOUT_SCHEME.match(line):
            _require_url(line)
        return SecretSource(line)

    return Kind("URL or device", read, str, {"type": "string", "minLength": 1})


def _require_url(text: str) -> None:
    """Refuse addresses that cannot be opened, or in which credentials cannot be masked reliably."""
    try:
        parts = urlsplit(text)
        is_whole = parts.port != 0 and (parts.hostname or parts.scheme not in _NEED_HOST)
        is_masked = not re.search(r"\s", text) and (
            parts.username is None or "***@" in redact(text)
        )
    except ValueError:
        is_whole = is_masked = False
    if not ("://" in text and is_whole and is_masked):
        raise ConfigurationError(
            "no URL; it must be a URL with a host, like rtsp://10.0.0.4/main, in which special "
            "characters of a password are written as %40 for @, %2F for /, %23 for #, %3F for ?"
        )
