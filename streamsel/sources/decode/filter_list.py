"""Lists ffmpeg filters missing from this build of PyAV, and their replacements.

PyAV's wheels omit filters under the GPL and those that need further libraries.
"""

from __future__ import annotations

import re
from difflib import get_close_matches

from av.filter.filter import filters_available

from streamsel.errors import ConfigurationError

_HARDWARE = re.compile(r"_(?:amf|cuda|d3d11|npp|opencl|qsv|vaapi|videotoolbox|vt|vulkan)$")
INSTEAD = {
    "ass": "",
    "blackframe": "blackdetect; black frames are refused anyway",
    "boxblur": "avgblur or gblur; to hide an area, --mask",
    "colormatrix": "colorspace, or scale=in_color_matrix=...:out_color_matrix=...",
    "coreimage": "",
    "cover_rect": "drawbox; to hide an area, --mask",
    "cropdetect": "bbox",
    "delogo": "removelogo, or drawbox; to hide an area, --mask",
    "derain": "",
    "dnn_classify": "",
    "dnn_detect": "",
    "dnn_processing": "",
    "drawtext": "overlay of a picture with the text: movie=text.png[t];[in][t]overlay",
    "eq": "lutyuv, colorlevels, curves or hue",
    "find_rect": "",
    "frei0r": "",
    "fspp": "deblock",
    "histeq": "normalize",
    "hqdn3d": "atadenoise, nlmeans or fftdnoiz",
    "iccdetect": "",
    "iccgen": "",
    "interlace": "telecine",
    "kerndeint": "yadif or bwdif",
    "lcevc": "",
    "lensfun": "lenscorrection",
    "libplacebo": "tonemap, scale or colorspace",
    "libvmaf": "ssim or psnr",
    "mpdecimate": "decimate; what looks unchanged is refused anyway",
    "mptestsrc": "testsrc2",
    "nnedi": "bwdif or estdif",
    "ocr": "",
    "ocv": "erosion or dilation",
    "owdenoise": "nlmeans or fftdnoiz",
    "perspective": "v360 or remap",
    "phase": "fieldorder or setfield",
    "pp": "deblock",
    "pp7": "deblock",
    "pullup": "fieldmatch,decimate or detelecine",
    "qrencode": "",
    "quirc": "",
    "repeatfields": "detelecine",
    "sab": "bilateral or yaepblur",
    "signature": "",
    "smartblur": "bilateral or unsharp",
    "spp": "deblock",
    "sr": "scale=flags=lanczos",
    "stereo3d": "crop=iw/2:ih:0:0 takes one eye of a picture with two side by side",
    "subtitles": "",
    "super2xsai": "hqx or xbr",
    "tinterlace": "weave, doubleweave or telecine",
    "uspp": "deblock",
    "vaguedenoiser": "nlmeans or fftdnoiz",
    "vidstabdetect": "deshake",
    "vidstabtransform": "deshake",
    "zmq": "sendcmd",
    "zscale": "scale or colorspace",
}
"""Filters in ffmpeg's manual that a build may lack, with their replacement; empty for none."""


def require_filter(name: str) -> None:
    """Raise for an unavailable filter.

    Raises :class:`ConfigurationError` if this build lacks it, ``ValueError`` if ffmpeg does not
    have it at all.

    >>> require_filter("overlay_cuda")
    Traceback (most recent call last):
    streamsel.errors.ConfigurationError: overlay_cuda is missing from this build of PyAV; \
instead: overlay
    """
    if name in filters_available:
        return
    in_software = _HARDWARE.sub("", name)
    if in_software in INSTEAD or in_software != name:
        instead = in_software if in_software in filters_available else INSTEAD.get(in_software)
        advice = f"instead: {instead}" if instead else "it has no equivalent"
        raise ConfigurationError(f"{name} is missing from this build of PyAV; {advice}")
    close = get_close_matches(name, filters_available, 1)
    meant = f"; did you mean {close[0]}?" if close else ""
    raise ValueError(f"there is no filter {name} in ffmpeg{meant}")
