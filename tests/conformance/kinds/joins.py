"""Recordings: put together with other parameters and clocks, or begun within a group."""

from __future__ import annotations

from tests.conformance.alter import from_within
from tests.conformance.kind import FRAMES, Part, joined, kind
from tests.conformance.kinds.h264 import CLOSED, COPIED, OPEN, X264
from tests.conformance.kinds.hevc import CLOSED as HEVC_CLOSED
from tests.conformance.kinds.hevc import OPEN as HEVC_OPEN
from tests.conformance.kinds.mpeg import MPEG2
from tests.conformance.kinds.vpx import VP9

_OTHER = f"{X264} -bf 0 -x264-params ref=4:cabac=0:8x8dct=0"
_PLAIN, _SMALL = Part(CLOSED), Part(CLOSED, frames=30, size=(48, 32))
_LARGE = Part(CLOSED, frames=30, size=(160, 96))
_BT709 = Part(f"{CLOSED} -colorspace bt709 -color_primaries bt709 -color_trc bt709")

KINDS = (
    *(
        kind(
            f"within-{name}",
            encode,
            alter=from_within(0.3),
            shown=range(first, FRAMES),
            clean=clean,
        )
        for name, encode, first, clean in (
            ("closed.ts", CLOSED, 24, True),
            ("open.ts", f"{X264} {OPEN}", 24, True),
            ("refresh.ts", f"{X264} -x264-params intra-refresh=1:bframes=0", 28, True),
            ("hevc.ts", HEVC_CLOSED, 24, True),
            ("mpeg2.ts", f"{MPEG2} -bf 2", 24, True),
            ("mpeg2.mpg", f"{MPEG2} -bf 2", 24, False),
            ("closed.h264", f"{X264} -bf 0", 24, True),
            ("open.hevc", HEVC_OPEN, 12, True),
        )
    ),
    joined("joined-same.ts", _PLAIN, _PLAIN),
    joined("joined-late-first.ts", Part(f"{CLOSED} -output_ts_offset 100"), _PLAIN),
    joined("joined-late-last.ts", _PLAIN, Part(f"{CLOSED} -output_ts_offset 100")),
    joined("joined-open.ts", Part(f"{X264} {OPEN}"), Part(f"{X264} {OPEN}")),
    joined("joined-sizes.ts", _PLAIN, _SMALL, _LARGE, _PLAIN),
    joined("joined-parameters.ts", _PLAIN, Part(_OTHER), _PLAIN),
    joined("joined-depths.ts", _PLAIN, Part(f"{CLOSED} -pix_fmt yuv420p10le"), _PLAIN),
    joined("joined-fields.ts", _PLAIN, Part(f"{CLOSED} -flags +ildct+ilme"), _PLAIN),
    joined("joined-colours.ts", _PLAIN, _BT709, _PLAIN),
    joined("joined-colours.h264", _PLAIN, _BT709, _PLAIN),
    joined("joined-colours.mkv", _PLAIN, _BT709, _PLAIN, intermediate=".ts", remux=COPIED),
    joined("joined-same.h264", _PLAIN, _PLAIN),
    joined("joined-sizes.h264", _PLAIN, _SMALL, _PLAIN),
    joined("joined-parameters.flv", _PLAIN, Part(_OTHER), _PLAIN, join="flv"),
    joined("joined-sizes.flv", _PLAIN, Part(_OTHER, size=(128, 96)), _PLAIN, join="flv"),
    joined("joined-hevc.hevc", Part(HEVC_OPEN), Part(HEVC_OPEN)),
    joined("joined-hevc.ts", Part(HEVC_OPEN), Part(HEVC_OPEN, size=(128, 96))),
    joined("joined-mpeg2.ts", Part(f"{MPEG2} -bf 2"), Part(f"{MPEG2} -bf 2")),
    joined("joined-mpeg2.mpg", Part(f"{MPEG2} -bf 2"), Part(f"{MPEG2} -bf 2")),
    joined("joined-copied.mp4", _PLAIN, Part(_OTHER), join="copy"),
    joined("joined-copied.mkv", _PLAIN, Part(_OTHER), join="copy"),
    joined("joined-vp9.ivf", Part(VP9), Part(VP9, size=(64, 64)), join="copy"),
    joined(
        "joined-mjpeg.mjpeg", Part("-c:v mjpeg -q:v 4"), Part("-c:v mjpeg -q:v 4", size=(64, 48))
    ),
)
