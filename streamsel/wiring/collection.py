"""Builds the pipeline that embeds every frame and selects nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from streamsel.config.options import RunOptions
from streamsel.decisions import Verdict
from streamsel.errors import SourceError
from streamsel.frame import Candidate, FrameKey, PrefilterState
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.observers import Observer
from streamsel.runtime.file_run import FileFeed, Pipeline
from streamsel.wiring.embeddings import build_embeddings, open_thumbnailer, uses_gpu
from streamsel.wiring.inputs import open_sources, streams_of


@dataclass(frozen=True, slots=True)
class CollectionRun:
    """A run that embeds every frame and collects the candidates, for selection by the caller.

    ``candidates`` is filled while the pipeline runs. Of a candidate only the data used by selectors
    is held; picture, luma grid and thumbnail are released. ``streams`` are the feeds that are no
    image files.
    """

    pipeline: Pipeline
    candidates: Sequence[Candidate]
    embeddings: Embeddings
    errors: tuple[SourceError, ...]
    streams: Collection[str]
    passed_over: tuple[str, ...] = ()


class _Collector:
    """A selector that only collects."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.kept: tuple[FrameKey, ...] = ()
        self.warnings: Mapping[str, str] = {}

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        self.candidates += map(_bare, candidates)
        return []

    def finish(self) -> list[Verdict]:
        return []


_NO_LUMA_GRID = np.empty((0, 0), np.uint8)


def _bare(candidate: Candidate) -> Candidate:
    """Return a candidate without the data that no selector uses."""
    candidate.frame.picture.drop()
    prefiltered = replace(
        candidate.prefiltered, luma_grid=_NO_LUMA_GRID, thumbnail=None, state=PrefilterState()
    )
    return Candidate(prefiltered, candidate.embedding)


def build_collection(
    inputs: Sequence[str],
    options: RunOptions,
    *,
    observers: Sequence[Observer] = (),
    embeddings: Embeddings | None = None,
    standard_input: str | None = None,
) -> CollectionRun:
    """Build a pipeline that embeds every frame that is not corrupt, and selects none.

    ``embeddings`` are those of an earlier run with the same options; None: they are loaded.
    ``standard_input`` is the path of the file that holds the input ``-``.
    """
    from streamsel.prefilter.options import PrefilterOptions
    from streamsel.prefilter.prefilter import FramePrefilter

    on_gpu = uses_gpu(options.read)
    opened = open_sources(inputs, options.read, on_gpu=on_gpu, standard_input=standard_input)
    given = embeddings or build_embeddings(options.embed, opened.sources)
    everything = PrefilterOptions(
        black_share=None,
        uniform_share=None,
        exact_duplicates=False,
        freeze_seconds=None,
        unchanged_mean=None,
        min_sharpness=None,
    )
    feeds = [
        FileFeed(
            source, lambda: FramePrefilter(open_thumbnailer(on_gpu=on_gpu), given.view, everything)
        )
        for source in opened.sources
    ]
    collector = _Collector()
    pipeline = Pipeline(feeds, given, collector, [], observers=observers)
    return CollectionRun(
        pipeline,
        collector.candidates,
        given,
        opened.errors,
        streams_of(opened.sources),
        opened.passed_over,
    )
