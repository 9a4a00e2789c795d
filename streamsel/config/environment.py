"""Environment variables: substitution in configuration files, and settings of their own."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from streamsel.config.tree import ConfigNode
from streamsel.errors import ConfigurationError

_PREFIX = "STREAMSEL_"
_VARIABLE = re.compile(r"\$(?:(\$)|\{(?:([A-Za-z_]\w*)(?:(:-)([^{}]*))?\}|))", re.ASCII)


def fill_in(text: str, environment: Mapping[str, str]) -> str:
    """Substitute ``${NAME}`` and ``${NAME:-default}``; ``$$`` is a literal ``$``.

    >>> fill_in("rtsp://cam:${PASSWORD}@${HOST:-10.0.0.4}/a$$b", {"PASSWORD": "x"})
    'rtsp://cam:x@10.0.0.4/a$b'

    The default applies if the variable is unset or empty. Substituted text is not expanded again.
    Raises :class:`ConfigurationError` for an unset variable without default.
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
    """Return the values of the variables that occur in a text, if set and not empty.

    >>> filled_in("rtsp://cam:${PASSWORD}@${HOST:-10.0.0.4}/a$$b", {"PASSWORD": "x"})
    {'x'}
    """
    names = (match[2] for match in _VARIABLE.finditer(text) if match[2])
    return {value for name in names if (value := environment.get(name))}


def settings_of(
    environment: Mapping[str, str], sections: Collection[str], feeds: Collection[str]
) -> ConfigNode:
    """Return the tree of all settings in the environment.

    ``STREAMSEL_SINKS__MQTT__HOST`` sets ``sinks.mqtt.host``. Feed names match in any case, with
    ``_`` for ``-``. An empty variable is ignored; ``null`` is null. Variables without ``__`` count
    only if they name one of the ``sections``: others are not ours (Kubernetes sets some for every
    service). Raises :class:`ConfigurationError` if a variable matches two feeds.
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
    """Return the matching feed, or a new one of that name."""
    meant = [feed for feed in feeds if feed.lower().replace("-", "_") == name.replace("-", "_")]
    if len(meant) > 1:
        told = " or ".join(meant)
        raise ConfigurationError(f"{variable}: matches several feeds ({told}); set it in the file")
    return meant[0] if meant else name
