"""Streams that were put together: other sizes, other parameters, clocks that begin anew."""

from __future__ import annotations

from tests.conformance.kind import Part, joined
from tests.conformance.kinds.h264 import OPEN, X264
from tests.conformance.kinds.hevc import OPEN as HEVC_OPEN
from tests.conformance.kinds.mpeg import MPEG2
from tests.conformance.kinds.vpx import VP9

_CLOSED = f"{X264} -bf 2"
_OTHER = f"{X264} -bf 0 -x264-params ref=4:cabac=0:8x8dct=0"
_PLAIN, _SMALL = Part(_CLOSED), Part(_CLOSED, frames=30, size=(48, 32))
_LARGE = Part(_CLOSED, frames=30, size=(160, 96))

KINDS = (
    joined("joined-same.ts", _PLAIN, _PLAIN),
    joined("joined-open.ts", Part(f"{X264} {OPEN}"), Part(f"{X264} {OPEN}")),
    joined("joined-sizes.ts", _PLAIN, _SMALL, _LARGE, _PLAIN),
    joined("joined-parameters.ts", _PLAIN, Part(_OTHER), _PLAIN),
    joined("joined-depths.ts", _PLAIN, Part(f"{_CLOSED} -pix_fmt yuv420p10le"), _PLAIN),
    joined("joined-fields.ts", _PLAIN, Part(f"{_CLOSED} -flags +ildct+ilme"), _PLAIN),
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
