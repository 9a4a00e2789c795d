"""Plug-ins: parts that other packages add by entry points, loaded when they are used.

Code of others may raise anything and return anything. Both become errors that name the package.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from types import TracebackType
from typing import Any, Literal, NoReturn, TypeAlias

from streamsel.errors import ConfigurationError, StreamselError
from streamsel.redaction import redact

PluginKind: TypeAlias = Literal["embedder", "source", "sink"]

_GROUPS: dict[PluginKind, str] = {
    "embedder": "streamsel.embedders",
    "source": "streamsel.sources",
    "sink": "streamsel.sinks",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """A part of another package. ``place`` is its ``module:name``; nothing is imported yet."""

    kind: PluginKind
    name: str
    place: str
    package: str
    _point: EntryPoint

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.package}"

    def load(self, error: type[StreamselError] = ConfigurationError) -> Callable[..., object]:
        """Import the package and return the factory; raises ``error`` if that fails."""
        with self.blamed(error, "cannot be loaded"):
            factory: object = self._point.load()
        if not callable(factory):
            self.refuse(error, f"is no function, but {kind_of(factory)}: {self.place}")
        return factory

    def blamed(self, error: type[StreamselError], what: str) -> AbstractContextManager[object]:
        """Return a context that turns every exception of the package into ``error``."""
        return _Blamed(self, error, what)

    def refuse(self, error: type[StreamselError], what: str) -> NoReturn:
        """Raise ``error`` for something that the package did wrong."""
        raise error(f"{self} {what}")

    def require(self, made: object, methods: Collection[str], error: type[StreamselError]) -> None:
        """Refuse an object without these methods, as the wrong type."""
        with self.blamed(error, "cannot be used"):
            lacking = [name for name in methods if not callable(getattr(made, name, None))]
        if lacking:
            told = " and ".join(f"{name}()" for name in lacking)
            self.refuse(error, f"made {kind_of(made)} without {told}; see {self.place}")


def plugins(kind: PluginKind) -> list[Plugin]:
    """Return every plug-in of a kind, also unusable ones, ordered by name; imports nothing."""
    found = [
        Plugin(kind, point.name, point.value, _package(point), point)
        for point in entry_points(group=_GROUPS[kind])
    ]
    return sorted(found, key=lambda plugin: (plugin.name, plugin.package))


def plugin_named(kind: PluginKind, name: str, own: Collection[str]) -> Plugin | None:
    """Return the plug-in of this name; None if there is none.

    ``own`` are the names that streamsel uses itself. Raises :class:`ConfigurationError` if the name
    is one of these, or if several packages use it.
    """
    found = [plugin for plugin in plugins(kind) if plugin.name == name]
    if not found:
        return None
    if why := why_taken(found[0], found, own):
        raise ConfigurationError(f"{found[0]} {why}")
    return found[0]


def why_taken(plugin: Plugin, others: Collection[Plugin], own: Collection[str]) -> str | None:
    """Return why a plug-in cannot have its name; None if it can."""
    if plugin.name in own:
        return "has a name that streamsel uses itself; its package must change it"
    rivals = [one.package for one in others if one.name == plugin.name and one != plugin]
    if rivals:
        return f"has the name of one of {' and of '.join(rivals)}; uninstall all but one of them"
    return None


def _package(point: EntryPoint) -> str:
    """Return the name and version of the package, or the module if they are unknown."""
    if point.dist is None:
        return point.value.partition(":")[0]
    return f"{point.dist.name} {point.dist.version}"


def kind_of(value: object) -> str:
    """Tell what a value is, without the value.

    >>> kind_of(None), kind_of("canary")
    ('None', 'an instance of str')
    """
    return "None" if value is None else f"an instance of {type(value).__name__}"


class _Blamed(AbstractContextManager[object]):
    """Raises an error of streamsel in place of any exception of a plug-in."""

    def __init__(self, plugin: Plugin, error: type[StreamselError], what: str) -> None:
        self._plugin = plugin
        self._error = error
        self._what = what

    def __exit__(
        self,
        kind: type[BaseException] | None,
        raised: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # A program that is imported by mistake, or a vendor's library, may want to exit.
        if not isinstance(raised, (Exception, SystemExit)) or isinstance(raised, StreamselError):
            return
        why = redact(f"{type(raised).__name__}: {raised}".removesuffix(": "))
        raise self._error(f"{self._plugin} {self._what}: {why}") from raised


def call_plugin(
    plugin: Plugin, error: type[StreamselError], *arguments: Any, **options: Any
) -> object:
    """Load a plug-in and call its factory; raises ``error`` if either fails."""
    factory = plugin.load(error)
    with plugin.blamed(error, "cannot be opened"):
        return factory(*arguments, **options)
