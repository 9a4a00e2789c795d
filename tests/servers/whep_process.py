"""The WHEP server that tests run in a process of its own, under the system's Python, which has gi.

Its only argument is a JSON object that says where to listen and what to want (see
``tests.servers.whep``); it says ``READY port`` on stdout once it listens, and then a line for each
session that begins or ends. The video is made by GStreamer and sent by its webrtcbin.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import gi

gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

ENCODERS = {
    "VP8": "vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay name=pay picture-id-mode=2",
    "H264": "x264enc tune=zerolatency speed-preset=veryfast key-int-max=30 ! "
    "video/x-h264,profile=constrained-baseline ! rtph264pay name=pay config-interval=-1",
}
SDP = "application/sdp"
PATIENCE_SECONDS = 5.0


def payload_of(offer: str, codec: str) -> tuple[int, str]:
    """The number that an offer gives a codec, and what else it says of it, as caps."""
    numbers = [int(n) for n in re.findall(rf"a=rtpmap:(\d+) {codec}/90000", offer)]
    for number in numbers:
        parameters = dict(
            part.split("=", 1)
            for line in re.findall(rf"a=fmtp:{number} (\S+)", offer)
            for part in line.split(";")
            if "=" in part
        )
        if codec == "VP8":
            return number, ""
        profile = parameters.get("profile-level-id", "")
        if parameters.get("packetization-mode") == "1" and profile.startswith("42e0"):
            return number, f",profile-level-id=(string){profile}"
    raise ValueError(f"the offer has no {codec}")


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)


def answer_to(offer: str, codec: str) -> tuple[Gst.Pipeline, str]:
    """Start to send, and return the answer."""
    number, more = payload_of(offer, codec)
    caps = (
        f"application/x-rtp,media=video,encoding-name={codec},clock-rate=90000,payload={number}"
        f"{more}"
    )
    # What is sent must be named exactly as it was offered, or webrtcbin sends nothing.
    pipeline = Gst.parse_launch(
        "videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=25/1 "
        f'! {ENCODERS[codec]} pt={number} ! capssetter caps="{caps}" '
        "! webrtcbin name=peer bundle-policy=max-bundle"
    )
    peer = pipeline.get_by_name("peer")
    pipeline.set_state(Gst.State.PLAYING)
    transceiver = peer.emit("get-transceiver", 0)
    transceiver.set_property("codec-preferences", Gst.Caps.from_string(caps))
    transceiver.set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    # Before it knows what comes, the offer would be answered with nothing to send.
    (pad,) = peer.sinkpads
    until(lambda: pad.get_current_caps() is not None, "the encoder gives nothing")
    _, message = GstSdp.SDPMessage.new_from_text(offer)
    kind = GstWebRTC.WebRTCSDPType
    described = GstWebRTC.WebRTCSessionDescription.new(kind.OFFER, message)
    peer.emit("set-remote-description", described, Gst.Promise.new())

    def take(promise: Gst.Promise, *_: object) -> None:
        reply = promise.get_reply()  # the answer is a part of it
        peer.emit("set-local-description", reply.get_value("answer"), Gst.Promise.new())

    peer.emit("create-answer", None, Gst.Promise.new_with_change_func(take))
    complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
    until(lambda: peer.get_property("ice-gathering-state") == complete, "no candidates")
    return pipeline, peer.get_property("local-description").sdp.as_text()


class Handler(BaseHTTPRequestHandler):
    """Answers by path: ``/VP8`` and ``/H264`` send; the others answer as bad servers do."""

    plan: ClassVar[dict[str, str]] = {}
    sessions: ClassVar[dict[str, Gst.Pipeline]] = {}

    def do_POST(self) -> None:
        """Begin a session."""
        offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
        codec = self.path[1:]
        if self.headers.get("Authorization") != self.plan["authorization"]:
            self.reply(401, "text/plain", "no")
        elif codec in ENCODERS:
            pipeline, answer = answer_to(offer, codec)
            place = f"/session/{len(self.sessions) + 1}"
            self.sessions[place] = pipeline
            print("BEGUN", place, flush=True)
            self.reply(201, SDP, answer, Location=place)
        elif self.path == "/silent":
            threading.Event().wait()
        elif self.path == "/elsewhere":
            self.reply(307, "text/plain", "", Location="/VP8")
        elif self.path == "/page":
            self.reply(201, "text/html", "<p>hello")
        elif self.path == "/nonsense":
            self.reply(201, SDP, "v=0\r\nhello\r\n")
        elif self.path == "/endless":
            self.reply(201, SDP, "v=0\r\n" + "a=x\r\n" * 100_000)
        else:
            self.reply(404, "text/plain", "no such stream")

    def do_DELETE(self) -> None:
        """End a session."""
        pipeline = self.sessions.get(self.path)
        if pipeline is not None:
            pipeline.set_state(Gst.State.NULL)
        print("ENDED", self.path, flush=True)
        self.reply(200 if pipeline is not None else 404, "text/plain", "")

    def reply(self, status: int, kind: str, body: str, **headers: str) -> None:
        """Send an answer."""
        content = body.encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": kind}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing of single requests."""


def main() -> None:
    """Serve until killed."""
    Gst.init(None)
    Handler.plan.update(json.loads(sys.argv[1]))
    ThreadPoolExecutor(1).submit(GLib.MainLoop().run)
    server = ThreadingHTTPServer((Handler.plan["host"], 0), Handler)
    print("READY", server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
