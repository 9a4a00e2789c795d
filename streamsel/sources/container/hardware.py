"""Hardware decoders: which ones this build has, and whether one can decode a video."""

from __future__ import annotations

import av
from av.codec.hwaccel import HWAccel, hwdevices_available

from streamsel.errors import ConfigurationError
from streamsel.sources.container.opening import DecoderOptions, open_as_it_is, reason
from streamsel.sources.inputs import is_url

_ANY = "auto"
_PREFERRED = ("cuda", "videotoolbox", "vaapi", "d3d11va", "qsv", "amf", "vulkan")


def check_device(name: str) -> None:
    """Raise :class:`ConfigurationError` for a hardware type unknown to this build."""
    known = hwdevices_available()
    if name not in (_ANY, *known):
        raise ConfigurationError(
            f"hwaccel is {name!r}; this build of PyAV has {', '.join([_ANY, *known])}"
        )


def hardware(location: str, options: DecoderOptions) -> tuple[HWAccel | None, str]:
    """Return the hardware decoder for a video, or None and the reason.

    A local video is opened once per hardware type, because a driver reports failures only then. A
    URL is opened once at most, so it is always decoded in software.
    """
    if is_url(location):
        return None, "a URL is opened only once"
    known = hwdevices_available()
    is_any = options.device in (None, _ANY)
    tried = [kind for kind in _PREFERRED if kind in known] if is_any else [str(options.device)]
    refusals = []
    for kind in tried:
        refusal = _refusal(location, kind, options)
        if not refusal:
            return _accelerator(kind, options), ""
        refusals.append(f"{kind}: {refusal}")
    return None, "; ".join(refusals) or "this build of PyAV has no hardware decoder"


def _accelerator(kind: str, options: DecoderOptions) -> HWAccel:
    return HWAccel(
        kind,
        allow_software_fallback=True,
        is_hw_owned=options.stays_there and kind == "cuda",
    )


def _refusal(location: str, kind: str, options: DecoderOptions) -> str:
    """Return why this type cannot decode a video; empty if it can."""
    try:
        with open_as_it_is(location, _accelerator(kind, options)) as container:
            video = container.streams.best("video")
            if video is not None and video.codec_context.is_hwaccel:
                return ""
    except NotImplementedError:
        return "no decoder for its codec"
    except (av.FFmpegError, ValueError, RuntimeError) as error:
        return reason(error)
    return "no decoder for its codec"
