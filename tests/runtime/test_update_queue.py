"""What waits for a sink: every scope in its turn, bounded, the newest pictures the longest."""

from __future__ import annotations

from streamsel.decisions import SelectionUpdate
from streamsel.frame import FrameKey
from streamsel.runtime.update_queue import UpdateQueue
from streamsel.runtime.updates import picture_bytes
from tests.runtime.test_delivery import keeps, update


def frames_of(taken: SelectionUpdate) -> list[FrameKey]:
    return [event.frame.key for event in taken.events]


def test_a_scope_that_is_merged_again_and_again_keeps_its_turn() -> None:
    queue = UpdateQueue(most_waiting=3, most_bytes=1 << 20)
    for number, feed in enumerate("abc", 1):
        queue.put(update(feed, 0, keeps(feed, 0)), number)
    for number in range(4, 20):
        queue.put(update("a", number, keeps("a", number)), number)
    assert [queue.oldest, len(queue)] == [1, 3]
    taken = queue.take(3)
    assert [each.update.scope for each in taken] == ["a", "b", "c"]
    assert frames_of(taken[0].update) == [FrameKey("a", at) for at in (0, *range(4, 20))]
    assert queue.oldest is None


def test_more_scopes_than_may_wait_have_one_judgement_each() -> None:
    queue = UpdateQueue(most_waiting=2, most_bytes=1 << 20)
    feeds = [f"feed{number}" for number in range(50)]
    for turn in range(4):
        for at, feed in enumerate(feeds):
            queue.put(update(feed, turn), 50 * turn + at)
    assert len(queue) == 50


def test_what_was_taken_is_not_added_to() -> None:
    queue = UpdateQueue(most_waiting=1, most_bytes=1 << 20)
    queue.put(update("a", 0, keeps("a", 0)), 1)
    (first,) = queue.take(1)
    queue.put(update("a", 1, keeps("a", 1)), 2)
    assert frames_of(first.update) == [FrameKey("a", 0)]
    (second,) = queue.take(5)
    assert frames_of(second.update) == [FrameKey("a", 1)]


def test_pictures_of_what_was_renewed_longest_ago_are_given_up_first() -> None:
    queue = UpdateQueue(most_waiting=2, most_bytes=300)
    queue.put(update("a", 0, keeps("a", 0)), 1)
    queue.put(update("b", 0, keeps("b", 0)), 2)
    queue.put(update("a", 1, keeps("a", 1)), 3)
    queue.put(update("a", 2, keeps("a", 2)), 4)
    a, b = queue.take(2)
    assert [picture_bytes(a.update), picture_bytes(b.update)] == [300, 0]


def test_frames_that_are_merged_away_are_told() -> None:
    queue = UpdateQueue(most_waiting=1, most_bytes=300)
    assert not queue.put(update("a", 0, keeps("a", 0)), 1)
    # The verdicts on the frames that were not kept change nothing and go.
    assert queue.put(update("a", 1), 2) == {"a": 1}
