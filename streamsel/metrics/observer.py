"""The observer that updates the Prometheus metrics of a service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from streamsel.clock import Clock
from streamsel.decisions import DropReason, FeedStatus, SelectionUpdate, SourceCounters
from streamsel.frame import Vectors
from streamsel.interfaces.selectors import LiveSelector
from streamsel.metrics.feeds import FeedMetrics
from streamsel.metrics.line import LineMetrics
from streamsel.metrics.scopes import ScopeMetrics
from streamsel.metrics.spread import Spread


class Metrics:
    """Counts what happens in a service; implements ``streamsel.interfaces.observers.LiveObserver``.

    A registry of its own, so two services in a process do not meet. Labels have values from
    closed lists and the configuration only: about 45 series a feed, 50 at most. Called on the
    loop, but for :meth:`measured`, which is called in the judge's thread.

    Args:
        embedder: Name of the embedder.
        sinks: Names of the sinks; any other is counted as ``other``.
        pairwise: Measures the pairs of (N, D) vectors: ``streamsel.evaluation.diversity.pairwise``.
        clock: Tells when diversity is to be measured again.
    """

    content_type = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(
        self,
        *,
        embedder: str,
        sinks: Sequence[str],
        pairwise: Callable[[Vectors], Spread],
        clock: Clock,
    ) -> None:
        self._registry = CollectorRegistry()
        self._feeds = FeedMetrics(self._registry)
        self._scopes = ScopeMetrics(self._registry, pairwise, clock)
        self._line = LineMetrics(self._registry, embedder, sinks)

    def feed_changed(self, status: FeedStatus) -> None:
        """A feed was added, went up or down, or was opened again."""
        self._feeds.tell(status)

    def feed_removed(self, feed: str) -> None:
        """A feed, or a group with its last feed, is no longer part: its series are removed."""
        self._feeds.remove(feed)
        self._scopes.remove(feed)

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        """What the feed's source has counted so far; a count that goes back is a new source's."""
        self._feeds.tally(feed, tally)

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Frames of a feed gave way."""
        self._feeds.drop(feed, reason, frames)

    def judged(self, update: SelectionUpdate, now: float) -> None:
        """A turn of the judge, at the monotonic time ``now``."""
        for verdict in update.verdicts:
            self._feeds.judge(verdict, now)
            self._line.judge(verdict, now)
        for event in update.events:
            self._feeds.change(event)

    def batched(self, frames: int) -> None:
        """So many frames were embedded together."""
        self._line.batch(frames)

    def took(self, stage: str, seconds: float) -> None:
        """A stage worked for so long."""
        self._line.stage(stage, seconds)

    def waiting(self, queue: str, items: int) -> None:
        """So many items wait in a queue."""
        self._line.queue(queue, items)

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """Look at a selector, in the judge's thread; see :class:`SpreadMeter` for what it costs."""
        self._scopes.measure(scope, selector)

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """What is delivered was counted when it was judged."""

    def sink_failed(self, sink: str, reason: str) -> None:
        """A sink could not do its work; ``reason`` may be the name of the error's class."""
        self._line.sink_failed(sink, reason)

    def stored(self, store_bytes: int, max_bytes: int | None) -> None:
        """The pictures have this size, and may have that; to be told about once a second."""
        self._line.store(store_bytes, max_bytes)

    def outbox(self, messages: int, *, connected: bool) -> None:
        """So many MQTT messages are not acknowledged yet, and whether the broker can be reached.

        To be told about once a second.
        """
        self._line.outbox(messages, connected)

    def configured(self, wall_time: float | None) -> None:
        """The configuration was taken at that time, UTC; None: one was read and not taken."""
        self._line.configured(wall_time)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return, for each feed, what was counted since it was added.

        The names: received, decoded, decode_errors, embedded, kept, evicted, covered, refused,
        dropped, reconnects, interruptions.
        """
        return self._feeds.counts()

    def exposition(self) -> bytes:
        """Return all of it in Prometheus's text format. Safe from any thread.

        About 40 ms with a hundred feeds.
        """
        return generate_latest(_WithoutCreated(self._registry))


class _WithoutCreated(Collector):
    """Leaves out the time when each series was made: it would double their number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [
                sample for sample in metric.samples if not sample.name.endswith("_created")
            ]
            yield metric
