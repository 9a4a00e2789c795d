"""When recordings were taken, by their metadata and their names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streamsel.sources.recorded import recorded_at, time_in_name

MOMENT = datetime(2026, 11, 22, 10, 15, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "name",
    [
        "20261122_101530.mp4",
        "20261122101530.mp4",
        "20261122T101530Z.mp4",
        "2026-11-22_10-15-30.mkv",
        "2026-11-22 10.15.30.mov",
        "2026-11-22T11:15:30+0100.ts",
        "20261122T051530-05:00_gate.ts",
        "2026_1122_101530_F.MP4",
        "VID_20261122_101530.mp4",
        "VID-20261122-101530.3gp",
        "IMG_20261122_101530_1.jpg",
        "DJI_20261122101530_0001_D.MP4",
        "Screenrecording_20261122-101530.mp4",
        "WhatsApp Video 2026-11-22 at 10.15.30.mp4",
        "REC_2026-11-22_10h15m30s.avi",
        "gate_01_20261122101530_20261122102030.dav",
        "20260230_101530_20261122_101530.mp4",
    ],
)
def test_stamps_in_names(name: str) -> None:
    assert time_in_name(name) == MOMENT


@pytest.mark.parametrize(
    ("name", "after"),
    [
        ("PXL_20261122_101530250.mp4", 0.25),
        ("20261122T101530.123456Z_gate-000007.jpg", 0.123456),
        ("Screenrecorder-2026-11-22-10-15-30-123.mp4", 0.123),
    ],
)
def test_parts_of_a_second(name: str, after: float) -> None:
    assert time_in_name(name) == pytest.approx(MOMENT + after, abs=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "walk.mp4",
        "GOPR0123.MP4",
        "GX010123.MP4",
        "IMG-20261122-WA0001.jpg",
        "20261345_101530.mp4",
        "20260230_101530.mp4",
        "20261122_251530.mp4",
        "1234567890123456.mp4",
        "19800101_000012.mp4",
        "video-1795342530.mp4",
    ],
)
def test_names_without_a_time(name: str) -> None:
    assert time_in_name(name) is None


def test_metadata_goes_before_the_name_and_the_container_before_the_stream() -> None:
    name = "/v/20200101_000000.mp4"
    created = {"creation_time": "2026-11-22T10:15:30.000000Z"}
    assert recorded_at(name, created, {"creation_time": "2021-01-01T00:00:00Z"}) == MOMENT
    assert recorded_at(name, {}, created) == MOMENT
    phone = {"com.apple.quicktime.creationdate": "2026-11-22T11:15:30+0100"}
    assert recorded_at(name, {"creation_time": "2026-11-22T10:20:00Z"} | phone) == MOMENT
    for unset in ("1904-01-01T00:00:00.000000Z", "1970-01-01T00:00:00Z", "yesterday", ""):
        assert recorded_at("VID_20261122_101530.mp4", {"creation_time": unset}) == MOMENT
    assert recorded_at("walk.mp4", {}) is None
