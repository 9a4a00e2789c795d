"""Forecasts a selection from its inputs without writing anything (``--dry-run``)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from streamsel.config.options import RunOptions
from streamsel.errors import SinkError, SourceError
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.sources import Source
from streamsel.record.files import free_bytes
from streamsel.record.folder import Use, foresee
from streamsel.record.reader import Record
from streamsel.record.resuming import added_feeds
from streamsel.record.values import RunPlan
from streamsel.sinks.pictures import Encoder
from streamsel.wiring.embeddings import build_embeddings
from streamsel.wiring.inputs import open_sources
from streamsel.wiring.selection import encoder_of, plan_of
from streamsel.wiring.selector import build_selector

_ROW_BYTES = 220
"""Bytes of a frame in the record besides its embedding: row, indexes and events."""


@dataclass(frozen=True, slots=True)
class ForeseenInput:
    """The forecast of one input.

    ``frames`` is the expected number, None if unknown before reading; ``width`` and ``height`` are
    those of the first picture, in pixels; ``picture_bytes`` is the size of its file. ``error`` says
    why it cannot be read.
    """

    feed: str
    source: str
    frames: int | None
    width: int | None = None
    height: int | None = None
    picture_bytes: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of a selection.

    ``use`` is the use of the folder, None if none was named. ``count`` is the maximum number of
    kept frames. Bytes are estimates, for pictures as large as the first of each input and a record
    of every frame; None if frames or pictures are unknown. ``errors`` are by input, ``passed_over``
    files in searched folders that are not inputs by their names.
    """

    folder: Path | None
    use: Use | None
    inputs: tuple[ForeseenInput, ...]
    count: int
    options: RunOptions
    embedder: str
    picture_bytes: int | None
    record_bytes: int | None
    free_bytes: int | None
    errors: dict[str, str]
    passed_over: tuple[str, ...] = ()

    @property
    def frames(self) -> int | None:
        """The frames of all readable inputs; None if one is unknown."""
        return _sum([one.frames for one in self.inputs if one.error is None])

    def as_json(self) -> dict[str, object]:
        """Return the forecast as JSON values, under its published names."""
        return {
            "dry_run": True,
            "folder": None if self.folder is None else str(self.folder),
            "use": self.use,
            "inputs": [asdict(one) for one in self.inputs],
            "frames": self.frames,
            "count": self.count,
            "method": self.options.select.method,
            "embedder": self.embedder,
            "options": self.options.as_json(),
            "bytes": {
                "pictures": self.picture_bytes,
                "record": self.record_bytes,
                "free": self.free_bytes,
            },
            "errors": list(self.errors.values()),
            "passed_over": list(self.passed_over),
        }


def foresee_selection(
    inputs: Sequence[str],
    options: RunOptions,
    folder: Path | None,
    *,
    resume: bool = False,
    overwrite: bool = False,
) -> Forecast:
    """Open every input, decode its first picture, and forecast the selection.

    Raises the errors of ``build_selection``.
    """
    use = None if folder is None else foresee(folder, resume=resume, overwrite=overwrite)
    leave_out = [] if folder is None else [folder]
    opened = open_sources(inputs, options.read, leave_out=leave_out)
    options = replace(options, read=opened.read)
    embeddings = build_embeddings(options.embed, opened.sources)
    build_selector(options, opened.sources, embeddings.dim)
    if folder is not None and use == "resumed":
        _require_resumable(folder, plan_of(options, opened, embeddings))
    encoder = encoder_of(options.write)
    foreseen = tuple(_foresee(source, encoder) for source in opened.sources)
    found = [one for one in foreseen if one.error is None]
    count = _count(options, found)
    return Forecast(
        folder=folder,
        use=use,
        inputs=foreseen,
        count=count,
        options=options,
        embedder=embeddings.name,
        picture_bytes=_picture_bytes(found, count),
        record_bytes=_record_bytes(found, embeddings),
        free_bytes=None if folder is None else free_bytes(folder.absolute()),
        errors={
            **{error.given: str(error) for error in opened.errors},
            **{one.feed: one.error for one in foreseen if one.error is not None},
        },
        passed_over=opened.passed_over,
    )


def _foresee(source: Source, encoder: Encoder) -> ForeseenInput:
    try:
        with closing(source.frames()) as frames:
            first = next(frames, None)
            picture = None if first is None else encoder.encode(first.picture)
        expected = source.expected_frames
    except (SourceError, SinkError) as error:
        return ForeseenInput(source.feed, source.address, None, error=str(error))
    if first is None or picture is None:
        return ForeseenInput(source.feed, source.address, 0)
    size = len(picture.content)
    return ForeseenInput(source.feed, source.address, expected, first.width, first.height, size)


def _require_resumable(folder: Path, plan: RunPlan) -> None:
    with Record.open(folder) as record:
        added_feeds(folder, record.run().plan, plan)


def _count(options: RunOptions, inputs: Sequence[ForeseenInput]) -> int:
    """Return the maximum number of kept frames."""
    groups = [[one] for one in inputs] if options.select.per_input else [list(inputs)]
    return sum(_kept_of(options, [one.frames for one in group]) for group in groups)


def _kept_of(options: RunOptions, frames: Sequence[int | None]) -> int:
    total = _sum(frames)
    target = options.select.target(total or 0)
    return target if total is None else min(target, total)


def _picture_bytes(inputs: Sequence[ForeseenInput], count: int) -> int | None:
    sizes = [one.picture_bytes for one in inputs if one.picture_bytes is not None]
    return round(count * sum(sizes) / len(sizes)) if sizes else None


def _record_bytes(inputs: Sequence[ForeseenInput], embeddings: Embeddings) -> int | None:
    frames = _sum([one.frames for one in inputs])
    return None if frames is None else frames * (_ROW_BYTES + 4 * embeddings.dim)


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None
