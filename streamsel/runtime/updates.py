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
    """Return the update with the pictures of its kept frames encoded, in objects of its own.

    So the budget of decoded pictures cannot drop waiting pictures, and frames held by a selector no
    longer hold one. Missing pictures were dropped before, or cannot be encoded, which is logged;
    the sink that stores pictures reports their frames as lost. A frame that is kept, evicted and
    recalled in this update has the same picture each time.
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
    """Return updates with the pictures of their kept frames encoded; see :func:`encoded`."""
    return [encoded(each, encode) if each.events else each for each in updates]


def merge(first: SelectionUpdate, second: SelectionUpdate) -> SelectionUpdate:
    """Return one update with the same effect on the kept set as both in sequence.

    Both must have the same scope. The last event of each frame counts, and none if the frame's
    state is unchanged: kept and then evicted, or the reverse. A frame that was kept, evicted, and
    may be recalled keeps both events, for its picture; a frame recalled since it was kept has its
    earlier picture. Verdicts without changes are left out. The size is bounded by the frames stored
    by the sink, those kept now and those that may be recalled, however long the sink fails.
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
    """Return the update without its oldest pictures beyond ``most_bytes``.

    The frames stay kept; a sink reports the missing pictures. ``update`` itself is unchanged.
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
    """Return the bytes of pictures held by an update."""
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
    """Return the identities of the events that remain after a :func:`merge`."""
    begins: dict[FrameKey, type[object]] = {}
    ends: dict[FrameKey, Event] = {}
    for event in events:
        begins.setdefault(event.frame.key, type(event))
        ends[event.frame.key] = event
    return {id(event) for key, event in ends.items() if type(event) is begins[key]}


def _held_on_to(events: Sequence[Event], recallable: Collection[FrameKey]) -> set[int]:
    """Return the identities of events that add and remove the picture of a spare frame.

    For each frame that ends evicted and may be recalled, these are the newest event with its
    picture and the last event.
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
