"""Metrics of each coreset: of a feed, or of a group of feeds."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from streamsel.clock import Clock
from streamsel.frame import Vectors
from streamsel.interfaces.selectors import LiveSelector
from streamsel.metrics.labels import PAIR_STATISTICS
from streamsel.metrics.spread import Spread, SpreadMeter


class ScopeMetrics:
    """The series of coresets, labelled with the scope: a feed, or a group of feeds."""

    def __init__(
        self,
        registry: CollectorRegistry,
        pairwise: Callable[[Vectors], Spread],
        clock: Clock,
    ) -> None:
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"streamsel_{name}", meaning, ("scope", *labels), registry=registry)

        self._size = gauge("coreset_size", "Frames in the coreset.")
        self._capacity = gauge("coreset_capacity", "Maximum of coreset_size.")
        self._spacing = gauge(
            "coreset_spacing",
            "Smallest distance between two frames of the coreset when it was last full.",
        )
        self._radius = gauge(
            "coverage_radius", "Upper bound of the distance from any seen frame to the coreset."
        )
        self._pairwise = gauge(
            "pairwise_distance",
            "Pair distances in the coreset, of at most 512 of its frames.",
            "stat",
        )
        self._meter = SpreadMeter(pairwise, clock)
        self._lock = threading.Lock()
        self._removals = 0

    def measure(self, scope: str, selector: LiveSelector) -> None:
        """Measure a selector; see :class:`SpreadMeter` for the cost."""
        before = self._removals
        spread = None
        if selector.size >= 2 and self._meter.is_due(scope):
            spread = self._meter.measure(scope, selector.vectors())
        with self._lock:
            if self._removals != before:
                return  # the scope may have been removed; it is measured again in a second
            self._size.labels(scope).set(selector.size)
            self._capacity.labels(scope).set(selector.capacity)
            self._spacing.labels(scope).set(selector.spacing)
            self._radius.labels(scope).set(selector.coverage_bound)
            if selector.size < 2:
                self._pairwise.remove_by_labels({"scope": scope})
            elif spread is not None:
                for statistic in PAIR_STATISTICS:
                    self._pairwise.labels(scope, statistic).set(getattr(spread, statistic))

    def remove(self, scope: str) -> None:
        """Remove every series of a scope. Safe from any thread."""
        self._meter.forget(scope)
        gauges = (self._size, self._capacity, self._spacing, self._radius, self._pairwise)
        with self._lock:
            self._removals += 1
            for metric in gauges:
                metric.remove_by_labels({"scope": scope})
