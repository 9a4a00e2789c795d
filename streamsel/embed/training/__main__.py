r"""Make weights for the built-in network from a teacher, clips and photographs.

The same files and options give the same weights on the same kind of processor. The defaults are
those of the shipped weights::

    python -m streamsel.embed.training \
        --teacher mobilenet_v1_1.0_224_quant_embedding_extractor.tflite \
        --videos training-clips --photos photographs --out builtin.safetensors
"""

from __future__ import annotations

from pathlib import Path

import click
from safetensors.torch import save

from streamsel.embed.builtin import one_thread
from streamsel.embed.network import INPUT_SIZE, Network
from streamsel.embed.training.distill import Recipe, distill
from streamsel.embed.training.material import find_photographs, load_clips
from streamsel.embed.training.pool import Pool, make_pool
from streamsel.embed.training.teacher import load_teacher
from streamsel.embed.training.views import ViewMaker
from streamsel.errors import ConfigurationError, StreamselError

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_FEWEST_STEPS = 20


@click.command(context_settings={"show_default": True})
@click.option("--teacher", type=_FILE, required=True, help="A tflite network, images to vectors.")
@click.option(
    "--videos",
    type=_FOLDER,
    required=True,
    help="Training clips and no others: all in it is trained on. A subfolder is one scene.",
)
@click.option("--photos", type=_FOLDER, required=True, help="Photographs.")
@click.option("--out", type=_FILE, required=True, help="Where the weights go (safetensors).")
@click.option(
    "--views", type=click.IntRange(min=1), default=49152, help="How many the teacher is shown."
)
@click.option(
    "--steps", type=click.IntRange(min=_FEWEST_STEPS), default=2600, help="Batches of 256 views."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, help="Of the training.")
@click.option("--pool-seed", type=click.IntRange(min=0), default=1, help="Of the views.")
@click.option(
    "--cache",
    type=_NEW_FOLDER,
    help="Folder that keeps what the teacher saw; use one for one set of clips and photographs.",
)
def command(
    teacher: Path,
    videos: Path,
    photos: Path,
    out: Path,
    views: int,
    steps: int,
    seed: int,
    pool_seed: int,
    cache: Path | None,
) -> None:
    """Teach the built-in network to see as a larger one does, on one core.

    With the defaults the teacher takes about half an hour, and the training as much.
    """
    try:
        with one_thread():
            _require_folder(out)
            pool = _show(teacher, videos, photos, views=views, seed=pool_seed, cache=cache)
            network = distill(pool, Recipe(steps=steps, seed=seed), _tell)
            write_weights(network, out)
    except StreamselError as error:
        click.echo(f"streamsel: {error}", err=True)
        raise click.exceptions.Exit(2 if isinstance(error, ConfigurationError) else 1) from error
    click.echo(out)


def write_weights(network: Network, path: Path) -> None:
    """Store a network's weights as safetensors, float32; a file that was there is replaced whole.

    The same weights give the same bytes, hence the same digest.
    """
    content = save({name: each.contiguous() for name, each in network.state_dict().items()})
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)


def _show(
    teacher: Path, videos: Path, photos: Path, *, views: int, seed: int, cache: Path | None
) -> Pool:
    """Name what will be trained on, and show it to the teacher."""
    look = load_teacher(teacher)
    clips, photographs = load_clips(videos), find_photographs(photos)
    for clip in clips:
        click.echo(f"{clip.name}: {len(clip.frames)} frames, weight {clip.weight:.2f}", err=True)
    click.echo(f"{len(photographs)} photographs", err=True)
    return make_pool(
        ViewMaker(clips, photographs),
        look,
        views=views,
        size=INPUT_SIZE,
        seed=seed,
        cache=cache,
        progress=lambda done: click.echo(f"{done} views", err=True),
    )


def _require_folder(out: Path) -> None:
    if not out.parent.is_dir():
        raise ConfigurationError(f"{out}: the folder {out.parent} does not exist")


def _tell(step: int, losses: dict[str, float]) -> None:
    shown = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
    click.echo(f"step {step}  {shown}", err=True)


if __name__ == "__main__":
    command()
