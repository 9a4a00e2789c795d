"""Operations on selection updates before delivery: encode pictures, merge, drop pictures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from streamsel.decisions import Event, Kept, SelectionUpdate
from streamsel.errors import SourceError
from streamsel.frame import EncodedPicture, FrameKey, Picture

_LOG = logging.getLogger("streamsel.feeds")


def encoded(
    update: SelectionUpdate, encode: Callable[[Picture], EncodedPicture]
) -> SelectionUpdate:
    """Return the update with the pictures of its kept frames encoded, in handles of its own.

    So no bound on decoded pictures takes away what waits for a sink, and the frames themselves,
    which a selector holds on to for as long as they are kept, hold nothing any more. A picture that
    was dropped before is left out, and so is, with a warning, one that cannot be encoded; the sink
    that wants it will give up its frame. One that is kept, evicted and recalled in this update
    has the same picture each time.
    """
    pictures: dict[FrameKey, Picture] = {}

    def with_encoded(event: Event) -> Event:
        if not isinstance(event, Kept):
            return event
        picture = pictures.get(event.frame.key, Picture(None))
        try:
            if (content := event.frame.picture.encode(encode)) is not None:
                picture = pictures[event.frame.key] = Picture(None, encoded=content)
        except SourceError as error:
            key = event.frame.key
            _LOG.warning("feed '%s': frame %d is given up: %s", key.feed, key.index, error)
        event.frame.picture.drop()
        return replace(event, frame=replace(event.frame, picture=picture))

    return _mapped(update, with_encoded)


def all_encoded(
    updates: Sequence[SelectionUpdate], encode: Callable[[Picture], EncodedPicture]
) -> list[SelectionUpdate]:
    """Return updates with the pictures of their kept frames encoded, as :func:`encoded` does."""
    return [encoded(each, encode) if each.events else each for each in updates]


def merge(first: SelectionUpdate, second: SelectionUpdate) -> SelectionUpdate:
    """Return one update that leaves the kept set as both, one after the other, would.

    Both are of one scope. Of each frame the last event counts, and none where the frame ends as
    it began: kept and then evicted again, or the other way round. One that was kept, evicted, and
    may be recalled keeps both events, for the sake of its picture; one that was recalled since it
    was kept has the picture it had. Verdicts that changed nothing are left out. What remains is
    bounded by the frames that the sink has stored, those that are kept now and those that may be
    recalled, however long the sink fails.
    """
    both = [*first.events, *second.events]
    recallable = first.recallable if second.recallable is None else second.recallable
    lasting = _lasting(both) | _held_on_to(both, recallable or frozenset())
    pictures = {
        event.frame.key: event.frame.picture
        for event in both
        if isinstance(event, Kept) and event.frame.picture.held_bytes
    }

    def pictured(event: Event) -> Event:
        if not isinstance(event, Kept) or event.frame.key not in pictures:
            return event
        return replace(event, frame=replace(event.frame, picture=pictures[event.frame.key]))

    verdicts = (*first.verdicts, *second.verdicts)
    merged = SelectionUpdate(
        scope=second.scope,
        verdicts=tuple(
            replace(verdict, events=events)
            for verdict in verdicts
            if (events := _only(verdict.events, lasting))
        ),
        changes=_only((*first.changes, *second.changes), lasting),
        state=first.state if second.state is None else second.state,
        recallable=recallable,
    )
    return _mapped(merged, pictured)


def without_pictures(update: SelectionUpdate, most_bytes: int) -> SelectionUpdate:
    """Return the update with the oldest pictures left out until ``most_bytes`` remain.

    The frames stay kept; a sink that finds no picture says so. Others keep what they hold.
    """
    held = {
        event.frame.key: event.frame.picture.held_bytes
        for event in update.events
        if isinstance(event, Kept)
    }
    excess = sum(held.values()) - most_bytes
    if excess <= 0:
        return update
    given_up = set()
    for key, held_bytes in held.items():
        if excess <= 0:
            break
        excess -= held_bytes
        given_up.add(key)

    def bare(event: Event) -> Event:
        if event.frame.key not in given_up:
            return event
        return replace(event, frame=replace(event.frame, picture=Picture(None)))

    return _mapped(update, bare)


def picture_bytes(update: SelectionUpdate) -> int:
    """How many bytes of pictures a update holds."""
    return sum(event.frame.picture.held_bytes for event in update.events if isinstance(event, Kept))


def _mapped(update: SelectionUpdate, change: Callable[[Event], Event]) -> SelectionUpdate:
    return replace(
        update,
        verdicts=tuple(
            replace(verdict, events=tuple(map(change, verdict.events)))
            for verdict in update.verdicts
        ),
        changes=tuple(map(change, update.changes)),
    )


def _lasting(events: Sequence[Event]) -> set[int]:
    """Return the identities of the events that still matter, in the words of :func:`merge`."""
    begins: dict[FrameKey, type[object]] = {}
    ends: dict[FrameKey, Event] = {}
    for event in events:
        begins.setdefault(event.frame.key, type(event))
        ends[event.frame.key] = event
    return {id(event) for key, event in ends.items() if type(event) is begins[key]}


def _held_on_to(events: Sequence[Event], recallable: Collection[FrameKey]) -> set[int]:
    """Return the identities of events that bring, and take back, the picture of a spare frame.

    These are, of each frame that ends evicted and may be recalled, the newest that has its picture
    and the last.
    """
    pictured: dict[FrameKey, Event] = {}
    ends: dict[FrameKey, Event] = {}
    for event in events:
        if event.frame.key in recallable:
            ends[event.frame.key] = event
            if isinstance(event, Kept) and event.frame.picture.held_bytes:
                pictured[event.frame.key] = event
    return {
        id(event)
        for key, last in ends.items()
        if key in pictured and not isinstance(last, Kept)
        for event in (pictured[key], last)
    }


def _only(events: Iterable[Event], lasting: set[int]) -> tuple[Event, ...]:
    return tuple(event for event in events if id(event) in lasting)
