"""The observer that updates the Prometheus metrics of a service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from streamsel.clock import Clock
from streamsel.decisions import DropReason, FeedStatus, SelectionUpdate, SourceCounters
from streamsel.frame import Vectors
from streamsel.interfaces.observers import LiveObserver
from streamsel.interfaces.selectors import LiveSelector
from streamsel.metrics.feeds import FeedMetrics
from streamsel.metrics.line import LineMetrics
from streamsel.metrics.scopes import ScopeMetrics
from streamsel.metrics.spread import Spread


class Metrics(LiveObserver):
    """Updates the metrics of a service; implements ``streamsel.interfaces.observers.LiveObserver``.

    Has its own registry, so that several services in a process stay separate. Label values come
    only from closed lists and the configuration: about 45 series per feed, 50 at most. Called on
    the event loop, except :meth:`measured`, which is called in the judge's thread.

    Args:
        embedder: Name of the embedder.
        sinks: Names of the sinks; others count as ``other``.
        pairwise: Measures the pairs of (N, D) vectors: ``streamsel.evaluation.diversity.pairwise``.
        clock: Decides when diversity is measured again.
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
        """A feed was added, went up or down, or was reopened."""
        self._feeds.tell(status)

    def feed_removed(self, feed: str) -> None:
        """A feed was removed, or a group with its last feed: remove its series."""
        self._feeds.remove(feed)
        self._scopes.remove(feed)

    def tallied(self, feed: str, tally: SourceCounters) -> None:
        """The counters of the feed's source; a decrease means a new source."""
        self._feeds.tally(feed, tally)

    def dropped(self, feed: str, reason: DropReason, frames: int) -> None:
        """Frames of a feed were dropped."""
        self._feeds.drop(feed, reason, frames)

    def judged(self, update: SelectionUpdate, now: float) -> None:
        """The judge finished a turn, at monotonic time ``now`` in seconds."""
        for verdict in update.verdicts:
            self._feeds.judge(verdict, now)
            self._line.judge(verdict, now)
        for event in update.events:
            self._feeds.change(event)

    def batched(self, frames: int) -> None:
        """A batch was embedded."""
        self._line.observe_batch(frames)

    def stage_finished(self, stage: str, seconds: float) -> None:
        """A stage has worked."""
        self._line.observe_stage(stage, seconds)

    def queue_measured(self, queue: str, items: int) -> None:
        """The length of a queue."""
        self._line.set_queue_length(queue, items)

    def measured(self, scope: str, selector: LiveSelector) -> None:
        """Measure a selector, in the judge's thread; see :class:`SpreadMeter` for the cost."""
        self._scopes.measure(scope, selector)

    def delivered(self, sink: str, update: SelectionUpdate) -> None:
        """Ignored: frames are counted when judged."""

    def sink_failed(self, sink: str, reason: str) -> None:
        """A sink failed; ``reason`` may be the name of the error's class."""
        self._line.count_sink_failure(sink, reason)

    def set_store_bytes(self, store_bytes: int, max_bytes: int | None) -> None:
        """Set size and limit of the stored pictures; call about once a second."""
        self._line.set_store_bytes(store_bytes, max_bytes)

    def set_outbox(self, messages: int, *, connected: bool) -> None:
        """Set the number of unacknowledged MQTT messages, and whether the broker is connected.

        Call about once a second.
        """
        self._line.set_outbox(messages, connected)

    def record_reload(self, wall_time: float | None) -> None:
        """Record the time of a configuration reload, UTC epoch seconds; None: a reload failed."""
        self._line.record_reload(wall_time)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return the counters of each feed since it was added.

        The names: received, decoded, decode_errors, embedded, kept, evicted, covered, refused,
        dropped, reconnects, interruptions.
        """
        return self._feeds.counts()

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format. Safe from any thread.

        About 40 ms with a hundred feeds.
        """
        return generate_latest(_WithoutCreated(self._registry))


class _WithoutCreated(Collector):
    """Omits the creation time of each series, which would double their number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            metric.samples = [
                sample for sample in metric.samples if not sample.name.endswith("_created")
            ]
            yield metric
