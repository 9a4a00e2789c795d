"""Builds and runs a fine-tuning from inputs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from streamsel.config.options import ReadOptions
from streamsel.embed.device import choose_device
from streamsel.embed.finetune.adapt import Adaptation, Epoch
from streamsel.embed.finetune.checkpoint import read_checkpoint, write_checkpoint
from streamsel.embed.finetune.evaluate import Figures, better, measure, worse
from streamsel.embed.finetune.objective import require_library
from streamsel.embed.finetune.recipe import FinetuneRecipe
from streamsel.embed.finetune.training_footage import (
    PICTURE_SIDE_PX,
    Gatherer,
    HeldOutBy,
    Split,
    TrainingFootage,
    split,
)
from streamsel.embed.finetune.weights import Start, digest_of, load_start, write_weights
from streamsel.errors import ConfigurationError, SourceError
from streamsel.frame import View
from streamsel.interfaces.sources import Source
from streamsel.record.files import disk_errors, write_file
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from streamsel.version import __version__
from streamsel.wiring.inputs import open_sources

FEWEST_FRAMES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """All options of a fine-tuning. ``holdout`` is a share of the frames."""

    read: ReadOptions
    recipe: FinetuneRecipe
    holdout: float = 0.2
    max_frames: int = 20_000
    weights: str | None = None
    device: str = "auto"
    resume: bool = False
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.holdout <= 0.5:
            raise ConfigurationError(
                f"holdout is {self.holdout:g}; it must be above 0 and at most 0.5"
            )
        if self.max_frames < FEWEST_FRAMES:
            raise ConfigurationError(
                f"max-frames is {self.max_frames}; it must be at least {FEWEST_FRAMES}"
            )


@dataclass(frozen=True, slots=True)
class Trained:
    """The result of a fine-tuning.

    ``adapted``: new weights were written, because at least one figure is clearly ``better`` and
    none clearly ``worse``. Otherwise the output is a copy of the original weights. ``after`` are
    the figures of the epoch with the lowest held-out loss; None if none was lower than at the
    start. ``failed`` are inputs that could not be read, or not to their end.
    """

    output: Path
    adapted: bool
    digest: str
    start_digest: str
    before: Figures
    after: Figures | None
    better: tuple[str, ...]
    worse: tuple[str, ...]
    start_loss: float
    best_epoch: int
    epochs: tuple[Epoch, ...]
    trained_frames: int
    held_out_frames: int
    held_out_by: HeldOutBy
    failed: tuple[str, ...]


class TrainingObserver(Protocol):
    """Receives the events of a fine-tuning. The command line, above, implements it."""

    def feed_opened(self, feed: str, expected_frames: int | None) -> None:
        """A feed will be read next."""

    def frame_read(self) -> None:
        """A frame was read."""

    def feed_ended(self, feed: str, frames: int, problems: Sequence[str]) -> None:
        """A feed was read to its end."""

    def feed_failed(self, error: SourceError) -> None:
        """An input cannot be read, or not to its end."""

    def begun(self, parts: Split, epochs: int, start_loss: float, done: Sequence[Epoch]) -> None:
        """The footage is read; ``done`` are the finished epochs of a resumed training."""

    def stepped(self, done: int, steps: int) -> None:
        """``done`` of the epoch's ``steps`` are finished."""

    def epoch_ended(self, epoch: Epoch) -> None:
        """An epoch is finished, and its checkpoint is on disk."""


def checkpoint_of(output: Path) -> Path:
    """Return the path of the checkpoint of an interrupted training."""
    return output.with_name(f"{output.name}.checkpoint")


def train(
    inputs: Sequence[str], output: Path, options: TrainOptions, observer: TrainingObserver
) -> Trained:
    """Fine-tune the built-in embedder on the inputs and write its weights to ``output``.

    The footage is read once into memory, 28 kB per frame. After each epoch a checkpoint is written
    beside the output, from which ``resume`` continues exactly; it is deleted once the output is
    written.

    Raises :class:`ConfigurationError` for invalid options or too little footage,
    :class:`SourceError` if no input can be read, :class:`EmbedderError` for missing weights or a
    missing device, :class:`SinkError` if the output cannot be written.
    """
    _require_place(output, options)
    require_library()
    device, start = choose_device(options.device), load_start(options.weights)
    footage, failed = _read(inputs, options, observer)
    recipe = options.recipe
    parts = split(footage, options.holdout, recipe.seed)
    adaptation = Adaptation(start.network, parts, recipe, device)
    origin = _origin(options, start, footage)
    checkpoint = checkpoint_of(output)
    if options.resume:
        adaptation.restore(_stored(checkpoint, origin))
    _run(adaptation, parts, origin, checkpoint, observer)
    before = measure(start.network, parts.held_out, recipe.seed, device)
    best = adaptation.best()
    after = None if best is None else measure(best, parts.held_out, recipe.seed, device)
    gained, spoilt = (better(before, after), worse(before, after)) if after else ((), ())
    content = start.content
    if best is not None and gained and not spoilt:
        content = write_weights(best, {**origin, "epoch": adaptation.best_epoch})
    _write(output, content)
    _remove(checkpoint)
    return Trained(
        output=output,
        adapted=content is not start.content,
        digest=digest_of(content),
        start_digest=start.digest,
        before=before,
        after=after,
        better=gained,
        worse=spoilt,
        start_loss=adaptation.start_loss,
        best_epoch=adaptation.best_epoch,
        epochs=tuple(adaptation.epochs),
        trained_frames=len(parts.trained),
        held_out_frames=len(parts.held_out),
        held_out_by=parts.by,
        failed=failed,
    )


def _run(
    adaptation: Adaptation,
    parts: Split,
    origin: dict[str, object],
    checkpoint: Path,
    observer: TrainingObserver,
) -> None:
    """Run the remaining epochs; write a checkpoint after each."""
    _write(checkpoint, write_checkpoint(origin, adaptation.state()))
    observer.begun(parts, adaptation.most_epochs, adaptation.start_loss, adaptation.epochs)
    while not adaptation.is_finished:
        adaptation.run_epoch(observer.stepped)
        _write(checkpoint, write_checkpoint(origin, adaptation.state()))
        observer.epoch_ended(adaptation.epochs[-1])


def _require_place(output: Path, options: TrainOptions) -> None:
    """Check, before reading, that the output can and may be written."""
    checkpoint = checkpoint_of(output)
    if output.is_dir() or not output.parent.is_dir():
        problem = "is a folder" if output.is_dir() else f"there is no folder {output.parent}"
        raise ConfigurationError(f"{output}: {problem}; name a file")
    if options.resume and not checkpoint.exists():
        ended = "the training has ended" if output.exists() else "nothing was begun"
        raise ConfigurationError(f"{checkpoint}: is not there: {ended}; leave --resume out")
    if options.resume or options.overwrite:
        return
    if checkpoint.exists():
        raise ConfigurationError(
            f"{checkpoint}: a training was interrupted; continue it with --resume, "
            "or restart with --overwrite"
        )
    if output.exists():
        raise ConfigurationError(f"{output}: exists already; replace it with --overwrite")


def _read(
    inputs: Sequence[str], options: TrainOptions, observer: TrainingObserver
) -> tuple[TrainingFootage, tuple[str, ...]]:
    """Read all inputs; returns also why some of them failed. Frames before a failure count."""
    opened = open_sources(inputs, options.read)
    errors: list[SourceError] = list(opened.errors)
    for error in errors:
        observer.feed_failed(error)
    gatherer, thumbnailer, view = (
        Gatherer(options.max_frames),
        CpuThumbnailer(),
        View(PICTURE_SIDE_PX),
    )
    for source in opened.sources:
        try:
            _read_feed(source, gatherer, thumbnailer, view, observer)
        except SourceError as error:
            errors.append(error)
            observer.feed_failed(error)
    if errors and not len(gatherer):
        raise errors[0]
    return gatherer.footage(), tuple(map(str, errors))


def _read_feed(
    source: Source,
    gatherer: Gatherer,
    thumbnailer: CpuThumbnailer,
    view: View,
    observer: TrainingObserver,
) -> None:
    observer.feed_opened(source.feed, source.expected_frames)
    gatherer.begin_feed()
    read = 0
    with closing(source.frames()) as frames:
        for frame in frames:
            if not frame.corrupt:
                try:
                    thumbnail = thumbnailer.thumbnail(frame.picture, view)
                except SourceError as error:
                    raise SourceError(f"feed '{source.feed}': {error}") from None
                gatherer.add(frame.media_time, thumbnail)
                read += 1
            observer.frame_read()
    observer.feed_ended(source.feed, read, source.warnings())


def _origin(options: TrainOptions, start: Start, footage: TrainingFootage) -> dict[str, object]:
    """Return everything that determines the weights; a checkpoint requires the same values."""
    return {
        "version": __version__,
        "start": start.digest,
        "footage": footage.digest,
        "holdout": options.holdout,
        **asdict(options.recipe),
    }


def _stored(checkpoint: Path, origin: dict[str, object]) -> dict[str, Any]:
    try:
        content = checkpoint.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{checkpoint}: cannot be read: {error.strerror}") from error
    return read_checkpoint(content, origin, str(checkpoint))


def _write(path: Path, content: bytes) -> None:
    with disk_errors(path):
        write_file(path, content, sync=True)


def _remove(path: Path) -> None:
    with disk_errors(path):
        path.unlink(missing_ok=True)
