"""Metrics of the pipeline as a whole: stages, queues, sinks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

from streamsel.decisions import Verdict
from streamsel.metrics.labels import OTHER, SINK_REASONS, STAGES, one_of, sink_reason
from streamsel.version import __version__

_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
_BATCH_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)
_DISTANCE_BUCKETS = (
    *(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5),
    *(0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 2.0),
)


class LineMetrics:
    """The series without a feed label, including those of the process."""

    def __init__(self, registry: CollectorRegistry, embedder: str, sinks: Sequence[str]) -> None:
        def histogram(name: str, meaning: str, buckets: Sequence[float], *labels: str) -> Histogram:
            return Histogram(
                f"streamsel_{name}", meaning, labels, buckets=buckets, registry=registry
            )

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"streamsel_{name}", meaning, labels, registry=registry)

        self._sinks = (*sinks, OTHER)
        self._stages = (*STAGES, *self._sinks)
        self._queues = ("inbox", *self._sinks)
        self._latency = histogram(
            "frame_latency_seconds", "From receipt of a frame to its verdict.", _LATENCY_BUCKETS
        )
        self._novelty = histogram(
            "novelty_distance",
            "Distance of each judged frame from the nearest one of its coreset.",
            _DISTANCE_BUCKETS,
        )
        self._batch = histogram("batch_size", "Frames embedded together.", _BATCH_BUCKETS)
        self._stage = histogram(
            "stage_duration_seconds", "Working time of a stage in seconds.", _STAGE_BUCKETS, "stage"
        )
        self._queue = gauge("queue_depth", "Waiting items: frames, or updates for a sink.", "queue")
        self._store = gauge("store_bytes", "Size of the stored pictures.")
        self._store_limit = gauge(
            "store_limit_bytes", "Limit of store_bytes; +Inf if there is none."
        )
        self._outbox = gauge("outbox_messages", "MQTT messages not yet acknowledged.")
        self._broker = gauge(
            "broker_connected", "1 while the broker of a sink is connected, else 0.", "sink"
        )
        self._reloaded = gauge(
            "config_last_reload_successful",
            "1 if the latest configuration was accepted, else 0.",
        )
        self._reload_time = gauge(
            "config_last_reload_success_timestamp_seconds",
            "When the current configuration was loaded, in UTC.",
        )
        self._sink_errors = Counter(
            "streamsel_sink_errors",
            "Failures of a sink, by reason; each is retried.",
            ("sink", "reason"),
            registry=registry,
        )
        for sink in sinks:
            for reason in SINK_REASONS:
                self._sink_errors.labels(sink, reason)
        Info("streamsel_build", "Version and embedder; always 1.", registry=registry).info(
            {"version": __version__, "embedder": embedder}
        )
        ProcessCollector(registry=registry)

    def judge(self, verdict: Verdict, now: float) -> None:
        """Observe age and novelty of a judged frame."""
        if verdict.frame.received is not None:
            self._latency.observe(max(0.0, now - verdict.frame.received))
        if verdict.distance is not None:
            self._novelty.observe(verdict.distance)

    def observe_batch(self, frames: int) -> None:
        """Observe the size of an embedded batch."""
        self._batch.observe(frames)

    def observe_stage(self, stage: str, seconds: float) -> None:
        """Observe the working time of a stage."""
        self._stage.labels(one_of(self._stages, stage)).observe(seconds)

    def set_queue_length(self, queue: str, items: int) -> None:
        """Set the length of a queue."""
        self._queue.labels(one_of(self._queues, queue)).set(items)

    def set_store_bytes(self, store_bytes: int, max_bytes: int | None) -> None:
        """Set size and limit of the stored pictures."""
        self._store.set(store_bytes)
        self._store_limit.set(math.inf if max_bytes is None else max_bytes)

    def set_outbox(self, messages: int, connected: bool) -> None:
        """Set the length of the outbox, and whether the broker is connected."""
        self._outbox.set(messages)
        self._broker.labels("mqtt").set(connected)

    def record_reload(self, wall_time: float | None) -> None:
        """Record the time of a configuration reload; None: a reload failed."""
        self._reloaded.set(wall_time is not None)
        if wall_time is not None:
            self._reload_time.set(wall_time)

    def count_sink_failure(self, sink: str, reason: str) -> None:
        """Count a failure of a sink."""
        self._sink_errors.labels(one_of(self._sinks, sink), sink_reason(reason)).inc()
