"""Secrets: read from files when needed, never shown."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from pydantic import SecretStr

from streamsel.config.complaints import is_secret
from streamsel.config.environment import fill_in, filled_in
from streamsel.config.sections.service import ServiceConfig
from streamsel.config.sections.webrtc import IceServerConfig
from streamsel.config.tree import ConfigNode, Place, Problem, State, nearest
from streamsel.errors import ConfigurationError
from streamsel.redaction import redact, register_address, register_secret

_MOST_BYTES = 64 * 1024
_READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH
_HANDED_IN = Path("/run/secrets")

_log = logging.getLogger("streamsel.config")


def read_secret(path: Path, setting: str) -> str:
    """Read a secret from a file, without the line break at its end.

    ``setting`` names the option in messages, e.g. ``service.token_file``. Warns if others than the
    owner may read the file, except for files provided by a container runtime. Raises
    :class:`ConfigurationError` if the file holds no secret.
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
        raise ConfigurationError(f"{setting}: {path} is empty or too long; write the secret to it")
    register_secret(secret)
    return secret


def service_token(service: ServiceConfig) -> str | None:
    """Return the token that requests must carry; None if none is required."""
    return _secret(service.token, service.token_file, "service.token_file")


def ice_credential(server: IceServerConfig) -> str | None:
    """Return the password of a TURN server; None if none is required."""
    setting = "webrtc.ice_servers.credential_file"
    return _secret(server.credential, server.credential_file, setting)


def _secret(given: SecretStr | None, file: Path | None, setting: str) -> str | None:
    """Return a secret that is given or stands in the file of ``setting``."""
    if file is not None:
        return read_secret(file, setting)
    return None if given is None else given.get_secret_value()


def read_source_files(tree: ConfigNode, folder: Path) -> tuple[ConfigNode, list[Problem]]:
    """Replace the ``source_file`` of each feed by the source in that file; return the problems.

    Relative paths start at ``folder``. Messages show only the scheme of such a source.
    """
    problems: list[Problem] = []
    feeds = dict(nearest(tree, ("feeds",)).children if "feeds" in tree.children else {})
    for name, feed in feeds.items():
        file = feed.children.get("source_file")
        if file is None or not isinstance(file.value, str) or not file.value:
            continue
        setting = f"feeds.{name}.source_file"
        try:
            if "source" in feed.children:
                raise ConfigurationError(f"{setting}: give either source or source_file, not both")
            source = read_secret(folder / os.path.expanduser(file.value), setting)
        except ConfigurationError as error:
            problems.append(Problem(file.line, f"{file.origin}: {error}"))
            source = ""
        register_address(source, _veil(source))
        state: State = "given" if source else "broken"
        given = {**feed.children, "source": ConfigNode(source, file.origin, file.line, state=state)}
        feeds[name] = replace(feed, value=given)
    if not feeds:
        return tree, problems
    whole = replace(tree.children["feeds"], value=feeds)
    return replace(tree, value={**tree.children, "feeds": whole}), problems


def register_secrets(tree: ConfigNode, environment: Mapping[str, str]) -> None:
    """Register every secret of a configuration for masking.

    These are settings that are secrets as a whole, and everything substituted from the
    ``environment`` into the address of a feed: a password, a path, or all of it.
    """
    for place, node in _texts(tree, ()):
        if is_secret(place):
            register_secret(node.value)
        elif _is_source(place) and node.raw is not None:
            _register_source(node.value, node.raw, environment)


def _register_source(address: str, raw: str, environment: Mapping[str, str]) -> None:
    """Register values substituted into an address for masking, in the address and alone."""
    values = filled_in(raw, environment)
    if not values:
        return
    hidden = {name: _veil(value) for name, value in environment.items() if value}
    register_address(address, fill_in(raw, hidden))
    for value in values:
        if "://" in value:
            register_address(value, _veil(value))
        elif not _is_place(value):
            register_secret(value)


def _veil(value: str) -> str:
    """Return the masked form of a value in an address; of a whole address, the scheme remains."""
    scheme, separator, _ = value.partition("://")
    return f"{scheme}://***" if separator and scheme.replace("+", "").isalnum() else "***"


def _is_place(value: str) -> bool:
    """Whether a value is localhost, an IP address or a number, which messages need."""
    try:
        return value == "localhost" or value.isdigit() or bool(ip_address(value))
    except ValueError:
        return False


def warn_of_exposed(path: Path, tree: ConfigNode) -> None:
    """Warn about secrets written in a file that others than its owner may read."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # the file existed a moment ago, and its content was read
    if not (stat.S_ISREG(mode) and mode & _READABLE_BY_OTHERS):
        return
    for place, node in _written_secrets(tree, ()):
        _log.warning(
            "%s: %s holds a secret and others can read the file; chmod 600 it, or write ${NAME}",
            node.origin,
            ".".join(place),
        )


def _written_secrets(node: ConfigNode, place: Place) -> Iterator[tuple[Place, ConfigNode]]:
    """Yield every setting of the file that holds a literal secret, not a variable."""
    for inner, child in _texts(node, place):
        if child.line and child.raw and "${" not in child.raw:
            is_address = _is_source(inner) and redact(child.value) != child.value
            if is_secret(inner) or is_address:
                yield inner, child


def _texts(node: ConfigNode, place: Place) -> Iterator[tuple[Place, ConfigNode]]:
    """Yield every setting with a text value, and its path."""
    for name, child in node.children.items():
        inner = (*place, name)
        yield from _texts(child, inner)
        if isinstance(child.value, str):
            yield inner, child


def _is_source(place: Place) -> bool:
    """Whether a setting may hold an address: of a feed, or anything of a plug-in."""
    is_feeds = place[:1] == ("feeds",) and place[-1] == "source"
    return is_feeds or place[:2] == ("sinks", "plugins")
