"""Live feeds from a real RTSP server: what comes, how it ends, what it says, what it leaves."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from itertools import islice, pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest

from streamsel.clock import SystemClock
from streamsel.errors import SourceError
from streamsel.frame import Frame
from streamsel.sources.live.camera import CameraSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.live.opening import is_live_address
from tests.servers.broker import certify
from tests.servers.clips import RATE, camera_clip, clip_digests, luma_digest
from tests.servers.namespaces import Namespaces
from tests.servers.proxy import FaultProxy
from tests.servers.rtsp import LOOPBACK, Mount, RtspServer

USER = ("viewer", "canary-right")
WRONG = "canary-wrong"
SHORT = LiveOptions(open_timeout=5, read_timeout=1.5)
LOST_SECONDS = 6


@pytest.fixture(scope="module")
def clip(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "main.mp4")


@pytest.fixture(scope="module")
def server(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtspServer]:
    """A server that is left in peace: tests that hurt theirs start one of their own."""
    folder = tmp_path_factory.mktemp("server")
    with RtspServer(folder, {"/main": Mount([clip])}) as running:
        yield running


@pytest.fixture
def own_server(clip: Path, tmp_path: Path) -> Iterator[RtspServer]:
    with RtspServer(tmp_path, {"/main": Mount([clip])}) as running:
        yield running


def camera(address: str, options: LiveOptions = SHORT) -> CameraSource:
    return CameraSource("gate", address, options, SystemClock())


def take(source: CameraSource, count: int, start: int = 0, media_time: float = 0.0) -> list[Frame]:
    session = source.session(start, media_time)
    try:
        return list(islice(session, count))
    finally:
        session.close()


def error_of(source: CameraSource, after: Callable[[], object], frames: int = 5) -> SourceError:
    """Read some frames, do something to the server, and read on until that is noticed."""
    session = source.session(0, 0.0)
    assert len(list(islice(session, frames))) == frames
    after()
    with pytest.raises(SourceError) as caught:
        for _ in session:
            pass
    return caught.value


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_are_numbered_and_timed_from_where_the_feed_goes_on(
    server: RtspServer, transport: Any
) -> None:
    options = LiveOptions(transport=transport)
    frames = take(camera(server.url("/main"), options), 30, start=1000, media_time=77.5)

    assert [frame.key.index for frame in frames] == list(range(1000, 1030))
    assert {frame.key.feed for frame in frames} == {"gate"}
    assert frames[0].media_time == 77.5
    assert all(before.media_time < after.media_time for before, after in pairwise(frames))
    assert frames[-1].media_time - 77.5 == pytest.approx(29 / RATE, abs=0.2)
    assert all(frame.wall_time and frame.received is not None for frame in frames)
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}


def test_over_tcp_every_picture_is_one_of_the_file(server: RtspServer, clip: Path) -> None:
    sent = clip_digests(clip)
    frames = take(camera(server.url("/main")), 25)
    assert not any(frame.corrupt for frame in frames)
    seen = [luma_digest(image_of(frame)) for frame in frames]
    assert set(seen) <= sent
    # This server describes a session by its first unit, and may send that one twice.
    assert len(set(seen[1:])) == len(seen) - 1


@pytest.mark.parametrize("digest", [False, True], ids=["basic", "digest"])
def test_a_password_opens_and_is_never_told(
    clip: Path,
    tmp_path: Path,
    digest: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspServer(tmp_path, {"/main": Mount([clip])}, user=USER, digest=digest) as guarded:
        assert take(camera(guarded.url("/main")), 2)
        refused = camera(guarded.url("/main", password=WRONG))
        with pytest.raises(SourceError) as caught:
            take(refused, 1)
    said = capfd.readouterr()
    told = [str(caught.value), repr(caught.value), refused.address, repr(refused), caplog.text]
    told += [*traceback.format_exception(caught.value), said.out, said.err]
    assert "refused" in str(caught.value)
    assert "canary" not in "".join(told)


def test_rtsps_needs_an_authority_that_is_trusted_and_the_right_name(
    clip: Path, tmp_path: Path
) -> None:
    right = certify(tmp_path / "right", LOOPBACK)
    other = certify(tmp_path / "other", LOOPBACK)
    with RtspServer(tmp_path, {"/main": Mount([clip])}, tls=right) as secure:
        address = secure.url("/main")
        assert take(camera(address, LiveOptions(tls_ca_file=right.authority)), 3)
        for options in (LiveOptions(tls_ca_file=other.authority), LiveOptions()):
            with pytest.raises(SourceError, match="trusted"):
                take(camera(address, options), 1)


def test_rtsps_refuses_a_certificate_of_another_host(clip: Path, tmp_path: Path) -> None:
    elsewhere = certify(tmp_path / "elsewhere", "camera.example")
    with RtspServer(tmp_path, {"/main": Mount([clip])}, tls=elsewhere) as secure:
        options = LiveOptions(tls_ca_file=elsewhere.authority)
        with pytest.raises(SourceError, match="trusted"):
            take(camera(secure.url("/main"), options), 1)


def test_a_change_of_resolution_is_followed(ffmpeg: Path, tmp_path: Path) -> None:
    large = camera_clip(ffmpeg, tmp_path / "large.mp4", seconds=1)
    small = camera_clip(ffmpeg, tmp_path / "small.mp4", seconds=1, size=(320, 240))
    with RtspServer(tmp_path, {"/flip": Mount([large, small])}) as flipping:
        frames = take(camera(flipping.url("/flip")), 36)
    widths = [frame.width for frame in frames]
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360), (320, 240)}
    assert sum(before != after for before, after in pairwise(widths)) >= 2
    assert all(image_of(frame).width == frame.width for frame in frames)


def test_a_frozen_server_is_given_up(own_server: RtspServer) -> None:
    error = error_of(camera(own_server.url("/main")), own_server.freeze)
    assert "no answer" in str(error)


def test_a_killed_server_ends_the_session_and_the_next_one_goes_on(
    own_server: RtspServer,
) -> None:
    source = camera(own_server.url("/main"))
    error_of(source, own_server.kill)
    with pytest.raises(SourceError):
        take(source, 1)
    own_server.start()
    assert take(source, 2, start=5)[0].key.index == 5


@pytest.mark.parametrize("fault", ["stall", "reset"])
def test_a_faulty_line_ends_the_session(server: RtspServer, fault: str) -> None:
    with FaultProxy(server.port) as proxy:
        hurt = proxy.reset if fault == "reset" else lambda: proxy.set_mode("stall")
        error_of(camera(f"rtsp://{LOOPBACK}:{proxy.port}/main"), hurt)


def test_a_sender_that_ends_in_good_order_is_a_fault(ffmpeg: Path, tmp_path: Path) -> None:
    brief = camera_clip(ffmpeg, tmp_path / "brief.mp4", seconds=1)
    with RtspServer(tmp_path, {"/once": Mount([brief], repeats=False)}) as ending:
        source = camera(ending.url("/once"))
        with pytest.raises(SourceError):
            take(source, 1000)


def test_stop_ends_a_session_for_good(server: RtspServer) -> None:
    source = camera(server.url("/main"))
    seen = 0
    for _ in source.session(0, 0.0):
        seen += 1
        if seen == 3:
            source.stop()
    assert seen == 3
    assert list(source.session(3, 1.0)) == []


def test_the_tally_counts_over_all_sessions(server: RtspServer) -> None:
    source = camera(server.url("/main"))
    assert source.tally().decoded == 0
    take(source, 10)
    first = source.tally()
    take(source, 10)
    second = source.tally()
    assert first.decoded >= 10
    assert second.decoded >= first.decoded + 10
    assert second.received >= second.decoded
    assert second.damaged == 0


def test_sessions_leave_no_files_open(server: RtspServer, no_open_files_left: None) -> None:
    source = camera(server.url("/main"))
    for number in range(20):
        assert take(source, 1, start=number)[0].key.index == number


@pytest.fixture(scope="module")
def sliced(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return camera_clip(ffmpeg, tmp_path_factory.mktemp("clips") / "sliced.mp4", slices=8)


@pytest.fixture(scope="module")
def lossy(sliced: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Frame]:
    """What comes in ``LOST_SECONDS`` over UDP while the line loses every tenth packet."""
    folder, mounts = tmp_path_factory.mktemp("lossy"), {"/main": Mount([sliced])}
    with (
        Namespaces() as nets,
        RtspServer(folder, mounts, host=nets.server_host, prefix=nets.server_prefix) as far,
        nets.as_client(),
    ):
        session = camera(far.url("/main"), LiveOptions(transport="udp")).session(0, 0.0)
        try:
            begins = next(session).media_time
            nets.lose(0.10)
            due = takewhile(lambda frame: frame.media_time < begins + LOST_SECONDS, session)
            return list(due)
        finally:
            session.close()


def test_over_a_lossy_line_no_damaged_picture_passes_for_a_good_one(
    lossy: list[Frame], sliced: Path
) -> None:
    sent = clip_digests(sliced)
    unmarked = [luma_digest(image_of(frame)) for frame in lossy if not frame.corrupt]
    damaged = sum(digest not in sent for digest in unmarked)
    assert damaged == 0, f"{damaged} of {len(unmarked)} unmarked pictures are damaged"
    assert unmarked
    assert any(frame.corrupt for frame in lossy), "the line lost nothing"


def test_over_a_lossy_line_the_frame_rate_holds(lossy: list[Frame]) -> None:
    assert len(lossy) >= 0.95 * LOST_SECONDS * RATE


def image_of(frame: Frame) -> Any:
    assert frame.picture.image is not None
    return frame.picture.image


@pytest.mark.parametrize("address", ["rtsp://[::1/main", "http://[half"])
def test_an_address_that_is_no_url_is_said(address: str) -> None:
    with pytest.raises(SourceError, match=r"not a valid URL; check it"):
        take(camera(address), 1)


@pytest.mark.parametrize("address", ["/dev/video0", "rtsp://[::1/main", "RTSP://gate/main"])
def test_what_looks_like_a_live_address_is_taken_for_one(address: str) -> None:
    assert is_live_address(address)


@pytest.mark.parametrize("address", ["walk.mp4", "rtsp:", "ftp://gate/main", "folder/[odd"])
def test_what_does_not_is_not(address: str) -> None:
    assert not is_live_address(address)
