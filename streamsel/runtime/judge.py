"""The judge of a service: one set of embeddings and one selector per scope, in one thread."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from streamsel.clock import Clock
from streamsel.decisions import Event, Kept, SelectionUpdate, Verdict
from streamsel.frame import Candidate, FrameKey, PrefilteredFrame
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.observers import LiveObserver
from streamsel.interfaces.selectors import LiveSelector

_LOG = logging.getLogger(__name__)
_STATE_SECONDS = 60.0
_MEASURE_SECONDS = 1.0


class Judge:
    """Embeds and selects prefiltered frames of any feeds; returns an update for each scope.

    An update that changes the kept set includes the selector's state; other updates include it once
    a minute, or where the selector asks for it. So the stored state never lags behind the kept
    frames.
    """

    def __init__(
        self, embeddings: Embeddings, observers: Sequence[LiveObserver], clock: Clock
    ) -> None:
        self._embeddings = embeddings
        self._observers = observers
        self._clock = clock
        self._selectors: dict[str, LiveSelector] = {}
        self._scopes: dict[str, str] = {}
        self._stated: dict[str, float] = {}
        self._measured: dict[str, float] = {}
        self._unmeasured: set[str] = set()
        self._recalled: set[FrameKey] = set()
        self._warned: set[str] = set()
        self.sizes: dict[str, int] = {}

    def open_scope(self, scope: str, selector: LiveSelector) -> None:
        """Add a scope with its ``selector``, and report its kept frames to the observers."""
        self._selectors[scope] = selector
        self._measure(scope)

    def close_scope(self, scope: str) -> list[SelectionUpdate]:
        """Remove a scope; return its outstanding verdicts, with the last state."""
        selector = self._selectors.pop(scope)
        self._stated.pop(scope, None)
        self._measured.pop(scope, None)
        self._unmeasured.discard(scope)
        self.sizes.pop(scope, None)
        self._recalled.difference_update(selector.kept)
        verdicts = tuple(selector.finish())
        return [SelectionUpdate(scope, verdicts, (), selector.state(), frozenset())]

    def assign(self, feed: str, scope: str | None) -> None:
        """Assign a feed to a scope; None: to none, further frames are ignored."""
        if scope is None:
            self._scopes.pop(feed, None)
        else:
            self._scopes[feed] = scope

    def judge(self, prefiltered_frames: Sequence[PrefilteredFrame]) -> list[SelectionUpdate]:
        """Embed and judge prefiltered frames of any feeds, each feed's in order."""
        began = self._clock.monotonic()
        candidates = self._embeddings.candidates(prefiltered_frames)
        after = self._clock.monotonic()
        batches: defaultdict[str, list[Candidate]] = defaultdict(list)
        for candidate in candidates:
            scope = self._scopes.get(candidate.frame.key.feed)
            if scope in self._selectors:
                batches[scope].append(candidate)
        updates = [
            self._update(scope, verdicts, ())
            for scope, batch in batches.items()
            if (verdicts := self._selectors[scope].judge(batch))
        ]
        batch_size = sum(candidate.embedding is not None for candidate in candidates)
        for observer in self._observers:
            if batch_size:
                observer.batched(batch_size)
                observer.stage_finished("embed", after - began)
            observer.stage_finished("judge", self._clock.monotonic() - after)
        self._measure_changed()
        self._warn(batches)
        return updates

    def change(
        self, scope: str, call: Callable[[LiveSelector], Sequence[Event]]
    ) -> list[SelectionUpdate]:
        """Change the kept set of a scope with ``call``; raises what it raises.

        The update always includes the state, because a pin changes nothing else.
        """
        self._stated.pop(scope, None)
        update = self._update(scope, (), call(self._selectors[scope]))
        self._measure(scope)
        return [update]

    def ask(self, scope: str, call: Callable[[LiveSelector], object]) -> object:
        """Query the selector of a scope with ``call``."""
        return call(self._selectors[scope])

    def thin(self, frames: int) -> list[SelectionUpdate]:
        """Evict this many frames, if possible, each from the closest pair of all scopes."""
        changes: defaultdict[str, list[Event]] = defaultdict(list)
        for _ in range(frames):
            scope = self._most_redundant()
            events = () if scope is None else self._selectors[scope].evict_redundant("over-budget")
            if scope is None or not events:
                break
            changes[scope] += events
        return [self._update(scope, (), events) for scope, events in changes.items()]

    def forget(self, keys: Collection[FrameKey]) -> list[SelectionUpdate]:
        """Evict frames that a sink has no picture of.

        The reason is ``picture-gone`` for recalled frames, else ``lost``.
        """
        recalled = self._recalled.intersection(keys)
        kinds = (("lost", set(keys) - recalled), ("picture-gone", recalled))
        return [
            self._update(scope, (), events)
            for scope, selector in self._selectors.items()
            if (events := [one for reason, some in kinds for one in selector.forget(some, reason)])
        ]

    def settle(self, feed: str) -> list[SelectionUpdate]:
        """Return the outstanding verdicts of the scope of an ended feed."""
        scope = self._scopes.get(feed)
        if scope is None or not (verdicts := self._selectors[scope].finish()):
            return []
        return [self._update(scope, verdicts, ())]

    def finish(self) -> list[SelectionUpdate]:
        """Return the outstanding verdicts of every scope, with its state."""
        return [last for scope in list(self._selectors) for last in self.close_scope(scope)]

    def _most_redundant(self) -> str | None:
        pairs = [
            (redundancy, scope)
            for scope, selector in self._selectors.items()
            if (redundancy := selector.redundancy) is not None
        ]
        return min(pairs)[1] if pairs else None

    def _update(
        self, scope: str, verdicts: Sequence[Verdict], changes: Sequence[Event]
    ) -> SelectionUpdate:
        now = self._clock.monotonic()
        self._unmeasured.add(scope)
        changed = bool(changes) or any(verdict.events for verdict in verdicts)
        is_due = now - self._stated.get(scope, -_STATE_SECONDS) >= _STATE_SECONDS
        state = recallable = None
        selector = self._selectors[scope]
        if changed or is_due or selector.is_state_due:
            state, recallable = selector.state(), selector.recallable
            self._stated[scope] = now
        update = SelectionUpdate(scope, tuple(verdicts), tuple(changes), state, recallable)
        for event in update.events:
            if isinstance(event, Kept) and event.reason == "recalled":
                self._recalled.add(event.frame.key)
            else:
                self._recalled.discard(event.frame.key)
        return update

    def _warn(self, scopes: Iterable[str]) -> None:
        """Log what the selectors of these scopes warn of, once."""
        for scope in scopes:
            for feed, warning in self._selectors[scope].warnings.items():
                if feed not in self._warned:
                    self._warned.add(feed)
                    _LOG.warning("feed '%s': %s", feed, warning)

    def _measure_changed(self) -> None:
        """Measure the scopes that judged frames since they were measured, at most once a second."""
        now = self._clock.monotonic()
        for scope in list(self._unmeasured):
            if now - self._measured.get(scope, -_MEASURE_SECONDS) >= _MEASURE_SECONDS:
                self._measure(scope)

    def _measure(self, scope: str) -> None:
        selector = self._selectors[scope]
        self._unmeasured.discard(scope)
        self._measured[scope] = self._clock.monotonic()
        self.sizes[scope] = selector.size
        for observer in self._observers:
            observer.measured(scope, selector)
