"""Command-line options shared by several commands, and their conversion to ``RunOptions``."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from streamsel.cli.completing import EMBEDDER, LOCATION
from streamsel.cli.defined import option
from streamsel.config import definitions
from streamsel.config.options import (
    EmbedOptions,
    ReadOptions,
    RunOptions,
    SelectOptions,
    WriteOptions,
    run_options,
)
from streamsel.config.units import write_seconds
from streamsel.prefilter.options import PrefilterOptions

F = TypeVar("F", bound=Callable[..., Any])

FILTERGRAPH = "FILTERGRAPH"
MASK = "X,Y,W,H[:blur|black]"

_READ_DEFAULTS = ReadOptions()
_SCREEN_DEFAULTS = PrefilterOptions()
_EMBED_DEFAULTS = EmbedOptions()
_SELECT_DEFAULTS = SelectOptions()
_WRITE_DEFAULTS = WriteOptions()

_BUDGET = [
    option("count", definitions.Count, short="-n"),
    option("share", definitions.Share),
    option("seed", definitions.Seed, _SELECT_DEFAULTS.seed),
]

_READ = [
    option("start", definitions.Start),
    option("end", definitions.End),
    option("fps", definitions.Fps),
    option("mask", definitions.Mask, metavar=MASK),
    option("vf", definitions.Vf, metavar=FILTERGRAPH),
]

_DECODE = [
    option("decode", definitions.Decode, _READ_DEFAULTS.decode),
    option("hwaccel", definitions.Hwaccel, metavar="NAME"),
]

_JOBS = [option("jobs", definitions.Jobs, 1)]

_EMBED = [
    option("embedder", definitions.Embedder, _EMBED_DEFAULTS.embedder, type=EMBEDDER),
    option("weights", definitions.Weights, type=LOCATION, metavar="FILE"),
    option("device", definitions.Device, _EMBED_DEFAULTS.device),
    option("embeddings", definitions.Embeddings, type=LOCATION, metavar="FILE"),
]

_NEAR_DUPLICATE = [
    option("near_duplicate", definitions.NearDuplicate, _SELECT_DEFAULTS.near_duplicate),
    option("calibration", definitions.Calibration, _SELECT_DEFAULTS.calibration),
    option("look_ahead", definitions.LookAhead, _SELECT_DEFAULTS.look_ahead),
]

_SELECT = [
    option("method", definitions.Method, _SELECT_DEFAULTS.method),
    option("min_distance", definitions.MinDistance, _SELECT_DEFAULTS.min_distance),
    option("window", definitions.Window),
    option("burst", definitions.Burst, _SELECT_DEFAULTS.burst),
    option("per_input", definitions.PerInput),
    *_NEAR_DUPLICATE,
]

_SCREEN = [
    option("keep_exact_duplicates", definitions.KeepExactDuplicates),
    option("keep_unchanged", definitions.KeepUnchanged),
    option("keep_corrupt", definitions.KeepCorrupt),
    option("keep_black", definitions.KeepBlack),
    option("black_level", definitions.BlackLevel, _SCREEN_DEFAULTS.black_level),
    option("keep_uniform", definitions.KeepUniform),
    option("keep_frozen", definitions.KeepFrozen),
    option(
        "frozen_after", definitions.FrozenAfter, write_seconds(_SCREEN_DEFAULTS.freeze_seconds or 0)
    ),
    option("unchanged_level", definitions.UnchangedLevel, _SCREEN_DEFAULTS.unchanged_mean),
    option("min_sharpness", definitions.MinSharpness, _SCREEN_DEFAULTS.min_sharpness),
    option("change_weight", definitions.ChangeWeight, _SCREEN_DEFAULTS.change_weight),
]

_WRITE = [
    option("format", definitions.Format, _WRITE_DEFAULTS.format),
    option("quality", definitions.Quality),
    option("size", definitions.Size),
    option("keep_pixels", definitions.KeepPixels),
    option("keep_hdr", definitions.KeepHdr),
    option("durability", definitions.Durability, _WRITE_DEFAULTS.durability),
]

_INPUTS = [
    click.argument("inputs", nargs=-1, metavar="INPUT...", type=LOCATION),
    click.option(
        "--from-file",
        type=LOCATION,
        metavar="LIST",
        help="File with further inputs, one per line; - is standard input.",
    ),
]

_SINK = [option("sink", definitions.Sink, metavar="'NAME KEY=VALUE ...'")]

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
    return _apply([*_BUDGET, *_SELECT, *reading, *judging, *_WRITE, *_SINK, *_LOUDNESS])(function)


def compare_options(function: F) -> F:
    """The options that ``compare`` shares with ``select``."""
    return _apply([*_BUDGET, *_NEAR_DUPLICATE, *_READ, *_EMBED, *_LOUDNESS])(function)


def input_options(function: F) -> F:
    """The inputs, and the file that lists further ones."""
    return _apply(_INPUTS)(function)


def read_options(function: F) -> F:
    """The options that select a part of the inputs."""
    return _apply(_READ)(function)


def loudness_options(function: F) -> F:
    """``-q``, ``-v`` and ``--json``."""
    return _apply(_LOUDNESS)(function)


def chosen_options(chosen: dict[str, Any]) -> RunOptions:
    """Convert click's values to checked options; missing names keep their default.

    Refuses ``--embeddings`` together with a network, even if it is the default one.
    """
    if chosen.get("embeddings"):
        context = click.get_current_context()
        for name in ("embedder", "weights", "device"):
            source = context.get_parameter_source(name)
            if source not in (None, ParameterSource.DEFAULT):
                raise click.UsageError(f"give either --embeddings or --{name}, not both")
    return run_options(chosen)
