"""Tells the addresses of plug-ins, ``NAME:REST``, from those that are read here."""

from __future__ import annotations

import re

LIVE_SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtmpt", "srt", "udp", "rtp")
"""Schemes of addresses that ffmpeg reads as a live feed."""

_WRAPPED = ("whip", "whep+http", "whep+https", "snapshot+http", "snapshot+https")
OWN_SCHEMES = (*LIVE_SCHEMES, *_WRAPPED, "file", "usb", "tcp")
"""Schemes that plug-ins cannot have as their names."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):.")


def plugin_of(source: str) -> str | None:
    """Return the name of the plug-in that reads an address; None if it is read here.

    >>> plugin_of("pylon:22345678"), plugin_of("rtsp://10.0.0.4/main"), plugin_of("/dev/video0")
    ('pylon', None, None)
    """
    found = _SCHEME.match(source)
    scheme = found[1].lower() if found else None
    return None if scheme in OWN_SCHEMES else scheme
