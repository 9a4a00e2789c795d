"""``streamsel train``: fine-tunes or retrains the weights of the built-in network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamsel.cli.completing import LOCATION
from streamsel.cli.defined import option
from streamsel.cli.option_groups import GroupedCommand
from streamsel.cli.options import loudness_options, read_options
from streamsel.config import definitions
from streamsel.config.options import ReadOptions
from streamsel.embed.finetune.recipe import FinetuneRecipe
from streamsel.json_text import json_text

if TYPE_CHECKING:
    from streamsel.wiring.training import TrainOptions

INTERRUPTED = 130
_DEFAULTS = FinetuneRecipe()
_FPS = 4.0

_EXAMPLES = """\b
Examples:
  streamsel train recordings/ -o yard.safetensors
  streamsel select day.mp4 -n 500 -o kept --weights yard.safetensors
  streamsel train a.mp4 b.mp4 c.mp4 -o yard.safetensors --epochs 30 --patience 5
  streamsel train recordings/ -o yard.safetensors --resume
"""


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_MAKING = {
    "teachers": click.option(
        "--teacher",
        "teachers",
        multiple=True,
        metavar="FILE[@LAYER]",
        help="Train from scratch with tflite teacher networks; INPUT is a folder of clips.",
    ),
    "photos": click.option("--photos", type=_FOLDER, help="Photographs for the teachers."),
    "views": click.option(
        "--views", type=click.IntRange(min=1), help="Number of views for the teachers."
    ),
    "steps": click.option(
        "--steps", type=click.IntRange(min=20), help="Batches of 256 views, with teachers."
    ),
    "pool_seed": click.option(
        "--pool-seed", type=click.IntRange(min=0), help="Seed for the choice of views."
    ),
    "cache": click.option(
        "--cache",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for cached teacher vectors of one set of clips and photographs.",
    ),
}


def _making_options(function: Callable[..., int]) -> Callable[..., int]:
    for add in reversed(_MAKING.values()):
        function = add(function)
    return function


@click.command("train", cls=GroupedCommand, epilog=_EXAMPLES)
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...", type=LOCATION)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="File for the weights (safetensors).",
)
@click.option("--resume", is_flag=True, help="Continue a training that was interrupted.")
@click.option("--overwrite", is_flag=True, help="Replace the file, and a training to continue.")
@read_options
@click.option("--max-frames", type=int, default=20_000, show_default=True, help="Frames to use.")
@click.option("--holdout", type=float, default=0.2, show_default=True, help="Held-out share.")
@click.option("--weights", type=click.Path(), help="Weights to start from.  [default: built-in]")
@option("device", definitions.Device, "auto")
@click.option(
    "--epochs",
    type=int,
    default=_DEFAULTS.epochs,
    show_default=True,
    help="Passes over the footage.",
)
@click.option(
    "--batch", type=int, default=_DEFAULTS.batch, show_default=True, help="Maximum frames per step."
)
@click.option(
    "--lr", "rate", type=float, default=_DEFAULTS.rate, show_default=True, help="Learning rate."
)
@click.option(
    "--keep",
    type=float,
    default=_DEFAULTS.keep,
    show_default=True,
    help="Weight of the original distances: 1 learns little, 0 ignores them.",
)
@click.option(
    "--patience",
    type=int,
    default=_DEFAULTS.patience,
    show_default=True,
    help="Stop after this many epochs without improvement.",
)
@option("seed", definitions.Seed, 0)
@_making_options
@loudness_options
def command(
    inputs: tuple[str, ...],
    output: Path,
    quiet: bool,
    verbose: bool,
    as_json: bool,
    **chosen: Any,
) -> int:
    """Fine-tune the built-in network on the footage in INPUT, without labels.

    It learns which differences do not matter there, while its distances are kept close to the
    original ones. It uses 4 frames per second unless --fps is given. Part of the footage is held
    out; a table compares the weights on it before and after. Use the result in other commands with
    --weights.

    With --teacher the network is trained from scratch instead, as for the weights in the package;
    of the options above, only --seed and --overwrite apply then.
    """
    making = {name: chosen.pop(name) for name in _MAKING}
    if making["teachers"]:
        return _make(inputs, output, making, chosen["seed"], chosen["overwrite"], quiet)
    for name, value in making.items():
        if value not in (None, ()):
            raise click.UsageError(f"--{name.replace('_', '-')} goes with --teacher")
    options = _options(chosen)
    from streamsel.cli.training import TrainingProgress, as_published, print_trained
    from streamsel.wiring.training import checkpoint_of, train

    try:
        with TrainingProgress(quiet=quiet or as_json, verbose=verbose) as progress:
            trained = train(inputs, output, options, progress)
    except KeyboardInterrupt:
        # A checkpoint that this run has not written belongs to an earlier one.
        checkpoint = checkpoint_of(output)
        goes_on = checkpoint.exists() and (progress.has_begun or options.resume)
        kept = f"{checkpoint} is kept; continue with --resume" if goes_on else ""
        click.echo(f"interrupted; {kept or 'nothing was written'}", err=True)
        return INTERRUPTED
    if as_json:
        click.echo(json_text(as_published(trained)))
    else:
        print_trained(trained)
    return 1 if trained.failed else 0


def _make(
    inputs: tuple[str, ...],
    output: Path,
    making: dict[str, Any],
    seed: int,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Distil the network from teachers, as the shipped weights were."""
    if len(inputs) != 1 or not Path(inputs[0]).is_dir():
        raise click.UsageError("with --teacher, INPUT is one folder of clips")
    if making["photos"] is None:
        raise click.UsageError("--teacher needs --photos, a folder of photographs")
    if output.exists() and not overwrite:
        raise click.UsageError(f"{output} exists already; replace it with --overwrite")
    from streamsel.embed.distill.make import Making, make_weights

    given = {name: value for name, value in making.items() if value is not None}
    made = Making(videos=Path(inputs[0]), out=output, seed=seed, **given)
    make_weights(made, lambda line: None if quiet else click.echo(line, err=True))
    click.echo(f"{output}: use it with --weights {output}")
    return 0


def _options(chosen: dict[str, Any]) -> TrainOptions:
    read = ReadOptions(
        start=chosen.pop("start"),
        end=chosen.pop("end"),
        fps=_FPS if (fps := chosen.pop("fps")) is None else fps,
        filters=chosen.pop("vf"),
        mask=chosen.pop("mask"),
    )
    names = ("max_frames", "holdout", "weights", "device", "resume", "overwrite")
    others = {name: chosen.pop(name) for name in names}
    recipe = FinetuneRecipe(**chosen)
    from streamsel.wiring.training import TrainOptions

    return TrainOptions(read=read, recipe=recipe, **others)
