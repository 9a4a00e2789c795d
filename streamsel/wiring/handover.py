"""Hands what a file run keeps to sinks of other packages, once everything is stored.

The record decides what is delivered, not the run. So nothing is lost when a sink fails, when the
run is resumed or when pictures are decoded late, and no frame is sent that is evicted afterwards.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from streamsel.config.environment import fill_in
from streamsel.config.secrets import register_secrets
from streamsel.config.tree import ConfigNode
from streamsel.decisions import Kept, SelectionUpdate
from streamsel.errors import ConfigurationError, SinkError
from streamsel.frame import Candidate, EncodedPicture, Picture
from streamsel.interfaces.sinks import Sink
from streamsel.record.reader import Record
from streamsel.record.values import Change, StoredPicture
from streamsel.sinks.plugin import PluginSink
from streamsel.wiring.plugins import open_plugin_sinks, sink_problems

_ORIGIN = "sink"


def open_sinks(written: Sequence[str]) -> list[PluginSink]:
    """Open plug-ins, each written as its name and options; all or none.

    Raises :class:`ConfigurationError`.
    """
    return open_plugin_sinks(_wanted(written))


def require_sinks(written: Sequence[str]) -> None:
    """Raise :class:`ConfigurationError` for what is wrong with plug-ins; opens none."""
    for problem in sink_problems(_wanted(written)):
        raise ConfigurationError(problem)


def hand_over(folder: Path, sinks: Sequence[Sink], *, resumable: bool) -> None:
    """Apply to each sink the frames that a run keeps, an update each, in stream order.

    Raises :class:`SinkError` for the first failure. The folder is not changed, so if it stays, as
    ``resumable`` says, a resumed run delivers all of it again: sinks must tell frames apart by
    their keys.
    """
    if not sinks:
        return
    try:
        with Record.open(folder) as record:
            for update in kept_updates(record):
                for sink in sinks:
                    sink.apply(update)
    except SinkError as error:
        if not resumable:
            raise
        raise SinkError(
            f"{error}. The frames are stored in {folder}; resume the run to deliver them again"
        ) from error


def kept_updates(record: Record) -> Iterator[SelectionUpdate]:
    """Yield an update for each frame that a run keeps, in stream order, with its stored picture.

    Memory: that of one picture, and of a row per kept frame.
    """
    pictures = {kept.key: kept.picture for kept in record.kept()}
    changes = {
        change.key: change
        for change in record.changes()
        if change.kind == "kept" and change.key in pictures
    }
    with closing(record.candidates()) as candidates:
        for candidate in candidates:
            key = candidate.frame.key
            if key in pictures:
                picture = _read(record.folder, pictures[key])
                yield SelectionUpdate("", (), (_kept(candidate, changes[key], picture),))


def _kept(candidate: Candidate, change: Change, picture: EncodedPicture | None) -> Kept:
    return Kept(
        replace(candidate.frame, picture=Picture(None, encoded=picture)),
        change.distance,
        change.other,
        change.threshold or 0.0,
        change.reason,
        candidate.embedding,
    )


def _read(folder: Path, stored: StoredPicture | None) -> EncodedPicture | None:
    if stored is None:
        return None
    try:
        content = (folder / stored.path).read_bytes()
    except OSError as error:
        raise SinkError(f"{folder / stored.path}: cannot be read: {error.strerror}") from error
    return EncodedPicture(content, stored.width, stored.height)


def _wanted(written: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return the options of each plug-in by its name."""
    wanted: dict[str, dict[str, str]] = {}
    for text in written:
        name, options = _name_and_options(text)
        if name in wanted:
            raise ConfigurationError(f"sink {name!r} is given twice")
        wanted[name] = options
    return wanted


def _name_and_options(text: str) -> tuple[str, dict[str, str]]:
    """Split ``NAME KEY=VALUE ...``, quoted as in a shell, with ``${NAME}`` of the environment.

    What is secret is masked from now on, as in a configuration; errors contain no values.
    """
    try:
        name, *rest = shlex.split(text)
    except ValueError:
        raise ConfigurationError(
            "a sink is written as NAME KEY=VALUE ..., with quotes around a value that has spaces"
        ) from None
    options: dict[str, str] = {}
    nodes: dict[str, ConfigNode] = {}
    for part in rest:
        key, equals, value = part.partition("=")
        if not equals or not key.isidentifier() or key in options:
            raise ConfigurationError(
                f"sink {name!r}: its options are written as KEY=VALUE, each once"
            )
        try:
            options[key] = fill_in(value, os.environ)
        except ConfigurationError as error:
            raise ConfigurationError(f"sink {name!r}: {key}: {error}") from None
        nodes[key] = ConfigNode(options[key], _ORIGIN, raw=value)
    for place in (name, "plugins", "sinks"):
        nodes = {place: ConfigNode(nodes, _ORIGIN)}
    register_secrets(ConfigNode(nodes, _ORIGIN), os.environ)
    return name, options
