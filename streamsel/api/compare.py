"""``streamsel.compare``: every selection method on the same frames, as tables."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from os import PathLike
from pathlib import Path

from streamsel.api.arguments import as_written, texts
from streamsel.api.progress import open_progress
from streamsel.api.timed_reading import TimedReader, TimedReading
from streamsel.choices import Calibration, Decode, NearDuplicate, ShowProgress
from streamsel.config.options import RunOptions, SelectOptions, run_options
from streamsel.config.types import require_types
from streamsel.errors import ConfigurationError
from streamsel.evaluation import comparison as methods
from streamsel.evaluation.comparison import ComparisonRow
from streamsel.evaluation.decode_cost import DecodeCosts, DecodeRow
from streamsel.interfaces.observers import Observer
from streamsel.report.plot import check_plot, plot_comparison
from streamsel.wiring.standard_input import StandardInput, asks_for_standard_input


@dataclass(frozen=True, slots=True)
class Table:
    """The comparison of one input, or of several inputs together, with ``count`` frames to keep.

    ``rows`` compare the methods on the frames decoded with ``decode``. ``decode_rows`` compare
    several ways of decoding; empty if there is only one.
    """

    inputs: tuple[str, ...]
    frames: int
    count: int
    embedder: str
    rows: tuple[ComparisonRow, ...]
    decode: Decode = "all"
    decode_rows: tuple[DecodeRow, ...] = ()

    @property
    def title(self) -> str:
        """The inputs in one line, with the way of decoding unless it is ``all``."""
        names = ", ".join(self.inputs[:3])
        more = len(self.inputs) - 3
        way = "" if self.decode == "all" else f" (decoded: {self.decode})"
        return (f"{names} and {more} more" if more > 0 else names) + way

    def as_json(self) -> dict[str, object]:
        """Return the table as JSON values, under its published names."""
        table: dict[str, object] = {
            "input": self.inputs[0] if len(self.inputs) == 1 else list(self.inputs),
            "count": self.count,
            "embedder": self.embedder,
            "rows": [row.as_json() for row in self.rows],
        }
        if self.decode != "all":
            table["decoded"] = self.decode
        if self.decode_rows:
            table["decode"] = [row.as_json() for row in self.decode_rows]
        return table


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison: one table, or one per input, in ``tables``.

    ``unusable`` inputs could not be opened. ``failed`` inputs could not be read to the end.
    ``passed_over`` are files in searched folders that are not inputs by their names.
    """

    tables: tuple[Table, ...]
    unusable: tuple[str, ...]
    failed: tuple[str, ...]
    complete: bool
    passed_over: tuple[str, ...] = ()


def compare(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    count: int | None = None,
    share: float | None = None,
    per_input: bool = False,
    near_duplicate: NearDuplicate = "auto",
    calibration: Calibration = "held-back",
    look_ahead: int = 32,
    seed: int = 0,
    start: float | None = None,
    end: float | None = None,
    fps: float | None = None,
    mask: str | Sequence[str] = (),
    vf: str | None = None,
    decode: Decode | Sequence[Decode] = "all",
    embedder: str = "builtin",
    weights: str | PathLike[str] | None = None,
    device: str = "auto",
    embeddings: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    plot: str | PathLike[str] | None = None,
    progress: ShowProgress = "auto",
) -> Comparison:
    """Compare every frame, a fixed rate, random frames and both of our methods on the inputs.

    Arguments have the meaning and the bounds of the ``streamsel compare`` options of the same name;
    times are seconds. ``decode`` is one way of decoding, or several to compare. ``plot`` is a file
    for the plot of the only table. ``progress`` is shown as by :func:`select`. Memory: the vectors
    of all frames.

    Raises :class:`StreamselError`: :class:`ConfigurationError` for invalid arguments,
    :class:`SourceError` if no input can be read, :class:`SinkError` if the plot cannot be written.

    ::

        comparison = streamsel.compare("walk.mp4", count=99)
        for row in comparison.tables[0].rows:
            print(row.method, row.mean, row.radius)
    """
    given = dict(locals())
    require_types(compare, given)
    decodes: tuple[Decode, ...] = (decode,) if isinstance(decode, str) else tuple(decode)
    if len(set(decodes)) < max(1, len(decodes)):
        raise ConfigurationError("decode must name at least one way of decoding, and each once")
    plotted = None if plot is None else Path(plot)
    if plotted is not None:
        if per_input:
            raise ConfigurationError("plot draws one table; give it without per_input")
        check_plot(plotted)
    options = run_options(as_written(given) | {"decode": decodes[0], "per_input": False})
    with open_progress(progress) as display:
        comparison = compare_inputs(
            texts(inputs),
            options,
            decodes=decodes,
            per_input=per_input,
            observers=[] if display is None else [display],
        )
    if not comparison.complete:
        raise KeyboardInterrupt
    if plotted is not None and comparison.tables:
        plot_comparison(comparison.tables[0].rows, comparison.tables[0].title, plotted)
    return comparison


def compare_inputs(
    inputs: Sequence[str],
    options: RunOptions,
    *,
    decodes: Sequence[Decode] = (),
    per_input: bool = False,
    observers: Sequence[Observer] = (),
) -> Comparison:
    """Embed the frames of the inputs and compare every selection method on them.

    All inputs make one table, or one each with ``per_input``. With several ways of decoding in
    ``decodes`` the inputs are first read in full, then once per way, and each way is measured
    against the full reading; the methods are compared on the frames of the first way named. After
    an interruption the tables cover what was read completely.

    Memory: the vectors of all frames, plus those of one more way of decoding. Raises
    :class:`StreamselError` as a selection does.
    """
    with ExitStack() as stack:
        standard_input: str | None = None
        if asks_for_standard_input(inputs):
            held = stack.enter_context(closing(StandardInput(Path(tempfile.gettempdir()))))
            standard_input = held.location
        reader = partial(TimedReader, inputs, observers, per_input=per_input)
        return _compare(partial(reader, standard_input=standard_input), options, decodes)


def _compare(
    open_reader: Callable[..., TimedReader], options: RunOptions, decodes: Sequence[Decode]
) -> Comparison:
    asked = tuple(decodes) or (options.read.decode,)
    several = len(asked) > 1
    ways = tuple(dict.fromkeys(("all", *asked))) if several else asked
    runs = [replace(options, read=replace(options.read, decode=way)) for way in ways]
    reader = open_reader(labelled=several)
    if several and not (short := reader.warm_up(runs[0])).complete:
        return Comparison((), short.unusable, (), complete=False)
    measured: dict[str, _Group] | None = None
    failed: dict[str, None] = {}
    unusable: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    complete = True
    for run in runs:
        reading = reader.read(run)
        unusable, complete = reading.unusable, reading.complete
        passed_over = reading.passed_over
        failed |= dict.fromkeys(reading.failed)
        if measured is None:
            measured = _groups(reading, options.select)
        for name, group in measured.items():
            # After an interruption before the first way named, the table uses what was read.
            if group.table is None and (reading.decode == asked[0] or not complete):
                group.compare(name, reading)
            if several and complete:
                group.measure(name, reading)
        del reading  # Otherwise its frames would stay in memory during the next reading.
        if not complete:
            break
    tables = (group.result() for group in (measured or {}).values())
    return Comparison(
        tables=tuple(table for table in tables if table is not None),
        unusable=unusable,
        failed=tuple(failed),
        complete=complete,
        passed_over=passed_over,
    )


def _groups(first: TimedReading, options: SelectOptions) -> dict[str, _Group]:
    """Return the groups to measure together, from the first reading."""
    return {
        name: _Group(
            tuple(dict.fromkeys(one.frame.key.feed for one in candidates)),
            options.target(len(candidates)),
            options,
        )
        for name, candidates in first.groups.items()
    }


class _Group:
    """One table under construction: its feeds, and the number of frames to keep."""

    def __init__(self, feeds: tuple[str, ...], count: int, options: SelectOptions) -> None:
        self.table: Table | None = None
        self._feeds = feeds
        self._count = count
        self._options = options
        self._costs: DecodeCosts | None = None
        self._decode_rows: list[DecodeRow] = []

    def compare(self, name: str, reading: TimedReading) -> None:
        """Compare the methods on the frames of a reading."""
        candidates = reading.groups.get(name, ())
        rows = methods.compare(
            candidates,
            self._count,
            near_duplicate=self._options.near_duplicate,
            calibration=self._options.calibration,
            streams=reading.streams,
            look_ahead=self._options.look_ahead,
            seed=self._options.seed,
        )
        self.table = Table(
            self._feeds,
            len(candidates),
            self._count,
            reading.embeddings.name,
            tuple(rows),
            reading.decode,
        )

    def measure(self, name: str, reading: TimedReading) -> None:
        """Measure a way of decoding; the first call must be for decoding in full."""
        candidates = reading.groups.get(name, ())
        if self._costs is None:
            if all(one.embedding is None for one in candidates):
                return
            self._costs = DecodeCosts(
                candidates,
                self._count,
                near_duplicate=self._options.near_duplicate,
                calibration=self._options.calibration,
                streams=reading.streams,
                look_ahead=self._options.look_ahead,
            )
        spent = reading.spent[name]
        row = self._costs.row(reading.decode, candidates, spent, restored=reading.decode == "fast")
        self._decode_rows.append(row)

    def result(self) -> Table | None:
        """Return the table with the measured ways of decoding; None if nothing was compared."""
        if self.table is None:
            return None
        return replace(self.table, decode_rows=tuple(self._decode_rows))
