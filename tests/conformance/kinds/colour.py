"""Colours, depth, transparency, shape of pixels, rotation: what is told beside the pixels."""

from __future__ import annotations

from tests.conformance.kind import kind
from tests.conformance.kinds.h264 import X264
from tests.conformance.kinds.hevc import OPEN

_MATRIX = "-bsf:v h264_metadata=matrix_coefficients="
_PQ = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"
_HLG = "-color_primaries bt2020 -color_trc arib-std-b67 -colorspace bt2020nc"

KINDS = (
    kind("bt709.mp4", f"{X264} -colorspace bt709 -color_primaries bt709 -color_trc bt709"),
    kind("bt2020.mp4", f"{X264} -colorspace bt2020nc -color_primaries bt2020 -color_trc bt709"),
    kind("full-range.mp4", f"{X264} -pix_fmt yuvj420p"),
    *(kind(f"matrix-{number}.mp4", f"{X264} -bf 2 {_MATRIX}{number}") for number in (10, 14, 17)),
    kind("pq.mp4", f"{OPEN} -pix_fmt yuv420p10le {_PQ}"),
    kind("hlg.mkv", f"{OPEN} -pix_fmt yuv420p10le {_HLG}"),
    kind("wide-pixels.mp4", f"{X264} -bf 2 -vf setsar=16/11"),
    kind("wide-pixels.ts", f"{X264} -bf 2 -vf setsar=4/3"),
    *(
        kind(
            f"rotated-{degrees}.mp4",
            f"{X264} -bf 2 -vf {turn}",
            remux=f"-i {{file}} -c copy -metadata:s:v rotate={degrees}",
        )
        # Turned the other way before, so that they stand upright when shown.
        for degrees, turn in (
            (90, "transpose=clock"),
            (180, "hflip,vflip"),
            (270, "transpose=cclock"),
        )
    ),
)
