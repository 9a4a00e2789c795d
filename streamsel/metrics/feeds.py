"""Metrics of each feed: state, frames, drops, interruptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, Summary

from streamsel.decisions import (
    DROP_REASONS,
    DropReason,
    Event,
    FeedStatus,
    Kept,
    SourceCounters,
    Verdict,
)
from streamsel.metrics.labels import FAULTS, REFUSAL_REASONS, one_of


@dataclass(slots=True)
class _Heard:
    """The last values reported by a feed's source, and its connections over all sources.

    ``is_up`` is the last known state. ``counts`` are the feed's counters, summed over reasons;
    reading them from the registry would visit every series.
    """

    counts: dict[str, int]
    tally: SourceCounters = field(default_factory=SourceCounters)
    sessions: int = 0
    opened: int = 0
    is_up: bool = False


class FeedMetrics:
    """The series labelled only with a feed's name.

    A feed has series from :meth:`tell` to :meth:`remove`, its counters starting at 0. Reports about
    other feeds are ignored, so only the configuration can add series.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def count(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"streamsel_{name}", meaning, ("feed", *labels), registry=registry)

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"streamsel_{name}", meaning, ("feed",), registry=registry)

        self._up = gauge("feed_up", "1 while pictures arrive, else 0.")
        self._enabled = gauge("feed_enabled", "1 if the feed is enabled, else 0.")
        self._last_frame = gauge(
            "last_frame_timestamp_seconds", "When the newest frame was received, in UTC."
        )
        self._useless = Gauge(
            "streamsel_feed_useless",
            "1 while pictures arrive but are useless, by fault, else 0.",
            ("feed", "fault"),
            registry=registry,
        )
        self._scope = Info(
            "streamsel_feed_scope",
            "The scope of a feed; always 1, for joins.",
            ("feed",),
            registry=registry,
        )
        self._latency = Summary(
            "streamsel_feed_latency_seconds",
            "From receipt of a frame of the feed to its verdict.",
            ("feed",),
            registry=registry,
        )
        self._plain = {
            "reconnects": count("feed_reconnects", "Reconnections of the feed."),
            "interruptions": count(
                "feed_interruptions", "Interruptions of the feed, whatever the number of attempts."
            ),
            "received": count("frames_received", "Received video packets."),
            "decoded": count("frames_decoded", "Decoded pictures."),
            "decode_errors": count("decode_errors", "Packets refused by the decoder."),
            "embedded": count("frames_embedded", "Frames that were embedded and judged."),
            "kept": count("frames_kept", "Frames added to the coreset."),
            "evicted": count("frames_evicted", "Kept frames that left the coreset again."),
            "covered": count("frames_covered", "Frames represented by a kept frame."),
            "burst": count(
                "frames_burst", "Covered frames that only the limit on bursts kept from being kept."
            ),
        }
        self._refused = count(
            "frames_refused", "Frames refused before embedding, by reason.", "reason"
        )
        self._dropped = count(
            "frames_dropped",
            "Frames dropped, by reason.",
            "reason",
        )
        self._heard: dict[str, _Heard] = {}

    def tell(self, status: FeedStatus) -> None:
        """Update the status of a feed; the first call adds it."""
        heard = self._heard.get(status.feed)
        if heard is None:
            heard = self._heard[status.feed] = self._begin(status.feed)
        fresh = status.sessions - heard.sessions
        if fresh < 0:  # the feed has a new source, which counts sessions from 0
            fresh = status.sessions
        again = max(0, heard.opened + fresh - 1) - max(0, heard.opened - 1)
        self._add(heard, "reconnects", status.feed, again)
        # A session may have ended and another started since the last report.
        is_up = status.state in {"up", "useless"}
        is_meant = status.state in {"disabled", "ended"}
        if heard.is_up and not is_meant and (fresh or not is_up):
            self._add(heard, "interruptions", status.feed)
        heard.is_up = is_up
        heard.sessions = status.sessions
        heard.opened += fresh
        self._scope.labels(status.feed).info({"scope": status.scope})
        self._up.labels(status.feed).set(is_up)
        for fault in FAULTS:
            self._useless.labels(status.feed, fault).set(status.fault == fault)
        self._enabled.labels(status.feed).set(not is_meant)
        if status.last_frame is not None:
            self._last_frame.labels(status.feed).set(status.last_frame)

    def remove(self, feed: str) -> None:
        """Remove every series of a feed, if it has any."""
        self._heard.pop(feed, None)
        told = (self._up, self._enabled, self._last_frame, self._scope, self._latency)
        for metric in (*told, self._useless, *self._plain.values(), self._refused, self._dropped):
            metric.remove_by_labels({"feed": feed})

    def tally(self, feed: str, tally: SourceCounters) -> None:
        """Add the increase of the source's counters since the last call."""
        heard = self._heard.get(feed)
        if heard is None:
            return
        last = heard.tally
        went_back = (
            tally.received < last.received
            or tally.decoded < last.decoded
            or tally.damaged < last.damaged
        )
        if went_back:  # a new source, which started at 0
            last = SourceCounters()
        heard.tally = tally
        self._add(heard, "received", feed, tally.received - last.received)
        self._add(heard, "decoded", feed, tally.decoded - last.decoded)
        self._add(heard, "decode_errors", feed, tally.damaged - last.damaged)

    def drop(self, feed: str, reason: DropReason, frames: int) -> None:
        """Count dropped frames."""
        if (heard := self._heard.get(feed)) is not None:
            self._dropped.labels(feed, reason).inc(frames)
            heard.counts["dropped"] += frames

    def judge(self, verdict: Verdict, now: float) -> None:
        """Count a frame by outcome; its events are counted by :meth:`change`."""
        frame = verdict.frame
        feed = frame.key.feed
        heard = self._heard.get(feed)
        if heard is None:
            return
        if verdict.candidate.embedding is not None:
            self._add(heard, "embedded", feed)
        if verdict.outcome == "covered":
            self._add(heard, "covered", feed)
            if verdict.reason == "burst":
                self._add(heard, "burst", feed)
        elif verdict.outcome == "refused":
            self._refused.labels(feed, one_of(REFUSAL_REASONS, verdict.reason)).inc()
            heard.counts["refused"] += 1
        if frame.received is not None:
            self._latency.labels(feed).observe(max(0.0, now - frame.received))
        if frame.wall_time is not None:
            self._last_frame.labels(feed).set(frame.wall_time)

    def change(self, event: Event) -> None:
        """Count a change of the kept set."""
        feed = event.frame.key.feed
        if (heard := self._heard.get(feed)) is not None:
            self._add(heard, "kept" if isinstance(event, Kept) else "evicted", feed)

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return the counters of each feed by name, summed over reasons."""
        return {feed: dict(heard.counts) for feed, heard in self._heard.items()}

    def _add(self, heard: _Heard, name: str, feed: str, amount: int = 1) -> None:
        self._plain[name].labels(feed).inc(amount)
        heard.counts[name] += amount

    def _begin(self, feed: str) -> _Heard:
        """Expose every series of a feed at 0, so that its first increase shows in a rate."""
        for counter in (*self._plain.values(), self._latency):
            counter.labels(feed)
        for reason in REFUSAL_REASONS:
            self._refused.labels(feed, reason)
        for reason in DROP_REASONS:
            self._dropped.labels(feed, reason)
        return _Heard(dict.fromkeys((*self._plain, "refused", "dropped"), 0))
