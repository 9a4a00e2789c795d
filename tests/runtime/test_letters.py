"""What waits for a sink: every scope in its turn, bounded, the newest pictures the longest."""

from __future__ import annotations

from streamsel.decisions import Judgement
from streamsel.frame import FrameKey
from streamsel.runtime.letters import Letters
from streamsel.runtime.updates import picture_bytes
from tests.runtime.test_delivery import judgement, keeps


def frames_of(taken: Judgement) -> list[FrameKey]:
    return [event.frame.key for event in taken.events]


def test_a_scope_that_is_merged_again_and_again_keeps_its_turn() -> None:
    letters = Letters(most_waiting=3, most_bytes=1 << 20)
    for number, feed in enumerate("abc", 1):
        letters.put(judgement(feed, 0, keeps(feed, 0)), number)
    for number in range(4, 20):
        letters.put(judgement("a", number, keeps("a", number)), number)
    assert [letters.oldest, len(letters)] == [1, 3]
    taken = letters.take(3)
    assert [each.judgement.scope for each in taken] == ["a", "b", "c"]
    assert frames_of(taken[0].judgement) == [FrameKey("a", at) for at in (0, *range(4, 20))]
    assert letters.oldest is None


def test_more_scopes_than_may_wait_have_one_judgement_each() -> None:
    letters = Letters(most_waiting=2, most_bytes=1 << 20)
    feeds = [f"feed{number}" for number in range(50)]
    for turn in range(4):
        for at, feed in enumerate(feeds):
            letters.put(judgement(feed, turn), 50 * turn + at)
    assert len(letters) == 50


def test_what_was_taken_is_not_added_to() -> None:
    letters = Letters(most_waiting=1, most_bytes=1 << 20)
    letters.put(judgement("a", 0, keeps("a", 0)), 1)
    (first,) = letters.take(1)
    letters.put(judgement("a", 1, keeps("a", 1)), 2)
    assert frames_of(first.judgement) == [FrameKey("a", 0)]
    (second,) = letters.take(5)
    assert frames_of(second.judgement) == [FrameKey("a", 1)]


def test_pictures_of_what_was_renewed_longest_ago_are_given_up_first() -> None:
    letters = Letters(most_waiting=2, most_bytes=300)
    letters.put(judgement("a", 0, keeps("a", 0)), 1)
    letters.put(judgement("b", 0, keeps("b", 0)), 2)
    letters.put(judgement("a", 1, keeps("a", 1)), 3)
    letters.put(judgement("a", 2, keeps("a", 2)), 4)
    a, b = letters.take(2)
    assert [picture_bytes(a.judgement), picture_bytes(b.judgement)] == [300, 0]


def test_frames_that_are_merged_away_are_told() -> None:
    letters = Letters(most_waiting=1, most_bytes=300)
    assert not letters.put(judgement("a", 0, keeps("a", 0)), 1)
    # The verdicts on the frames that were not kept change nothing and go.
    assert letters.put(judgement("a", 1), 2) == {"a": 1}
