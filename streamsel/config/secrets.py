"""Secrets: read from files of their own when they are needed, and never told."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from streamsel.config.complaints import is_secret
from streamsel.config.sections.service import ServiceConfig
from streamsel.config.sections.webrtc import IceServerConfig
from streamsel.config.tree import Node, Place
from streamsel.errors import ConfigurationError
from streamsel.sources.masking import mask

_MOST_BYTES = 64 * 1024
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
_HANDED_IN = Path("/run/secrets")

_log = logging.getLogger("streamsel.config")


def read_secret(path: Path, setting: str) -> str:
    """Read a secret from a file, without the line break at its end.

    ``setting`` says in messages who asks, e.g. ``service.token_file``. Warns where others than
    the owner may read the file, but for those that a container's runtime hands in. Raises
    :class:`ConfigurationError` where there is no secret.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise ConfigurationError(f"{setting}: {path} cannot be read ({error.strerror})") from error
    is_handed_in = path.is_relative_to(_HANDED_IN)
    if stat.S_ISREG(mode) and mode & _READABLE_BY_OTHERS and not is_handed_in:
        _log.warning("%s: others can read %s; chmod 600 it", setting, path)
    try:
        secret = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{setting}: {path} is not UTF-8 text") from None
    if not secret or len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{setting}: {path} is empty or too long; write the secret there")
    return secret


def service_token(service: ServiceConfig) -> str | None:
    """Return the token that requests must bear; None where none is needed."""
    if service.token_file is not None:
        return read_secret(service.token_file, "service.token_file")
    return None if service.token is None else service.token.get_secret_value()


def ice_credential(server: IceServerConfig) -> str | None:
    """Return the password of a TURN server; None where none is needed."""
    if server.credential_file is not None:
        return read_secret(server.credential_file, "webrtc.ice_servers.credential_file")
    return None if server.credential is None else server.credential.get_secret_value()


def warn_of_exposed(path: Path, tree: Node) -> None:
    """Warn of secrets that were written into a file that others than its owner may read."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # it was there a moment ago, and its content is read
    if not (stat.S_ISREG(mode) and mode & _READABLE_BY_OTHERS):
        return
    for place, node in _written_secrets(tree, ()):
        _log.warning(
            "%s: %s holds a secret and others can read the file; chmod 600 it, or write ${NAME}",
            node.origin,
            ".".join(place),
        )


def _written_secrets(node: Node, place: Place) -> Iterator[tuple[Place, Node]]:
    """Every setting of the file that holds a secret as such, not as a variable."""
    for name, child in node.children.items():
        inner = (*place, name)
        yield from _written_secrets(child, inner)
        if child.line and child.raw and "${" not in child.raw and isinstance(child.value, str):
            is_source = inner[:1] == ("feeds",) and name == "source"
            if is_secret(inner) or (is_source and mask(child.value) != child.value):
                yield inner, child
