"""Reads and embeds inputs with a given way of decoding, and measures the time.

Nothing is selected, so the time is that of reading and embedding alone.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from streamsel.choices import Decode
from streamsel.clock import Clock, SystemClock
from streamsel.config.options import RunOptions
from streamsel.decisions import FeedReport, Verdict
from streamsel.evaluation.decode_cost import Spent
from streamsel.frame import Candidate, PrefilteredFrame
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.observers import Observer
from streamsel.runtime.execute import execute
from streamsel.wiring.collection import CollectionRun, build_collection

_WARM_UP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class TimedReading:
    """The candidates read with one way of decoding, and the time spent, by group.

    A group is a feed, or all feeds together under an empty name. ``unusable`` inputs could not be
    opened, ``failed`` inputs could not be read to the end, ``passed_over`` files are not inputs.
    ``streams`` are the feeds that are no image files. ``complete`` is False after an interruption.
    """

    decode: Decode
    groups: Mapping[str, Sequence[Candidate]]
    spent: Mapping[str, Spent]
    embeddings: Embeddings
    streams: Collection[str]
    unusable: tuple[str, ...]
    failed: tuple[str, ...]
    complete: bool
    passed_over: tuple[str, ...]


class TimedReader:
    """Reads the same inputs repeatedly; the embedder is loaded once.

    With ``labelled``, the feed names passed to observers include the way of decoding.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        observers: Sequence[Observer],
        *,
        per_input: bool,
        labelled: bool,
        standard_input: str | None = None,
    ) -> None:
        """``standard_input`` is the path of the file that holds the input ``-``."""
        self._inputs = inputs
        self._observers = observers
        self._per_input = per_input
        self._labelled = labelled
        self._standard_input = standard_input
        self._embeddings: Embeddings | None = None

    def warm_up(self, options: RunOptions) -> TimedReading:
        """Read the first two seconds of each input, so that later timings exclude loading."""
        begin, end = options.read.start or 0.0, options.read.end
        short = begin + _WARM_UP_SECONDS
        stretch = replace(options.read, end=short if end is None else min(short, end))
        return self._read(replace(options, read=stretch), ())

    def read(self, options: RunOptions) -> TimedReading:
        """Read and embed every frame selected by ``options``.

        Raises :class:`StreamselError` as a selection does.
        """
        observers = self._observers
        if self._labelled:
            observers = [_Labelled(one, options.read.decode) for one in observers]
        return self._read(options, observers)

    def _read(self, options: RunOptions, observers: Sequence[Observer]) -> TimedReading:
        watch = _Stopwatch(SystemClock())
        run = build_collection(
            self._inputs,
            options,
            observers=[watch, *observers],
            embeddings=self._embeddings,
            standard_input=self._standard_input,
        )
        self._embeddings = run.embeddings
        complete = execute(run.pipeline)
        return self._grouped(options.read.decode, run, watch.spent, complete=complete)

    def _grouped(
        self,
        decode: Decode,
        run: CollectionRun,
        spent: Mapping[str, Spent],
        *,
        complete: bool,
    ) -> TimedReading:
        groups: dict[str, list[Candidate]] = defaultdict(list)
        for candidate in run.candidates:
            groups[candidate.frame.key.feed if self._per_input else ""].append(candidate)
        if not self._per_input:
            spent = {"": sum(spent.values(), Spent())}
        return TimedReading(
            decode=decode,
            groups=dict(groups),
            spent=spent,
            embeddings=run.embeddings,
            streams=run.streams,
            unusable=tuple(str(error) for error in run.errors),
            failed=tuple(
                report.error for report in run.pipeline.reports if report.error is not None
            ),
            complete=complete,
            passed_over=run.passed_over,
        )


class _Stopwatch:
    """An observer that times each feed from its opening to its end."""

    def __init__(self, clock: Clock) -> None:
        self.spent: dict[str, Spent] = {}
        self._clock = clock
        self._begun = Spent()

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        self._begun = self._now()

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        """Ignored: only the ends of feeds are timed."""

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        """Ignored: nothing is selected."""

    def feed_ended(self, report: FeedReport) -> None:
        begun, now = self._begun, self._now()
        self.spent[report.feed] = Spent(
            now.seconds - begun.seconds, now.cpu_seconds - begun.cpu_seconds
        )

    def _now(self) -> Spent:
        return Spent(self._clock.monotonic(), time.process_time())


class _Labelled:
    """An observer that adds the way of decoding to feed names and forwards to another observer."""

    def __init__(self, observer: Observer, decode: Decode) -> None:
        self._observer = observer
        self._decode = decode

    def feed_opened(self, feed: str, expected_frames: int | None, done_frames: int) -> None:
        self._observer.feed_opened(self._name(feed), expected_frames, done_frames)

    def seen(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> None:
        self._observer.seen(prefiltered_frames)

    def judged(self, verdicts: Sequence[Verdict]) -> None:
        self._observer.judged(verdicts)

    def feed_ended(self, report: FeedReport) -> None:
        self._observer.feed_ended(replace(report, feed=self._name(report.feed)))

    def _name(self, feed: str) -> str:
        return f"{feed} ({self._decode})"
