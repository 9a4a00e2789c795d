"""Options to objects: alone knows the concrete classes, and imports the heavy ones when asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from streamsel.clock import Clock, SystemClock
from streamsel.config.options import ReadOptions, RunOptions
from streamsel.errors import ConfigurationError, RecordError, SourceError, UnreadableError
from streamsel.event import FeedReport, Verdict
from streamsel.frame import Candidate, Frame, FrameKey
from streamsel.interfaces import Embedder, Observer, Screen, Selector, Source
from streamsel.runtime.pipeline import Lane, Pipeline
from streamsel.version import __version__

if TYPE_CHECKING:
    from streamsel.sinks.disk import DiskSink
    from streamsel.sinks.record import Record
    from streamsel.sinks.run import Feed, RunPlan

_REPLAYED_AT_ONCE = 512
_CHUNK = 32_768


@dataclass(frozen=True, slots=True)
class Opened:
    """The feeds that can be read, and why other inputs cannot."""

    sources: tuple[Source, ...]
    errors: tuple[SourceError, ...]


@dataclass(frozen=True, slots=True)
class SelectionRun:
    """A selection that is ready to run into a folder.

    ``errors`` are the inputs that could not be opened.
    """

    pipeline: Pipeline
    sink: DiskSink
    embedder: Embedder
    errors: tuple[SourceError, ...]


def open_sources(
    inputs: Sequence[str], read: ReadOptions, *, leave_out: Sequence[Path] = ()
) -> Opened:
    """Find the feeds behind what the user typed; nothing is decoded yet.

    Raises :class:`ConfigurationError` for a filter chain that cannot be, and
    :class:`UnreadableError` when no input is left.
    """
    from streamsel.sources.address import expand
    from streamsel.sources.file import FileSource
    from streamsel.sources.images import ImageSource

    found = expand(inputs, leave_out=leave_out)
    if not found.inputs:
        raise UnreadableError("; ".join(str(error) for error in found.errors) or "no inputs")
    sources: list[Source] = [
        FileSource(one.feed, one.location, **asdict(read))
        if one.images is None
        else ImageSource(one.feed, one.images, **asdict(read))
        for one in found.inputs
    ]
    return Opened(tuple(sources), found.errors)


def build_selection(
    inputs: Sequence[str],
    options: RunOptions,
    folder: Path,
    *,
    resume: bool = False,
    overwrite: bool = False,
    observers: Sequence[Observer] = (),
    clock: Clock | None = None,
    batch: int = 32,
) -> SelectionRun:
    """Build the whole line for a selection into a folder.

    Raises :class:`ConfigurationError` for what cannot be asked for, :class:`FolderInUseError` when
    the folder holds something else, :class:`EmbedderError` and :class:`SourceError` when the
    network or no input at all can be opened. Nothing in the folder has been touched then, except
    that ``overwrite`` comes last.
    """
    from streamsel.embed.registry import create
    from streamsel.screen.frame_screen import FrameScreen
    from streamsel.sinks.disk import DiskOptions, DiskSink
    from streamsel.sinks.encode import Encoder
    from streamsel.sinks.record import Record
    from streamsel.sources.eye import Eye

    def open_screen(feed: Feed) -> Screen:
        screen = FrameScreen(Eye(), embedder.input_size, options.screen)
        if feed.recorded:
            with Record.open(folder) as record:
                screen.resume(*record.screen_state(feed.name, screen.memory))
        return screen

    write = options.write
    encoder = Encoder(write.format, write.quality, write.size)
    opened = open_sources(inputs, options.read, leave_out=[folder])
    embed = options.embed
    embedder = create(embed.embedder, weights=embed.weights, device=embed.device)
    selector = _selector(options, opened.sources, embedder.dim)
    if overwrite:
        _require_readable(opened.sources)
    sink = DiskSink(
        folder,
        _plan(options, opened.sources, embedder),
        encoder,
        clock or SystemClock(),
        DiskOptions(resume=resume, overwrite=overwrite, durability=write.durability),
    )
    try:
        if resume and not sink.complete:
            _replay(sink.record, selector)
        lanes = []
        feeds = sink.record.feeds()
        for place, (source, feed) in enumerate(zip(opened.sources, feeds, strict=True)):
            # A feed that failed is tried again, unless a later one has been read since.
            settled = feed.error is None or any(later.recorded for later in feeds[place + 1 :])
            done = sink.complete or (feed.done and settled)
            lanes.append(Lane(source, partial(open_screen, feed), feed.recorded, done))
    except BaseException:
        sink.close(False)
        raise
    pipeline = Pipeline(lanes, embedder, selector, [sink], observers=observers, batch=batch)
    return SelectionRun(pipeline, sink, embedder, opened.errors)


@dataclass(frozen=True, slots=True)
class CollectionRun:
    """A run that embeds every frame and keeps the candidates, to select among them by hand.

    ``candidates`` and ``reports`` fill while the pipeline runs.
    """

    pipeline: Pipeline
    candidates: Sequence[Candidate]
    reports: Sequence[FeedReport]
    embedder: Embedder
    errors: tuple[SourceError, ...]


class _Collector:
    """A selector that only gathers, and a sink that only hears how feeds ended."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []
        self.reports: list[FeedReport] = []
        self.kept: tuple[FrameKey, ...] = ()

    def judge(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        self.candidates += candidates
        return []

    def finish(self) -> list[Verdict]:
        return []

    def write(self, verdicts: Sequence[Verdict]) -> None:
        """No verdict ever comes."""

    def feed_ended(self, report: FeedReport) -> None:
        self.reports.append(report)

    def missing(self) -> Sequence[FrameKey]:
        return ()

    def supply(self, frame: Frame) -> None:
        """No picture is ever missing."""

    def close(self, complete: bool) -> None:
        """Nothing is held."""


def build_collection(
    inputs: Sequence[str], options: RunOptions, *, observers: Sequence[Observer] = ()
) -> CollectionRun:
    """Build a line that embeds every frame that is not corrupt, and decides nothing."""
    from streamsel.embed.registry import create
    from streamsel.screen.frame_screen import FrameScreen
    from streamsel.screen.options import ScreenOptions
    from streamsel.sources.eye import Eye

    opened = open_sources(inputs, options.read)
    embed = options.embed
    embedder = create(embed.embedder, weights=embed.weights, device=embed.device)
    everything = ScreenOptions(
        black_share=None,
        uniform_share=None,
        exact_duplicates=False,
        freeze_seconds=None,
        unchanged_mean=None,
        min_sharpness=None,
    )
    lanes = [
        Lane(source, lambda: FrameScreen(Eye(), embedder.input_size, everything))
        for source in opened.sources
    ]
    collector = _Collector()
    pipeline = Pipeline(lanes, embedder, collector, [collector], observers=observers)
    return CollectionRun(pipeline, collector.candidates, collector.reports, embedder, opened.errors)


def _selector(options: RunOptions, sources: Sequence[Source], dim: int) -> Selector:
    if not options.select.per_input:
        return _selector_over(options, sources, dim)
    from streamsel.coreset.per_feed import PerFeedSelector

    # All of them now: what cannot be asked for must be said before anything is touched.
    selectors = {source.feed: _selector_over(options, [source], dim) for source in sources}
    return PerFeedSelector(selectors.pop)


def _selector_over(options: RunOptions, sources: Sequence[Source], dim: int) -> Selector:
    from streamsel.coreset.offline import RandomSelector, TwoPassSelector, UniformSelector
    from streamsel.coreset.selector import OnlineSelector

    select = options.select
    count = _count(options, sources)
    if select.method == "random":
        return RandomSelector(count, seed=select.seed)
    if select.method == "uniform":
        return UniformSelector(count, _total(sources, "the uniform method"))
    if select.method == "two-pass":
        chunk = max(_CHUNK, count)
        return TwoPassSelector(count, min_distance=select.min_distance, chunk=chunk)
    return OnlineSelector(
        count,
        dim,
        floor=select.near_duplicate,
        min_distance=select.min_distance,
        look_ahead=select.look_ahead,
        window=select.window,
    )


def _count(options: RunOptions, sources: Sequence[Source]) -> int:
    """How many frames to keep of all these sources together."""
    total = 0 if options.select.share is None else _total(sources, "a share")
    return options.select.target(total)


def _total(sources: Sequence[Source], wanted_by: str) -> int:
    total = 0
    for source in sources:
        expected = source.expected_frames
        if expected is None and not _is_readable(source):
            continue  # it will be reported when its turn comes
        if expected is None:
            raise ConfigurationError(
                f"{wanted_by} needs inputs of known length, and that of feed {source.feed!r} "
                "cannot be told; give a count instead"
            )
        total += expected
    return max(1, total)


def _is_readable(source: Source) -> bool:
    try:
        with closing(source.frames()) as frames:
            next(frames, None)
    except SourceError:
        return False
    return True


def _require_readable(sources: Sequence[Source]) -> None:
    """Raise the first source's error where none of them can be read."""
    if any(_is_readable(source) for source in sources):
        return
    with closing(sources[0].frames()) as frames:
        next(frames, None)


def _plan(options: RunOptions, sources: Sequence[Source], embedder: Embedder) -> RunPlan:
    from streamsel.sinks.run import FeedPlan, RunPlan

    config = options.as_json()
    apart = {"method", "count", "seed"}  # the plan has these by themselves
    deciding = {
        "read": config["read"],
        "screen": config["screen"],
        "select": {name: value for name, value in config["select"].items() if name not in apart},
        "pictures": {name: config["write"][name] for name in ("format", "quality", "size")},
        "content": {source.feed: source.fingerprint for source in sources},
    }
    return RunPlan(
        version=__version__,
        config=config,
        identity=deciding,
        embedder=embedder.name,
        embedder_digest=embedder.digest,
        method=options.select.method,
        count=options.select.count,
        seed=options.select.seed,
        feeds=tuple(FeedPlan(source.feed, source.address) for source in sources),
    )


def _replay(record: Record, selector: Selector) -> None:
    """Bring a fresh selector to where the recorded run was: it depends on the stream alone.

    It may owe verdicts at the end that are recorded already; the sink passes those over.
    """
    with closing(record.candidates()) as candidates, closing(record.decisions()) as decisions:
        while batch := list(islice(candidates, _REPLAYED_AT_ONCE)):
            for verdict, decided in zip(selector.judge(batch), decisions, strict=False):
                was = (decided.key, decided.outcome, decided.nearest)
                if (verdict.frame.key, verdict.outcome, verdict.nearest) != was:
                    raise RecordError(
                        f"{record.folder}: this version decides otherwise about {decided.key} "
                        "than is recorded; start again with --overwrite"
                    )
