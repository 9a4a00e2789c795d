"""HEVC."""

from __future__ import annotations

from tests.conformance.kind import kind

X265 = "-c:v libx265 -preset ultrafast -g 12 -pix_fmt yuv420p -x265-params"
QUIET = "log-level=none:pools=none:frame-threads=1:keyint=12:min-keyint=6:scenecut=0"
CLOSED = f"{X265} {QUIET}:bframes=3:open-gop=0"
OPEN = f"{X265} {QUIET}:bframes=3:open-gop=1"

KINDS = (
    kind("hevc-closed.mp4", CLOSED),
    kind("hevc-closed.mkv", CLOSED),
    kind("hevc-open.mp4", OPEN),
    kind("hevc-open.mkv", OPEN),
    kind("hevc-open.ts", OPEN),
    kind("hevc-hvc1.mov", f"{OPEN} -tag:v hvc1"),
    kind("hevc-no-b.hevc", f"{X265} {QUIET}:bframes=0"),
    kind("hevc-b.hevc", OPEN),
    kind("hevc-refresh.mkv", f"{X265} {QUIET}:intra-refresh=1:bframes=0"),
    kind("hevc-temporal.mp4", f"{X265} {QUIET}:bframes=3:temporal-layers=1"),
    kind("hevc-radl.mkv", f"{X265} {QUIET}:bframes=3:radl=2:open-gop=0"),
    kind("hevc-headers.mp4", f"{X265} {QUIET}:bframes=3:repeat-headers=1:aud=1"),
    kind("hevc-fields.mkv", f"{X265} {QUIET}:bframes=0:interlace=tff"),
    kind("hevc-lossless.mkv", f"{OPEN}:lossless=1"),
    kind("hevc-444.mkv", f"{OPEN} -pix_fmt yuv444p"),
    kind("hevc-gray.mkv", f"{OPEN} -pix_fmt gray"),
    kind("hevc-10.mp4", f"{OPEN} -pix_fmt yuv420p10le"),
    kind("hevc-422-12.mkv", f"{OPEN} -pix_fmt yuv422p12le"),
    kind("hevc-pyramid.mp4", f"{X265} {QUIET}:bframes=4:b-adapt=0:b-pyramid=1:open-gop=0"),
)
