"""Environment variables: substitution in configuration files, and settings of their own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from streamsel.config.tree import ConfigNode
from streamsel.errors import ConfigurationError

_PREFIX = "STREAMSEL_"
_VARIABLE = re.compile(r"\$(?:(\$)|\{(?:([A-Za-z_]\w*)(?:(:-)([^{}]*))?\}|))", re.ASCII)


def fill_in(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``${NAME}`` and ``${NAME:-default}``; ``$$`` stands for one ``$``.

    >>> fill_in("rtsp://cam:${PASSWORD}@${HOST:-10.0.0.4}/a$$b", {"PASSWORD": "x"})
    'rtsp://cam:x@10.0.0.4/a$b'

    The default counts where the variable is not set or empty. What is filled in is not looked at
    again. Raises :class:`ConfigurationError` for a variable that is not set.
    """

    def value(match: re.Match[str]) -> str:
        escape, name, has_default, default = match.groups()
        if escape:
            return "$"
        if name is None:
            raise ConfigurationError(
                "holds ${ without a name and }; write ${NAME} or ${NAME:-default}, and $$ for $"
            )
        found = environment.get(name)
        if has_default:
            return found or str(default)
        if found is None:
            raise ConfigurationError(
                f"environment variable {name} is not set; set it, or write ${{{name}:-default}}"
            )
        return found

    return _VARIABLE.sub(value, text)


def filled_in(text: str, environment: Mapping[str, str]) -> set[str]:
    """The values of the variables that a text names, as far as they are set and not empty.

    >>> filled_in("rtsp://cam:${PASSWORD}@${HOST:-10.0.0.4}/a$$b", {"PASSWORD": "x"})
    {'x'}
    """
    names = (match[2] for match in _VARIABLE.finditer(text) if match[2])
    return {value for name in names if (value := environment.get(name))}


def settings_of(
    environment: Mapping[str, str], sections: Collection[str], feeds: Collection[str]
) -> ConfigNode:
    """Return the tree of all settings that the environment makes.

    ``STREAMSEL_SINKS__MQTT__HOST`` sets ``sinks.mqtt.host``. A feed is meant by its name in any
    case, with ``_`` for ``-``. An empty variable says nothing; ``null`` is null. Variables without
    ``__`` count only where they name one of the ``sections``: others are not ours (Kubernetes
    sets some for every service of its own). Raises :class:`ConfigurationError` for what could mean
    two feeds.
    """
    root: dict[str, ConfigNode] = {}
    for variable in sorted(environment):
        text = environment[variable]
        path = _path(variable, feeds)
        if not path or not text or (len(path) == 1 and path[0] not in sections):
            continue
        children = root
        for name in path[:-1]:
            inner = children.setdefault(name, ConfigNode({}, variable))
            if not isinstance(inner.value, dict):
                inner = children[name] = ConfigNode({}, variable)
            children = inner.value
        children[path[-1]] = ConfigNode(None if text in ("null", "~") else text, variable, raw=text)
    return ConfigNode(root, "environment")


def _path(variable: str, feeds: Collection[str]) -> tuple[str, ...]:
    if not variable.startswith(_PREFIX):
        return ()
    path = variable.removeprefix(_PREFIX).lower().split("__")
    if path[0] == "feeds" and len(path) > 1:
        path[1] = _feed(path[1], variable, feeds)
    return tuple(path)


def _feed(name: str, variable: str, feeds: Collection[str]) -> str:
    """The feed that is meant, or a new one of that name."""
    meant = [feed for feed in feeds if feed.lower().replace("-", "_") == name.replace("-", "_")]
    if len(meant) > 1:
        told = " or ".join(meant)
        raise ConfigurationError(f"{variable}: could mean {told}; set it in the file")
    return meant[0] if meant else name
