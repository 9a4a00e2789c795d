"""The RTSP server that tests run in a process of its own, under the system's Python, which has gi.

Its only argument is a JSON object that says what to serve (see ``tests.servers.rtsp``); it says
``READY port`` on stdout once it listens. Videos are served at their own speed and not encoded
again. Each client has a pipeline of its own, which begins with the first access unit.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NamedTuple

from gi.repository import Gio, GLib, Gst, GstApp, GstRtsp, GstRtspServer

_IN_UNITS = "stream-format=byte-stream,alignment=au"
_CODECS = {
    "h264": ("h264parse config-interval=-1", f"video/x-h264,{_IN_UNITS}", "rtph264pay"),
    "hevc": ("h265parse config-interval=-1", f"video/x-h265,{_IN_UNITS}", "rtph265pay"),
    "mjpeg": ("jpegparse", "image/jpeg,parsed=true", "rtpjpegpay"),
}
_QUEUED_BYTES = 64 << 20
_CLEANING_MS = 500


class Unit(NamedTuple):
    """What the decoder takes at once: its content, and when it is shown, in ns from the first."""

    content: bytes
    shown: int


class Film(NamedTuple):
    """The units of some files, one after another, and how long they last, in ns."""

    units: list[Unit]
    lasts: int


def load(files: list[str], codec: str) -> Film:
    """Take files of one codec apart."""
    units, lasts = [], 0
    for file in files:
        contents = [sample.get_buffer() for sample in take_apart(file, codec)]
        first, last = contents[0].pts, contents[-1].pts
        for content in contents:
            shown = lasts + content.pts - first
            units.append(Unit(content.extract_dup(0, content.get_size()), shown))
        lasts += (last - first) * len(contents) // max(1, len(contents) - 1)
    return Film(units, lasts)


def take_apart(file: str, codec: str) -> list[Gst.Sample]:
    """Read a file's access units."""
    parser, caps, _ = _CODECS[codec]
    pipeline = Gst.parse_launch(
        f"filesrc name=file ! parsebin ! {parser} ! "
        f'appsink name=units sync=false wait-on-eos=false caps="{caps}"'
    )
    pipeline.get_by_name("file").set_property("location", file)
    units = pipeline.get_by_name("units")
    pipeline.set_state(Gst.State.PLAYING)
    ended = Gst.MessageType.EOS | Gst.MessageType.ERROR
    pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, ended)
    samples = list(iter(lambda: units.try_pull_sample(0), None))
    pipeline.set_state(Gst.State.NULL)
    if not samples:
        sys.exit(f"{file}: cannot be served as {codec}")
    return samples


class Showing:
    """Pushes a film's units into one pipeline, each when its turn has come."""

    def __init__(self, source: GstApp.AppSrc, film: Film, repeats: bool) -> None:
        self._source = source
        self._film = film
        self._repeats = repeats
        self._next = 0
        self._made = self._began = GLib.get_monotonic_time()
        # The session is described by a unit; the server drops what comes before the client plays.
        self._push(film.units[0].content, 0)

    def begin(self, *_: object) -> None:
        """The client plays: show it from the beginning."""
        if self._next == 0:
            self._began = GLib.get_monotonic_time()
            self.go_on()

    def go_on(self) -> bool:
        """Push all that is due, and be called again when more is."""
        units, lasts = self._film.units, self._film.lasts
        while self._repeats or self._next < len(units):
            unit = units[self._next % len(units)]
            shown = unit.shown + self._next // len(units) * lasts
            wait_us = shown // 1000 - (GLib.get_monotonic_time() - self._began)
            if wait_us > 0:
                GLib.timeout_add(wait_us // 1000 + 1, self.go_on)
                return bool(GLib.SOURCE_REMOVE)
            if not self._push(unit.content, shown + 1000 * (self._began - self._made)):
                return bool(GLib.SOURCE_REMOVE)  # the client has left
            self._next += 1
        self._source.end_of_stream()
        return bool(GLib.SOURCE_REMOVE)

    def _push(self, content: bytes, time: int) -> bool:
        unit = Gst.Buffer.new_wrapped(content)
        unit.pts = unit.dts = time
        return bool(self._source.push_buffer(unit) == Gst.FlowReturn.OK)


def make_factory(files: list[str], codec: str, repeats: bool) -> GstRtspServer.RTSPMediaFactory:
    """Serve these files to each client from the beginning."""
    film = load(files, codec)
    parser, caps, payloader = _CODECS[codec]
    size = ",width=1,height=1" if codec == "mjpeg" else ""
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( appsrc name=units is-live=true format=time max-bytes={_QUEUED_BYTES} "
        f'caps="{caps}{size}" ! {parser} ! {payloader} name=pay0 pt=96 )'
    )

    def configure(_: object, media: GstRtspServer.RTSPMedia) -> None:
        source = media.get_element().get_by_name_recurse_up("units")
        media.connect("new-state", Showing(source, film, repeats).begin)

    factory.connect("media-configure", configure)
    return factory


def make_auth(plan: dict[str, Any]) -> GstRtspServer.RTSPAuth:
    """Ask for a password, encrypt, or both."""
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if plan["user"] is None:
        auth.set_default_token(token)
    elif plan["digest"]:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(plan["user"], plan["password"], token)
    else:
        secret = GstRtspServer.RTSPAuth.make_basic(plan["user"], plan["password"])
        auth.add_basic(secret, token)
    if plan["certificate"] is not None:
        pair = Gio.TlsCertificate.new_from_files(plan["certificate"], plan["key"])
        auth.set_tls_certificate(pair)
    return auth


def main(plan: dict[str, Any]) -> None:
    """Serve until killed."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(plan["host"])
    server.set_service(str(plan["port"]))
    is_guarded = plan["user"] is not None or plan["certificate"] is not None
    for path, (files, codec, repeats) in plan["mounts"].items():
        factory = make_factory(files, codec, repeats)
        if is_guarded:
            factory.set_permissions(viewer_permissions())
        server.get_mount_points().add_factory(path, factory)
    if is_guarded:
        server.set_auth(make_auth(plan))
    if not server.attach(None):
        sys.exit("cannot listen")

    def clean() -> bool:
        server.get_session_pool().cleanup()
        return bool(GLib.SOURCE_CONTINUE)

    GLib.timeout_add(_CLEANING_MS, clean)
    print(f"READY {server.get_bound_port()}", flush=True)
    GLib.MainLoop().run()


def viewer_permissions() -> GstRtspServer.RTSPPermissions:
    """What whoever has the token of ``make_auth`` may do."""
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_role("viewer")
    for name in ("media.factory.access", "media.factory.construct"):
        permissions.add_permission_for_role("viewer", name, True)
    return permissions


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
