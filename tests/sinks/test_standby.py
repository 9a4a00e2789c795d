"""Pictures of evicted frames that may be recalled."""

from __future__ import annotations

import pytest

from streamsel.frame import FrameKey
from streamsel.record.values import StoredPicture
from streamsel.sinks.standby import Standby

KEYS = [FrameKey("gate", index) for index in range(3)]
YARD = FrameKey("yard", 7)


def path(key: FrameKey) -> str:
    return f"{key}.jpg"


@pytest.fixture
def standby() -> Standby:
    held = Standby()
    for size, key in enumerate([*KEYS, YARD], 1):
        held.add(key.feed, StoredPicture(key, path(key), 64, 48, size, "ab"))
    return held


def held_keys(standby: Standby) -> list[FrameKey]:
    return [key for key in (*KEYS, YARD) if standby.get(key) is not None]


def test_everything_added_is_there(standby: Standby) -> None:
    assert held_keys(standby) == [*KEYS, YARD]
    assert standby.stored_bytes == 1 + 2 + 3 + 4
    assert standby.paths() == {path(key) for key in (*KEYS, YARD)}
    assert standby.get(FrameKey("gate", 9)) is None


def test_frames_that_are_kept_again_leave_and_others_stay(standby: Standby) -> None:
    standby.take([KEYS[1], YARD, FrameKey("gate", 9)])
    assert held_keys(standby) == [KEYS[0], KEYS[2]]
    assert standby.stored_bytes == 1 + 3


def test_only_what_may_be_recalled_in_a_scope_stays(standby: Standby) -> None:
    assert standby.keep_only({"gate": [KEYS[1]], "hall": []}) == [path(KEYS[0]), path(KEYS[2])]
    assert held_keys(standby) == [KEYS[1], YARD]
    assert standby.keep_only({"gate": []}) == [path(KEYS[1])]
    assert held_keys(standby) == [YARD]


def test_all_but_some_can_be_given_up(standby: Standby) -> None:
    assert standby.give_up([KEYS[0]]) == [path(KEYS[1]), path(KEYS[2]), path(YARD)]
    assert held_keys(standby) == [KEYS[0]]
