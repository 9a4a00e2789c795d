"""HDR to SDR tone mapping: the curve of Report ITU-R BT.2390, from 1,000 to 203 cd/m2.

PQ and HLG cover more light than a JPEG can. Code values are converted to light (Recommendation
ITU-R BT.2100-2, tables 4 and 5), and the EETF of Report ITU-R BT.2390-11, section 5.4.1, is applied
to each channel. Primaries of BT.2020 are converted to BT.709 (Report ITU-R BT.2407), and the result
is coded for SDR displays (Recommendation ITU-R BT.1886). SDR white is 203 cd/m2, the HDR reference
white of Report ITU-R BT.2408. Light above 1,000 cd/m2, the usual mastering peak, becomes white.
Light below 88 cd/m2 is unchanged.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, TypeAlias

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorPrimaries, ColorTrc

Hdr: TypeAlias = Literal["pq", "hlg"]
Light: TypeAlias = npt.NDArray[np.float32]
Small: TypeAlias = npt.NDArray[np.uint8]

_TRANSFERS: dict[int, Hdr] = {ColorTrc.SMPTE2084: "pq", ColorTrc.ARIB_STD_B67: "hlg"}
_PEAK, _WHITE = 1000.0, 203.0  # cd/m2
_SYSTEM_GAMMA = 1.2  # of HLG on a display of 1,000 cd/m2
_DISPLAY_GAMMA = 2.4
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
_TO_BT709 = np.array(
    [
        [1.6604910, -0.5876411, -0.0728499],
        [-0.1245505, 1.1328999, -0.0083494],
        [-0.0181508, -0.1005789, 1.1187297],
    ],
    np.float32,
)
_STEPS = 1 << 14
_ROWS_AT_ONCE = 64  # a strip fits into the processor's cache


def hdr_of(image: av.VideoFrame) -> Hdr | None:
    """Return the transfer curve of an HDR picture; None if it is not HDR."""
    return _TRANSFERS.get(image.color_trc)


def to_sdr(rgb: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], image: av.VideoFrame) -> Small:
    """Tone-map full-range R'G'B' (H, W, 3), in the picture's own curve and primaries, to 8 bits.

    ``image`` has the tags of the numbers, and may have any size; it must be HDR. Cost: about 60 ms
    for 1080p.
    """
    hdr = _TRANSFERS[image.color_trc]
    light, coded = _light(hdr, rgb.dtype == np.uint16), _coded()
    is_wide = image.color_primaries != ColorPrimaries.BT709
    out = np.empty(rgb.shape, np.uint8)
    for top in range(0, len(rgb), _ROWS_AT_ONCE):
        strip = light[rgb[top : top + _ROWS_AT_ONCE]]
        if hdr == "hlg":
            strip *= ((strip @ _LUMINANCE) ** (_SYSTEM_GAMMA - 1))[:, :, None]
            strip = _rolled_off()[_places(strip)]
        if is_wide:
            strip = strip @ _TO_BT709.T
        out[top : top + _ROWS_AT_ONCE] = coded[_places(strip)]
    return out


def _places(light: Light) -> npt.NDArray[np.uint16]:
    """Return table positions of light in 0..1, by its square root, which is finer in the dark."""
    places: npt.NDArray[np.float32] = np.rint(np.sqrt(light.clip(0, 1)) * (_STEPS - 1))
    return places.astype(np.uint16)


@lru_cache(maxsize=4)
def _light(hdr: Hdr, is_deep: bool) -> Light:
    """Return the light of each code value: of the scene for HLG, of the SDR display for PQ."""
    codes = np.linspace(0, 1, 1 << (16 if is_deep else 8))
    if hdr == "pq":
        return _roll_off(_pq_to_light(codes))
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(codes <= 0.5, codes**2 / 3, (np.exp((codes - c) / a) + b) / 12)
    return scene.astype(np.float32)


@lru_cache(maxsize=1)
def _rolled_off() -> Light:
    """Return the table from light of an HDR display (1: its peak) to light of the SDR display."""
    return _roll_off(np.linspace(0, 1, _STEPS) ** 2 * _PEAK)


def _roll_off(light: npt.NDArray[np.float64]) -> Light:
    """Apply the EETF: cd/m2 of the HDR display to light of the SDR display (1: its white)."""
    most = _light_to_pq(np.array(_PEAK))
    code = _light_to_pq(light.clip(0, _PEAK)) / most
    white = _light_to_pq(np.array(_WHITE)) / most
    knee = 1.5 * white - 0.5
    t = (code - knee) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (3 * t**2 - 2 * t**3) * white
    )
    rolled = _pq_to_light(np.where(code < knee, code, spline) * most) / _WHITE
    return rolled.clip(0, 1).astype(np.float32)


@lru_cache(maxsize=1)
def _coded() -> Small:
    """Return the table from light (1: white) to SDR code values."""
    light = np.linspace(0, 1, _STEPS) ** 2
    return np.rint(light ** (1 / _DISPLAY_GAMMA) * 255).astype(np.uint8)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_to_light(code: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert code values in 0..1 to cd/m2."""
    root = code ** (1 / _M2)
    return 10_000 * (np.maximum(root - _C1, 0) / (_C2 - _C3 * root)) ** (1 / _M1)


def _light_to_pq(light: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    power = (light / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
