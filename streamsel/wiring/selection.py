"""Builds a selection that runs into a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from streamsel.clock import Clock, SystemClock
from streamsel.config.options import CALIBRATION, RunOptions, WriteOptions
from streamsel.errors import InputError, RecordError
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.observers import Observer
from streamsel.interfaces.selectors import Selector
from streamsel.runtime.file_run import Pipeline
from streamsel.version import __version__
from streamsel.wiring.embeddings import build_embeddings, uses_gpu
from streamsel.wiring.feeds import FeedReaders
from streamsel.wiring.inputs import OpenedInputs, open_sources, require_readable
from streamsel.wiring.room import Room, estimate_room
from streamsel.wiring.selector import build_selector
from streamsel.wiring.standard_input import StandardInput, asks_for_standard_input

if TYPE_CHECKING:
    from streamsel.record.reader import Record
    from streamsel.record.values import RunPlan
    from streamsel.record.writer import RecordWriter
    from streamsel.sinks.pictures import Encoder
    from streamsel.sinks.run_folder import DiskSink
    from streamsel.sources.inputs import Input

_REPLAYED_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class SelectionRun:
    """A selection ready to run into a folder.

    ``errors`` are the inputs that could not be opened, ``passed_over`` files that are not inputs.
    ``room`` is the estimated disk space, None if unknown.
    """

    pipeline: Pipeline
    sink: DiskSink
    embeddings: Embeddings
    errors: tuple[InputError, ...]
    passed_over: tuple[str, ...] = ()
    room: Room | None = None


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
    jobs: int = 1,
) -> SelectionRun:
    """Build the pipeline of a selection into a folder.

    ``jobs`` inputs are read in parallel, each in its own process if there are several; like
    ``batch``, this changes speed, never a decision.

    Raises :class:`ConfigurationError` for invalid options, :class:`FolderInUseError` if the folder
    holds something else, :class:`EmbedderError` and :class:`SourceError` if the network, the table
    or every input cannot be opened. The folder is unchanged then, because ``overwrite`` comes last.
    """
    from streamsel.sinks.run_folder import DiskOptions, DiskSink

    write = options.write
    encoder = encoder_of(write)
    on_gpu = jobs == 1 and uses_gpu(options.read)
    with ExitStack() as unfinished:
        held = _hold(inputs, folder, resume=resume, overwrite=overwrite, until=unfinished)
        opened = open_sources(
            inputs, options.read, leave_out=[folder], on_gpu=on_gpu, standard_input=held
        )
        options = replace(options, read=opened.read)
        embeddings = build_embeddings(options.embed, opened.sources)
        room = None if resume else estimate_room(folder, options, opened.inputs, embeddings.dim)
        selector = build_selector(options, opened.sources, embeddings.dim)
        if overwrite:
            require_readable(opened.sources)
        sink = DiskSink(
            folder,
            plan_of(options, opened, embeddings),
            encoder,
            clock or SystemClock(),
            DiskOptions(resume=resume, overwrite=overwrite, durability=write.durability),
        )
        try:
            if resume and not sink.complete:
                sink.go_on(_replay(sink.record.reader, selector))
            _note_unopened(sink.record, opened.errors)
            feed_readers = FeedReaders(folder, options, embeddings.view, on_gpu=on_gpu)
            feeds = sink.record.reader.feeds()
            for place, (source, feed) in enumerate(zip(opened.sources, feeds, strict=True)):
                # A failed feed is retried, unless a later one was read since.
                settled = feed.error is None or any(later.recorded for later in feeds[place + 1 :])
                done = sink.complete or (feed.done and settled)
                feed_readers.add(source, opened.inputs[place], feed, done=done)
        except BaseException:
            sink.close()
            raise
        unfinished.callback(feed_readers.close)
        pipeline = Pipeline(
            feed_readers.over(jobs),
            embeddings,
            selector,
            [sink],
            observers=observers,
            batch=batch,
            close=unfinished.pop_all().close,
        )
        return SelectionRun(pipeline, sink, embeddings, opened.errors, opened.passed_over, room)


def _hold(
    inputs: Sequence[str], folder: Path, *, resume: bool, overwrite: bool, until: ExitStack
) -> str | None:
    """Spool standard input if it is an input; return the path of the file, held ``until`` then."""
    from streamsel.record.files import disk_errors, make_folder
    from streamsel.record.folder import foresee

    if not asks_for_standard_input(inputs, resume=resume):
        return None
    foresee(folder, resume=False, overwrite=overwrite)
    with disk_errors(folder):
        make_folder(folder)
    held = StandardInput(folder)
    until.callback(held.close)
    return held.location


def encoder_of(write: WriteOptions) -> Encoder:
    """Return the encoder of pictures. Raises :class:`ConfigurationError` for invalid options."""
    from streamsel.sinks.pictures import Encoder

    return Encoder(
        write.format,
        write.quality,
        write.size,
        keep_pixels=write.keep_pixels,
        keep_hdr=write.keep_hdr,
    )


def plan_of(options: RunOptions, opened: OpenedInputs, embeddings: Embeddings) -> RunPlan:
    """Return the plan of the run, for its record."""
    from streamsel.record.rules import RULES
    from streamsel.record.values import FeedPlan, RunPlan

    config, sources, inputs = options.as_json(), opened.sources, opened.inputs
    apart = {"method", "count", "seed"}  # the plan has fields for these
    deciding = {
        "rules": dict(RULES),
        # With these at their defaults the identity equals that of versions without them.
        "read": {name: value for name, value in config["read"].items() if value or name != "mask"},
        "screen": {
            name: value
            for name, value in config["prefilter"].items()
            if (name, value) != ("change_weight", "auto")
        },
        "select": {
            name: value
            for name, value in config["select"].items()
            if name not in apart
            and (name, value) not in (("calibration", CALIBRATION), ("burst", "auto"))
        },
        "pictures": {
            name: value for name, value in config["write"].items() if name != "durability"
        },
        "places": {one.feed: _place(one) for one in inputs},
        "content": {source.feed: source.fingerprint for source in sources},
    }
    return RunPlan(
        version=__version__,
        config=config,
        identity=deciding,
        embedder=embeddings.name,
        embedder_digest=embeddings.digest,
        method=options.select.method,
        count=options.select.count,
        seed=options.select.seed,
        feeds=tuple(
            FeedPlan(source.feed, source.address, one.display_name)
            for source, one in zip(sources, inputs, strict=True)
        ),
    )


def _note_unopened(record: RecordWriter, errors: Sequence[InputError]) -> None:
    """Record which inputs could not be opened, and why."""
    unopened = {error.given: str(error) for error in errors}
    if record.reader.unopened() != unopened:
        record.set_unopened(unopened)


def _place(one: Input) -> str:
    """Return the canonical location of an input, by any path or link; credentials masked."""
    from streamsel.redaction import redact
    from streamsel.sources.inputs import is_url

    return redact(one.location if is_url(one.location) else os.path.realpath(one.location))


def _replay(record: Record, selector: Selector) -> int:
    """Replay the recorded stream to a new selector, which depends only on the stream.

    Returns how many verdicts it gave. Some recorded verdicts may be outstanding; the sink skips
    those, unless the run continues with more inputs than they were given for.
    """
    judged = 0
    with closing(record.candidates()) as candidates, closing(record.decisions()) as decisions:
        while batch := list(islice(candidates, _REPLAYED_AT_ONCE)):
            verdicts = selector.judge(batch)
            judged += len(verdicts)
            for verdict, decided in zip(verdicts, decisions, strict=False):
                was = (decided.key, decided.outcome, decided.nearest)
                if (verdict.frame.key, verdict.outcome, verdict.nearest) != was:
                    raise RecordError(
                        f"{record.folder}: this version decides otherwise about {decided.key} "
                        "than is recorded; start again with --overwrite"
                    )
    return judged
