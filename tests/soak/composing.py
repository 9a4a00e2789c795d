"""Kinds of stream put together by chance: codec, container, groups, flags, times, joins, cuts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.conformance.alter import from_within
from tests.conformance.kind import Kind, Part

_X265 = "log-level=none:pools=none:frame-threads=1:scenecut=0"
_RATES = ("25", "30", "24000/1001", "30000/1001", "60", "10")
_TRANSPORT = (".ts", ".m2ts")
_EDITABLE = (".mp4", ".mov")


@dataclass(frozen=True)
class Family:
    """A codec: its encoder options, and the containers for it.

    ``is_recorded``: streams of it are joined, and begin within a group, as recordings do. Where
    ``keeps_size``, all that is joined has one size: at another, libav's decoder drops a picture.
    """

    encode: Callable[[random.Random, int], str]
    containers: tuple[str, ...]
    share: int = 1
    is_recorded: bool = False
    keeps_size: bool = False


def _h264(chance: random.Random, group: int) -> str:
    pictures_between = chance.choice((0, 0, 1, 2, 3, 5))
    told = {
        "keyint": group,
        "min-keyint": max(1, group // 2),
        "bframes": pictures_between,
        "b-adapt": chance.choice((0, 1)),
        "ref": chance.choice((1, 2, 4)),
        "slices": chance.choice((1, 1, 3)),
        "scenecut": chance.choice((0, 40)),
        "weightp": chance.choice((0, 2)),
        "cabac": chance.choice((0, 1)),
        "qp": chance.choice((12, 25, 40, 48)),
    }
    refreshes = not pictures_between and chance.random() < 0.3
    told |= {"intra-refresh": 1} if refreshes else {"open-gop": chance.choice((0, 1))}
    pixels = chance.choice(("yuv420p",) * 6 + ("yuv422p", "yuv444p", "yuv420p10le", "gray"))
    fields = " -flags +ildct+ilme" if chance.random() < 0.2 else ""
    return f"-c:v libx264 -preset veryfast -pix_fmt {pixels}{fields} -x264-params {_listed(told)}"


def _hevc(chance: random.Random, group: int) -> str:
    told = {
        "keyint": group,
        "min-keyint": max(1, group // 2),
        "bframes": chance.choice((0, 2, 4)),
        "open-gop": chance.choice((0, 1)),
        "ref": chance.choice((1, 3)),
        "radl": 0,
        "qp": chance.choice((15, 30, 45)),
    }
    pixels = chance.choice(("yuv420p", "yuv420p", "yuv420p10le", "yuv444p"))
    return f"-c:v libx265 -preset ultrafast -pix_fmt {pixels} -x265-params {_X265}:{_listed(told)}"


def _vpx(codec: str) -> Callable[[random.Random, int], str]:
    def encode(chance: random.Random, group: int) -> str:
        hidden = chance.choice((0, 1))
        return (
            f"-c:v {codec} -deadline good -cpu-used 5 -g {group} -auto-alt-ref {hidden}"
            f" -lag-in-frames {chance.choice((4, 10, 25)) if hidden else 0}"
            f" -b:v {chance.choice((80, 200, 600))}k -error-resilient {chance.choice((0, 0, 1))}"
        )

    return encode


def _av1(chance: random.Random, group: int) -> str:
    return (
        f"-c:v libaom-av1 -cpu-used 8 -g {group} -lag-in-frames {chance.choice((0, 10, 19))}"
        f" -b:v {chance.choice((80, 300))}k"
    )


def _mpeg(codec: str, most_between: int = 0) -> Callable[[random.Random, int], str]:
    def encode(chance: random.Random, group: int) -> str:
        between = f" -bf {chance.randint(0, most_between)}" if most_between else ""
        return f"-c:v {codec} -g {group} -q:v {chance.choice((2, 5, 15))}{between}"

    return encode


FAMILIES = {
    "h264": Family(
        _h264,
        (".mp4", ".mov", ".mkv", ".flv", ".nut", ".avi", ".h264", *_TRANSPORT * 2),
        share=8,
        is_recorded=True,
    ),
    "hevc": Family(_hevc, (".mp4", ".mkv", ".hevc", *_TRANSPORT), share=4, is_recorded=True),
    "vp8": Family(_vpx("libvpx"), (".webm", ".mkv", ".ivf", ".avi"), share=2),
    "vp9": Family(_vpx("libvpx-vp9"), (".webm", ".mkv", ".ivf", ".mp4"), share=3),
    "av1": Family(_av1, (".mkv", ".ivf", ".mp4", ".obu")),
    "mpeg1": Family(_mpeg("mpeg1video", 2), (".mpg", ".mkv", ".m1v")),
    "mpeg2": Family(
        _mpeg("mpeg2video", 2),
        (".ts", ".mpg", ".mkv", ".m2v", ".vob"),
        share=3,
        is_recorded=True,
        keeps_size=True,
    ),
    "mpeg4": Family(_mpeg("mpeg4", 2), (".mp4", ".mkv", ".ts", ".avi"), share=3),
    "xvid": Family(_mpeg("libxvid"), (".avi",)),
    "flv1": Family(_mpeg("flv"), (".flv",)),
    "wmv2": Family(_mpeg("wmv2"), (".asf", ".avi")),
    "msmpeg4": Family(_mpeg("msmpeg4"), (".avi",)),
    "theora": Family(_mpeg("libtheora"), (".ogv", ".mkv")),
    "mjpeg": Family(_mpeg("mjpeg"), (".avi", ".mkv", ".mjpeg")),
    "ffv1": Family(_mpeg("ffv1"), (".mkv", ".avi")),
}


def compose(number: int, seed: int) -> Kind:
    """The kind of this number; the same for the same seed."""
    chance = random.Random(f"{seed} {number}")
    names = sorted(FAMILIES)
    name = chance.choices(names, [FAMILIES[one].share for one in names])[0]
    family = FAMILIES[name]
    suffix = chance.choice(family.containers)
    parts = [_part(family, chance, suffix)]
    is_transport = suffix in (*_TRANSPORT, ".h264", ".hevc")
    if family.is_recorded and is_transport and chance.random() < 0.25:
        second = _part(family, chance, suffix)
        size = parts[0].size if family.keeps_size else second.size
        parts.append(replace(second, first=parts[0].frames, size=size, rate=parts[0].rate))
    kind = Kind(
        f"{number:05d}-{name}{suffix}",
        tuple(parts),
        range(sum(part.frames for part in parts)),
        # In a program stream not every picture has a timestamp, and libav's guesses change.
        has_clean_times=len(parts) == 1 and suffix not in (".mpg", ".vob"),
    )
    if suffix in _EDITABLE and chance.random() < 0.3:
        begin = chance.uniform(0.1, 0.8)
        return replace(kind, remux=f"-ss {begin:.3f} -i {{file}} -c copy")
    if family.is_recorded and suffix in _TRANSPORT and chance.random() < 0.25:
        return replace(kind, alter=from_within(chance.uniform(0.05, 0.5)))
    return kind


def _part(family: Family, chance: random.Random, suffix: str) -> Part:
    group = chance.choice((1, 3, 8, 12, 25, 250))
    size = (2 * chance.randint(24, 80), 2 * chance.randint(16, 60))
    frames, rate = chance.randint(12, 90), chance.choice(_RATES)
    return Part(f"{family.encode(chance, group)}{_times(chance, suffix)}", 0, frames, size, rate)


def _times(chance: random.Random, suffix: str) -> str:
    """ffmpeg's options for timestamps."""
    kinds = ["", "", "", " -output_ts_offset 500"]
    if suffix in _TRANSPORT:
        kinds.append(" -output_ts_offset 95441.3")  # the clock wraps half a second later
    if suffix in (".mp4", ".mkv", ".webm"):
        kinds.append(
            " -vf 'settb=1/1000,setpts=N*40+mod(N*N\\,7)*5' -vsync passthrough"
            " -enc_time_base 1/1000"
        )
    return chance.choice(kinds)


def _listed(options: dict[str, int]) -> str:
    return ":".join(f"{name}={value}" for name, value in options.items())
