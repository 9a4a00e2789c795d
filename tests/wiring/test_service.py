"""Feeds of a service, as its parts make them from their settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from streamsel.clock import GuardedClock
from streamsel.config.schema import Config
from streamsel.config.settings import FeedSettings
from streamsel.frame import SceneChange, View
from streamsel.scene import SceneState
from streamsel.sinks.service_folder import LiveDiskSink
from streamsel.sources.live.packet_ring import PacketRing
from streamsel.testing import ManualClock
from streamsel.wiring.service import LiveParts
from tests.prefilter.scenes import filmed, run, street
from tests.prefilter.thumbnailers import shown, textured
from tests.sinks.live_streams import frame, judged, opened, verdict


@pytest.fixture
def parts() -> LiveParts:
    """Parts of a service that stores nothing."""
    unused = dict.fromkeys(LiveParts.__dataclass_fields__)
    known = {
        "clips": {},
        "clock": GuardedClock(ManualClock()),
        "embeddings": SimpleNamespace(view=View(8), dim=4),
    }
    made: Callable[..., LiveParts] = LiveParts
    return made(**(unused | known))


def wanted(**options: object) -> list[FeedSettings]:
    config = Config.model_validate({"feeds": {"gate": {"source": "rtsp://gate/main", **options}}})
    return [config.feed("gate")]


def test_a_feed_with_clips_has_a_ring_of_its_packets_until_it_has_none(parts: LiveParts) -> None:
    parts.feeds(wanted(clip={"before": 2, "after": 3}))
    order = parts.clips["gate"]
    assert isinstance(order.footage, PacketRing)
    assert (order.before, order.after) == (2.0, 3.0)
    parts.feeds(wanted())
    assert parts.clips == {}


def test_a_feed_is_made_as_its_settings_say(parts: LiveParts) -> None:
    ((feed, _),) = parts.feeds(wanted(enabled=False, down_after="1m", group="yard"))
    assert (feed.name, feed.scope, feed.enabled, feed.down_after) == ("gate", "yard", False, 60.0)
    assert feed.address == "rtsp://gate/main"
    assert feed.media_time == 0.0
    assert feed.reserved > feed.start


def recorded(folder: Path, scene: SceneState) -> LiveDiskSink:
    """The store of a service that starts again; before, the gate's camera showed this scene."""
    sink = opened(folder)
    judgement = verdict(frame(1), "kept")
    prefiltered = judgement.candidate.prefiltered
    state = replace(prefiltered.state, scene=scene)
    candidate = replace(judgement.candidate, prefiltered=replace(prefiltered, state=state))
    sink.apply(judged(replace(judgement, candidate=candidate)))
    sink.close()
    return opened(folder)


@pytest.mark.parametrize(("source", "fixed"), [("rtsp://gate", True), ("rtsp://another", False)])
def test_a_restarted_service_remembers_that_a_camera_is_fixed(
    parts: LiveParts, tmp_path: Path, source: str, fixed: bool
) -> None:
    scene = run(filmed(lambda at: street(), 25))[-1]
    assert scene.fixed
    store = recorded(tmp_path, scene)
    ((feed, _),) = replace(parts, store=store).feeds(wanted(source=source))
    (seen,) = shown([textured(1)])
    assert feed.open_prefilter().check(seen).change == SceneChange(0.0, fixed)
    store.close()
