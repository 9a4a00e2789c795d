"""Builds the sinks of other packages from the configuration, and finds mistakes before that."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from streamsel.errors import ConfigurationError
from streamsel.plugins import Plugin, PluginKind, plugin_named, plugins
from streamsel.sinks.plugin import RESERVED, AddedSink, PluginSink
from streamsel.sources.live.plugin_address import OWN_SCHEMES

_ANY_TYPE = ConfigDict(arbitrary_types_allowed=True)


def open_plugin_sinks(wanted: Mapping[str, Mapping[str, Any]]) -> list[PluginSink]:
    """Open the plug-ins with their options, in order; all or none.

    Raises :class:`ConfigurationError`.
    """
    opened: list[PluginSink] = []
    with ExitStack() as undo:
        for name, options in wanted.items():
            opened.append(_open_sink(name, options))
            undo.callback(opened[-1].close)
        undo.pop_all()
    return opened


def sink_problems(wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what is wrong with the plug-ins and their options; loads them, and opens none."""
    for name, options in wanted.items():
        try:
            plugin = installed("sink", name, RESERVED)
            _typed(plugin, plugin.load(), options)
        except ConfigurationError as error:
            yield f"sinks.plugins.{name}: {error}"


def source_problems(name: str) -> Iterator[str]:
    """Yield what is wrong with the plug-in that reads a feed; loads it."""
    try:
        installed("source", name, OWN_SCHEMES).load()
    except ConfigurationError as error:
        yield f"source: {error}"


def _open_sink(name: str, options: Mapping[str, Any]) -> PluginSink:
    plugin = installed("sink", name, RESERVED)
    factory = plugin.load()
    typed = _typed(plugin, factory, options)
    with plugin.blamed(ConfigurationError, "cannot be opened"):
        made = factory(**typed)
    plugin.require(made, ["apply", "close"], ConfigurationError)
    return PluginSink(plugin, cast(AddedSink, made))


def installed(kind: PluginKind, name: str, own: tuple[str, ...]) -> Plugin:
    """Return the plug-in of a name. Raises :class:`ConfigurationError` if there is none."""
    plugin = plugin_named(kind, name, own)
    if plugin is None:
        known = ", ".join(one.name for one in plugins(kind)) or "none"
        raise ConfigurationError(
            f"no installed package adds a {kind} {name!r}; install the package that does, or name "
            f"another (installed: {known})"
        )
    return plugin


def _typed(
    plugin: Plugin, factory: Callable[..., object], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the options with the types that the factory's annotations state.

    All values of a configuration are text; without an annotation an option stays text. Errors do
    not contain values, because they may be secrets. Raises :class:`ConfigurationError`.
    """
    with plugin.blamed(ConfigurationError, "does not take these options"):
        inspect.signature(factory).bind(**options)
    with plugin.blamed(ConfigurationError, "has annotations that cannot be read"):
        takes = inspect.signature(factory, eval_str=True).parameters
        adapters = {
            name: TypeAdapter[Any](takes[name].annotation, config=_ANY_TYPE)
            for name in options
            if name in takes and takes[name].annotation is not inspect.Parameter.empty
        }
    typed = dict(options)
    for name, adapter in adapters.items():
        try:
            typed[name] = adapter.validate_python(options[name])
        except ValidationError as error:
            why = "; ".join(detail["msg"] for detail in error.errors(include_input=False))
            plugin.refuse(ConfigurationError, f"refuses its option {name}: {why}")
    return typed
