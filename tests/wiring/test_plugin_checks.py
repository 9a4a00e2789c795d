"""Plug-ins are looked for where one is named, and imported where it is used."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoints
from pathlib import Path

import pytest

from streamsel.errors import ConfigurationError
from streamsel.wiring.checks import require_buildable
from tests.config.files import loaded
from tests.plugins import install

QUIET = "def open_it(*given, **options): raise AssertionError('opened')"
BROKEN = "raise RuntimeError('imported')"


def test_without_a_plugin_no_package_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def search(group: str) -> EntryPoints:
        raise AssertionError(group)

    monkeypatch.setattr("streamsel.plugins.entry_points", search)
    feeds = "gate: {source: rtsp://10.0.0.4/main}, phone: {source: whip}, usb: {source: usb:0}"
    require_buildable(loaded(tmp_path, f"feeds: {{{feeds}}}"))


def test_a_package_is_imported_only_for_the_plugin_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {
        "streamsel.sources": {"lab": "quiet:open_it"},
        "streamsel.sinks": {"lab": "quiet:open_it"},
        "streamsel.embedders": {"lab": "broken:x"},
    }
    install("quiet", groups, QUIET, tmp_path, monkeypatch)
    others = {"streamsel.sources": {"torn": "broken:x"}, "streamsel.sinks": {"torn": "broken:x"}}
    install("broken", others, BROKEN, tmp_path, monkeypatch)
    good = "feeds: {a: {source: 'lab:1'}}\nsinks: {plugins: {lab: {}}}\n"
    require_buildable(loaded(tmp_path, good))
    assert "broken" not in sys.modules
    with pytest.raises(ConfigurationError) as refused:
        require_buildable(loaded(tmp_path, good.replace("lab", "torn")))
    assert str(refused.value).splitlines() == [
        "sinks.plugins.torn: sink 'torn' of broken 1.0 cannot be loaded: RuntimeError: imported",
        "feeds.a.source: source 'torn' of broken 1.0 cannot be loaded: RuntimeError: imported",
    ]
