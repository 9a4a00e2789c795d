"""The summary of a finished run, read from its record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from streamsel.coreset.assign import assign
from streamsel.evaluation.diversity import Coverage, coverage_of, pairwise
from streamsel.frame import Vectors
from streamsel.record.lock import FolderLock
from streamsel.record.reader import Record
from streamsel.record.values import RunPlan
from streamsel.record.writer import RecordWriter

_VECTORS_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a run.

    ``frames`` is the number of judged frames; ``kept`` frames are kept with stored pictures,
    ``unwritten`` frames are kept without (only in a run that did not end). ``admitted`` and
    ``evicted`` count changes of the kept set; ``refused`` and ``covered`` count the other frames by
    reason. ``diversity`` has the pair distances of the kept frames and the distances of the frames
    seen from them, None if there is nothing to measure; ``sees_all`` is False if frames were
    skipped (``--decode``, ``--fps``), about which it says nothing. ``seconds`` is the duration of
    the run since its first start. ``errors`` and ``warnings`` are by feed; ``errors`` includes
    inputs that could not be opened.
    """

    folder: Path
    status: str
    frames: int
    kept: int
    unwritten: int
    admitted: int
    evicted: int
    covered: dict[str, int]
    refused: dict[str, int]
    diversity: dict[str, float | int | None]
    sees_all: bool
    seconds: float
    embedder: dict[str, str]
    errors: dict[str, str]
    warnings: dict[str, tuple[str, ...]]

    def as_json(self) -> dict[str, object]:
        """Return the figures under their published names."""
        return {
            "folder": str(self.folder),
            "status": self.status,
            "frames": self.frames,
            "kept": self.kept,
            "unwritten": self.unwritten,
            "admitted": self.admitted,
            "evicted": self.evicted,
            "covered": self.covered,
            "refused": self.refused,
            "diversity": self.diversity,
            "sees_all": self.sees_all,
            "seconds": round(self.seconds, 3),
            "embedder": self.embedder,
            "errors": self.errors,
            "warnings": {feed: list(lines) for feed, lines in self.warnings.items()},
        }


def summarise(folder: Path) -> Summary:
    """Read a run's record and measure its result.

    Raises :class:`RecordError` if the folder holds no run. O(N C D) time for N embedded frames and
    C kept ones; memory does not grow with the seen frames.
    """
    with Record.open(folder) as record:
        run = record.run()
        counts = record.counts()
        kept = list(record.kept())
        written = sum(frame.picture is not None for frame in kept)
        embeddings = [record.embedding(frame.key) for frame in kept]
        vectors = [vector for vector in embeddings if vector is not None]
        stacked = np.stack(vectors) if vectors else np.zeros((0, 1), np.float32)  # (C, D)
        feeds = record.feeds()
        return Summary(
            folder=folder,
            status=run.status,
            frames=sum(counts.outcomes.values()),
            kept=written,
            unwritten=len(kept) - written,
            admitted=counts.admitted,
            evicted=counts.evicted,
            covered=counts.reasons("covered"),
            refused=counts.reasons("refused"),
            diversity=_diversity(stacked, _blocks(record)),
            sees_all=_sees_all(run.plan),
            seconds=(run.finished or run.started) - run.started,
            embedder={"name": run.plan.embedder, "digest": run.plan.embedder_digest},
            errors={
                **record.unopened(),
                **{feed.name: feed.error for feed in feeds if feed.error is not None},
            },
            warnings={feed.name: feed.warnings for feed in feeds if feed.warnings},
        )


def store_statistics(summary: Summary) -> None:
    """Write the figures of a finished run into its record.

    Raises :class:`FolderInUseError` while another process writes there, :class:`SinkError` if it
    cannot be written.
    """
    lock = FolderLock(summary.folder)
    try:
        with closing(RecordWriter.resume(summary.folder, strict=False)) as record:
            counts = {"frames": summary.frames, "kept": summary.kept}
            changes = {"admitted": summary.admitted, "evicted": summary.evicted}
            record.progress.set_statistics({**counts, **changes, "diversity": summary.diversity})
    finally:
        lock.release()


def _sees_all(plan: RunPlan) -> bool:
    """Whether every frame between start and end of the inputs was decoded."""
    read = plan.identity.get("read")
    asked = read if isinstance(read, Mapping) else {}
    return asked.get("decode", "all") in ("all", "fast") and asked.get("fps") is None


def _blocks(record: Record) -> Iterator[Vectors]:
    vectors = (one.embedding for one in record.candidates() if one.embedding is not None)
    while block := list(islice(vectors, _VECTORS_AT_ONCE)):
        yield np.stack(block)  # (N, D)


def _diversity(kept: Vectors, seen: Iterator[Vectors]) -> dict[str, float | int | None]:
    pairs = pairwise(kept)
    found = Coverage(math.nan, math.nan, math.nan)
    if len(kept):
        distances = [assign(block, kept).distances for block in seen]
        found = coverage_of(np.concatenate(distances))
    figures = {
        "mean": pairs.mean,
        "min": pairs.min,
        "max": pairs.max,
        "p10": pairs.p10,
        "p90": pairs.p90,
        "radius": found.radius,
        "radius_p99": found.p99,
    }
    return {
        "count": pairs.count,
        **{name: value if math.isfinite(value) else None for name, value in figures.items()},
    }
