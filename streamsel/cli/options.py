"""Command-line options shared by several commands, and their conversion to ``RunOptions``."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Literal, TypeVar, get_args

import click
from click.core import ParameterSource

from streamsel.choices import Decode, Durability, ImageFormat, Method
from streamsel.cli.completing import EMBEDDER
from streamsel.config import units
from streamsel.config.options import (
    DEFAULT_COUNT,
    MOST_JOBS,
    EmbedOptions,
    ReadOptions,
    RunOptions,
    SelectOptions,
    WriteOptions,
)
from streamsel.errors import ConfigurationError
from streamsel.pixels.size import PictureSize
from streamsel.prefilter.options import PrefilterOptions

F = TypeVar("F", bound=Callable[..., Any])
_T = TypeVar("_T")


class Parsed(click.ParamType[_T]):
    """A click type with a parser that raises ``ConfigurationError``."""

    def __init__(self, name: str, read: Callable[[str], _T]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> _T:
        """Parse the text; convert errors to usage errors."""
        if not isinstance(value, str):
            result: _T = value
            return result
        try:
            return self._read(value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


def _floor(text: str) -> float | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{text!r} is neither auto nor a distance in 0..2") from None


DURATION = Parsed("duration", units.seconds)
SHARE = Parsed("share", units.share)
SIZE = Parsed("WxH", PictureSize.read)
FLOOR = Parsed("auto|distance", _floor)

FILTERS_HELP = (
    "An ffmpeg filter chain, before all else: crop, scale, yadif, fps, fieldmatch, decimate ...; "
    "not eq, boxblur, drawtext, delogo, hqdn3d, mpdecimate, zscale."
)

MASK_HELP = (
    "Hide this area of the upright picture before all else: shares of it (0.1,0.1,0.3,0.2), or "
    "pixels (40px,40px,80px,60px); repeatable."
)

_BUDGET = [
    click.option("-n", "--count", type=int, help=f"Frames to keep.  [default: {DEFAULT_COUNT}]"),
    click.option("--share", type=SHARE, help="Keep this share of all frames: 0.2 or 20%."),
    click.option("--seed", type=int, default=0, show_default=True, help="For random choices."),
]

_READ = [
    click.option("--start", type=DURATION, help="Start at this position: 90, 1m30s, 00:01:30."),
    click.option("--end", type=DURATION, help="End at this position."),
    click.option("--fps", type=float, help="Process at most this many frames per second."),
    click.option("--mask", multiple=True, metavar="X,Y,W,H[:blur|black]", help=MASK_HELP),
    click.option("--vf", "filters", metavar="FILTERGRAPH", help=FILTERS_HELP),
]

_DECODE = [
    click.option(
        "--decode",
        type=click.Choice(get_args(Decode)),
        default="all",
        show_default=True,
        help="fast skips the loop filter; adaptive decodes in full only where pictures change.",
    ),
    click.option(
        "--hwaccel",
        metavar="NAME",
        help="Hardware decoder: auto, cuda, vaapi ...; falls back to software.",
    ),
]

_JOBS = [
    click.option(
        "--jobs",
        type=click.IntRange(1, MOST_JOBS),
        default=1,
        show_default=True,
        help="Number of inputs to read in parallel, each in a process.",
    ),
]

_EMBED = [
    click.option(
        "--embedder", type=EMBEDDER, default="builtin", show_default=True, help="See: embedders."
    ),
    click.option("--weights", type=click.Path(), help="File with weights for the embedder."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N."),
    click.option(
        "--embeddings",
        type=click.Path(),
        multiple=True,
        metavar="FILE",
        help="Read the vectors (.parquet, .csv, .jsonl) instead of computing them; repeatable.",
    ),
]

_NEAR_DUPLICATE = [
    click.option(
        "--near-duplicate",
        type=FLOOR,
        default="auto",
        show_default=True,
        help="Near-duplicate distance; auto calibrates it from the feed's noise.",
    ),
    click.option(
        "--look-ahead",
        type=int,
        default=32,
        show_default=True,
        help="Frames decided together; 1 decides at once.",
    ),
]

_SELECT = [
    click.option(
        "--method",
        type=click.Choice(get_args(Method)),
        default="online",
        show_default=True,
        help="online reads once; two-pass gives the best set; the others are for comparison.",
    ),
    click.option(
        "--min-distance",
        type=click.FloatRange(0, 2),
        default=0.0,
        show_default=True,
        help="Minimum distance between two kept frames.",
    ),
    click.option("--window", type=DURATION, help="Drop frames not seen again for this long."),
    click.option(
        "--per-input", is_flag=True, help="Keep N frames of each input instead of N in total."
    ),
    *_NEAR_DUPLICATE,
]

_SCREEN_DEFAULTS = PrefilterOptions()

_SCREEN = [
    click.option("--keep-exact-duplicates", is_flag=True, help="Judge pixel-identical repeats."),
    click.option("--keep-unchanged", is_flag=True, help="Judge frames that look unchanged."),
    click.option(
        "--keep-corrupt", is_flag=True, help="Judge frames that the decoder reports as damaged."
    ),
    click.option("--keep-black", is_flag=True, help="Judge black frames."),
    click.option(
        "--black-level",
        type=click.IntRange(0, 255),
        default=_SCREEN_DEFAULTS.black_level,
        show_default=True,
        help="Grey level below which a picture counts as black.",
    ),
    click.option("--keep-uniform", is_flag=True, help="Judge frames of one colour."),
    click.option("--keep-frozen", is_flag=True, help="Count frozen pictures as plain repeats."),
    click.option(
        "--frozen-after",
        type=DURATION,
        default=f"{_SCREEN_DEFAULTS.freeze_seconds:g}s",
        show_default=True,
        help="Duration without any change after which a picture is frozen.",
    ),
    click.option(
        "--unchanged-level",
        type=click.FloatRange(0, 255),
        default=_SCREEN_DEFAULTS.unchanged_mean,
        show_default=True,
        help="Mean change in grey levels below which a frame counts as unchanged.",
    ),
    click.option(
        "--min-sharpness",
        type=click.FloatRange(0, 1),
        default=_SCREEN_DEFAULTS.min_sharpness,
        show_default=True,
        help="Refuse frames less sharp than this; 0 refuses none.",
    ),
]

_WRITE = [
    click.option(
        "--format",
        "image_format",
        type=click.Choice(get_args(ImageFormat)),
        default="jpg",
        show_default=True,
        help="Image format of kept pictures.",
    ),
    click.option("--quality", type=click.IntRange(1, 100), help="1..100.  [default: 90]"),
    click.option(
        "--size",
        type=SIZE,
        help="Fit kept pictures into 640x360, 640x or x360; 640x360! stretches.",
    ),
    click.option(
        "--keep-pixels", is_flag=True, help="Keep the stored shape even if pixels are not square."
    ),
    click.option("--keep-hdr", is_flag=True, help="Keep HDR: PNG with 16 bits, AVIF with 10."),
    click.option(
        "--durability",
        type=click.Choice(get_args(Durability)),
        default="strict",
        show_default=True,
        help="strict survives a power cut; batched is faster and may lose the last second.",
    ),
]

_LOUDNESS = [
    click.option("-q", "--quiet", is_flag=True, help="No progress, only problems."),
    click.option("-v", "--verbose", is_flag=True, help="Say more."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
]


def _apply(options: list[Callable[[F], F]]) -> Callable[[F], F]:
    return lambda function: reduce(lambda f, option: option(f), reversed(options), function)


def select_options(function: F) -> F:
    """The options of ``select``: budget, reading, judging and writing."""
    reading = [*_READ, *_DECODE, *_JOBS]
    judging = [*_SCREEN, *_EMBED]
    return _apply([*_BUDGET, *_SELECT, *reading, *judging, *_WRITE, *_LOUDNESS])(function)


def compare_options(function: F) -> F:
    """The options that ``compare`` shares with ``select``."""
    return _apply([*_BUDGET, *_NEAR_DUPLICATE, *_READ, *_EMBED, *_LOUDNESS])(function)


def read_options(function: F) -> F:
    """The options that select a part of the inputs."""
    return _apply(_READ)(function)


def loudness_options(function: F) -> F:
    """``-q``, ``-v`` and ``--json``."""
    return _apply(_LOUDNESS)(function)


def run_options(chosen: dict[str, Any]) -> RunOptions:
    """Convert click's values to checked options; missing names keep their default."""

    def pick(*names: str) -> dict[str, Any]:
        return {name: chosen[name] for name in names if name in chosen}

    return RunOptions(
        read=ReadOptions(**pick("start", "end", "fps", "filters", "decode", "hwaccel", "mask")),
        prefilter=_prefilter_options(chosen),
        embed=_embed_options(pick("embedder", "weights", "device", "embeddings")),
        select=SelectOptions(
            **pick(
                "method",
                "count",
                "share",
                "min_distance",
                "near_duplicate",
                "look_ahead",
                "window",
                "per_input",
                "seed",
            )
        ),
        write=WriteOptions(
            format=chosen.get("image_format", "jpg"),
            **pick("quality", "size", "keep_pixels", "keep_hdr", "durability"),
        ),
    )


def _embed_options(chosen: dict[str, Any]) -> EmbedOptions:
    """Refuse ``--embeddings`` together with a network, even if it is the default one."""
    if chosen.get("embeddings"):
        context = click.get_current_context()
        for name in ("embedder", "weights", "device"):
            source = context.get_parameter_source(name)
            if source not in (None, ParameterSource.DEFAULT):
                raise click.UsageError(f"give either --embeddings or --{name}, not both")
    return EmbedOptions(**chosen)


def _prefilter_options(chosen: dict[str, Any]) -> PrefilterOptions:
    defaults = _SCREEN_DEFAULTS

    def unless(flag: str, value: _T) -> _T | None:
        return None if chosen.get(flag) else value

    return PrefilterOptions(
        corrupt=not chosen.get("keep_corrupt"),
        black_share=unless("keep_black", defaults.black_share),
        black_level=chosen.get("black_level", defaults.black_level),
        uniform_share=unless("keep_uniform", defaults.uniform_share),
        exact_duplicates=not chosen.get("keep_exact_duplicates"),
        freeze_seconds=unless("keep_frozen", chosen.get("frozen_after", defaults.freeze_seconds)),
        unchanged_mean=unless(
            "keep_unchanged", chosen.get("unchanged_level", defaults.unchanged_mean)
        ),
        min_sharpness=chosen.get("min_sharpness", defaults.min_sharpness),
    )
