"""Colours, depth, transparency, shape of pixels, rotation: the metadata of pictures."""

from __future__ import annotations

from tests.conformance.kind import kind
from tests.conformance.kinds.h264 import X264
from tests.conformance.kinds.hevc import OPEN

_MATRIX = "-bsf:v h264_metadata=matrix_coefficients="


def _hdr(transfer: str) -> str:
    """Pictures too dim for a tone curve to touch, as HDR."""
    chain = (
        "lutyuv=y=16+(val-16)*0.6:u=128+(val-128)*0.3:v=128+(val-128)*0.3,format=gbrp,"
        "zscale=pin=709:tin=709:min=gbr:rin=full:p=2020:m=2020_ncl:r=limited:npl=203:"
        f"t={transfer},format=yuv420p10le"
    )
    tags = f"-color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc"
    return f"{OPEN} -pix_fmt yuv420p10le -vf {chain} {tags}"


KINDS = (
    kind("bt709.mp4", f"{X264} -colorspace bt709 -color_primaries bt709 -color_trc bt709"),
    kind("bt2020.mp4", f"{X264} -colorspace bt2020nc -color_primaries bt2020 -color_trc bt709"),
    kind("full-range.mp4", f"{X264} -pix_fmt yuvj420p"),
    *(
        kind(f"matrix-{number}.mp4", f"{X264} -bf 2 {_MATRIX}{number}", read_by=nearest)
        for number, nearest in ((8, 6), (10, 9), (12, 2), (14, 9), (17, 6))
    ),
    kind("pq.mp4", _hdr("smpte2084")),
    kind("hlg.mkv", _hdr("arib-std-b67")),
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
