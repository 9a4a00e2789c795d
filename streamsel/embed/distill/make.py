"""Builds the built-in weights from teachers, clips and photographs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save

from streamsel.embed.device import one_thread
from streamsel.embed.distill.distill import DistillRecipe, distill
from streamsel.embed.distill.material import find_clips, find_photographs, load_clips
from streamsel.embed.distill.pool import Pool, make_pool
from streamsel.embed.distill.provenance import Provenance
from streamsel.embed.distill.teacher import LAYER_MARK, load_teacher
from streamsel.embed.distill.views import ViewMaker
from streamsel.embed.network import INPUT_SIZE, Network
from streamsel.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """Options of a distillation. The same files and numbers give the same weights.

    ``teachers`` are ``FILE`` or ``FILE@LAYER``; all clips under ``videos`` and photographs under
    ``photos`` are trained on. ``cache`` is a folder for the teachers' vectors; use another one for
    other clips or photographs.
    """

    teachers: tuple[str, ...]
    videos: Path
    photos: Path
    out: Path
    views: int = 102_400
    steps: int = 6500
    seed: int = 0
    pool_seed: int = 1
    cache: Path | None = None


def make_weights(making: Making, say: Callable[[str], None] = lambda line: None) -> None:
    """Run the teachers, train on one core, and write the weights and their provenance.

    The provenance is a ``.json`` file beside the weights. Takes about two hours with the defaults.
    Raises :class:`ConfigurationError` for missing material, teachers or a missing folder.
    """
    if not making.out.parent.is_dir():
        raise ConfigurationError(f"{making.out}: the folder {making.out.parent} does not exist")
    with one_thread():
        pool = _show(making, say)
        recipe = DistillRecipe(steps=making.steps, seed=making.seed)
        network = distill(pool, recipe, lambda step, losses: say(_told(step, losses)))
    write_weights(network, making.out)
    _provenance(making).write(making.out)


def write_weights(network: Network, path: Path) -> None:
    """Store a network's weights as float32 safetensors; replaces an existing file atomically.

    The same weights give the same bytes, hence the same digest.
    """
    content = save({name: each.contiguous() for name, each in network.state_dict().items()})
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content)
    partial.replace(path)


def _show(making: Making, say: Callable[[str], None]) -> Pool:
    """List the training material and run the teachers on it."""
    teacher = load_teacher(making.teachers)
    clips, photographs = load_clips(making.videos), find_photographs(making.photos)
    for clip in clips:
        say(f"{clip.name}: {len(clip.frames)} frames, weight {clip.weight:.2f}")
    say(f"{len(photographs)} photographs")
    return make_pool(
        ViewMaker(clips, photographs).group,
        teacher,
        views=making.views,
        size=INPUT_SIZE,
        seed=making.pool_seed,
        cache=making.cache,
        progress=lambda done: say(f"{done} views"),
    )


def _provenance(making: Making) -> Provenance:
    return Provenance(
        teachers=tuple(Path(source.partition(LAYER_MARK)[0]) for source in making.teachers),
        videos=making.videos,
        clips=find_clips(making.videos),
        photographs=find_photographs(making.photos),
        options={
            "views": making.views,
            "steps": making.steps,
            "seed": making.seed,
            "pool_seed": making.pool_seed,
        },
    )


def _told(step: int, losses: dict[str, float]) -> str:
    shown = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
    return f"step {step}  {shown}"
