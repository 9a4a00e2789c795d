"""The source that a feed's address asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from streamsel.clock import SystemClock
from streamsel.config.schema import Config
from streamsel.config.settings import FeedSettings
from streamsel.errors import ConfigurationError, SourceError
from streamsel.interfaces.sources import LiveSource
from streamsel.runtime.loop_thread import SideLoop
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.plugin import PluginSource
from streamsel.sources.live.snapshots import SnapshotSource
from streamsel.sources.live.watched_file import WatchedFile
from streamsel.sources.masks import Size
from streamsel.sources.webrtc.ingest import Ingest
from streamsel.sources.webrtc.peer import PeerOptions
from streamsel.sources.webrtc.whep import WhepSource
from streamsel.sources.webrtc.whip import WhipSource
from streamsel.wiring.readers import open_areas, open_source
from tests.plugins import install


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    with closing(Ingest(PeerOptions(), SystemClock(), SideLoop("test-webrtc"))) as made:
        yield made


def settings(source: str, **options: object) -> FeedSettings:
    return Config.model_validate({"feeds": {"gate": {"source": source, **options}}}).feed("gate")


def opened(source: str, ingest: Ingest) -> LiveSource:
    return open_source(settings(source), SystemClock(), None, ingest, None, nullcontext())


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://viewer:x@10.0.0.4/main", CameraSource),
        ("https://10.0.0.4/live.m3u8", CameraSource),
        ("snapshot+http://10.0.0.4/now.jpg", SnapshotSource),
        ("whep+https://10.0.0.4/whep", WhepSource),
        ("whip", WhipSource),
        ("file:/videos/walk.mp4?pace=0", WatchedFile),
    ],
)
def test_each_address_has_its_source(ingest: Ingest, source: str, kind: type[LiveSource]) -> None:
    made = opened(source, ingest)
    assert type(made) is kind
    assert made.feed == "gate"


def test_the_plugin_that_an_address_names_reads_it(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="lab"):
        opened("lab:1", ingest)
    code = "def open_it(*given, **options): raise AssertionError('opened')"
    points = {"streamsel.sources": {"lab": "labware:open_it"}}
    install("labware", points, code, tmp_path, monkeypatch)
    assert type(opened("lab:1", ingest)) is PluginSource


def test_masks_in_pixels_are_for_the_pictures_that_were_recorded() -> None:
    in_pixels = {"mask": ["4px,4px,8px,8px:black"]}
    recorded = open_areas(settings("rtsp://gate", **in_pixels), (64, 48))
    assert recorded is not None
    with pytest.raises(SourceError, match="of 64x48"):
        recorded.size.require(Size(32, 24), "gate")
    for unknown in (
        open_areas(settings("rtsp://gate", vf="hflip", **in_pixels), (64, 48)),
        open_areas(settings("rtsp://gate", **in_pixels), None),
    ):
        assert unknown is not None
        unknown.size.require(Size(32, 24), "gate")
    assert open_areas(settings("rtsp://gate"), (64, 48)) is None
