"""Which groups of pictures are decoded in full, told from keyframes and the sizes of packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from streamsel.frame import ChromaGrid, LumaGrid
from streamsel.sources.decode.gate import Gate, Keyed
from streamsel.sources.decode.gops import Gop
from tests.sources.media import video_packet

PICTURES = 30
RESTING = 100  # bytes of a packet where nothing happens
AT_REST = np.full((32, 32), 90, np.uint8)
NO_COLOUR = np.full((2, 32, 32), 128, np.uint8)
BEGIN = 8  # groups: 5 are decoded in full anyway, the others tell how large packets at rest are


def group(*sizes: int) -> Gop:
    packets = tuple(video_packet(bytes(size)) for size in (5000, *sizes))
    times = tuple(range(len(packets)))
    return Gop(0, 0, 0, packets, (), (), begin=0, end=None, times=times)


RESTS = group(*[RESTING] * (PICTURES - 1))


def busy(
    groups: list[Gop],
    luma_grids: Sequence[LumaGrid | None],
    chroma_grids: Sequence[ChromaGrid] | None = None,
) -> list[bool]:
    """Whether each group is decoded in full, but for the last, which always is."""
    chroma_grids = chroma_grids or [NO_COLOUR] * len(groups)
    keyed = [
        Keyed(one, is_wanted=True, image=None, luma_grid=luma_grid, chroma_grid=chroma_grid)
        for one, luma_grid, chroma_grid in zip(groups, luma_grids, chroma_grids, strict=True)
    ]
    decided = list(Gate().decide(iter(keyed)))
    assert [one for one, _ in decided] == keyed
    assert decided[-1][1]
    return [is_busy for _, is_busy in decided[:-1]]


def with_object(levels: int, cells: int = 1) -> LumaGrid:
    """The scene with something small in it, by so many grey levels."""
    luma_grid = AT_REST.copy()
    luma_grid.flat[100 : 100 + cells] += np.uint8(levels)
    return luma_grid


def test_what_rests_is_decoded_at_its_keyframes_after_the_beginning() -> None:
    found = busy([RESTS] * 12, [AT_REST] * 12)
    assert found == [True] * 5 + [False] * 6


@pytest.mark.parametrize(("levels", "is_seen"), [(6, False), (7, True), (60, True)])
def test_one_small_object_that_comes_between_two_keyframes(levels: int, is_seen: bool) -> None:
    luma_grids = [*[AT_REST] * BEGIN, *[with_object(levels)] * 3]
    assert np.abs(luma_grids[-1].astype(int) - AT_REST).mean() < 0.06
    found = busy([RESTS] * len(luma_grids), luma_grids)
    assert found[BEGIN - 1] == is_seen
    assert found[BEGIN:] == [False] * 2


@pytest.mark.parametrize(("levels", "is_seen"), [(6, False), (7, True)])
def test_what_differs_in_colour_alone_between_two_keyframes(levels: int, is_seen: bool) -> None:
    red = NO_COLOUR.copy()
    red[1, 20, 20] += levels
    chroma_grids = [*[NO_COLOUR] * BEGIN, *[red] * 3]
    found = busy([RESTS] * 11, [AT_REST] * 11, chroma_grids)
    assert found[BEGIN - 1] == is_seen
    assert found[BEGIN:] == [False] * 2


@pytest.mark.parametrize(("cells", "is_seen"), [(341, False), (342, True)])
def test_a_little_light_on_all_of_the_picture(cells: int, is_seen: bool) -> None:
    """3 levels in 342 of 1,024 cells are a mean of more than 1."""
    luma_grids = [*[AT_REST] * BEGIN, *[with_object(3, cells)] * 2]
    assert busy([RESTS] * len(luma_grids), luma_grids)[BEGIN - 1] == is_seen


@pytest.mark.parametrize(("peak", "is_seen"), [(250, False), (251, True), (1200, True)])
def test_one_big_packet_between_keyframes_that_are_alike(peak: int, is_seen: bool) -> None:
    """What comes and goes within a group: one packet tells, though the mean hardly rises."""
    eventful = group(*[RESTING] * 10, peak, *[RESTING] * (PICTURES - 12))
    groups = [*[RESTS] * BEGIN, eventful, RESTS, RESTS]
    found = busy(groups, [AT_REST] * len(groups))
    assert found[BEGIN:] == [is_seen, False]


@pytest.mark.parametrize(("size", "is_seen"), [(150, False), (151, True)])
def test_packets_that_are_all_larger(size: int, is_seen: bool) -> None:
    groups = [*[RESTS] * BEGIN, group(*[size] * (PICTURES - 1)), RESTS, RESTS]
    assert busy(groups, [AT_REST] * len(groups))[BEGIN:] == [is_seen, False]


def test_what_groups_weigh_at_rest_is_the_middle_of_those_that_rested_last() -> None:
    """One heavy group that was taken for a resting one does not make the next seem light."""
    heavy = group(*[140] * (PICTURES - 1))
    groups = [*[RESTS] * BEGIN, heavy, group(*[160] * (PICTURES - 1)), RESTS]
    assert busy(groups, [AT_REST] * len(groups))[BEGIN:] == [False, True]
    again = [*[RESTS] * BEGIN, *[heavy] * 61, group(*[205] * (PICTURES - 1)), RESTS]
    assert busy(again, [AT_REST] * len(again))[-1] is False


def test_groups_of_which_nothing_is_known_are_decoded_in_full() -> None:
    luma_grids: list[np.ndarray | None] = [AT_REST] * 12
    luma_grids[9] = None
    found = busy([RESTS] * 12, luma_grids)
    assert [place for place, is_busy in enumerate(found) if is_busy] == [0, 1, 2, 3, 4, 8, 9]
    untimed = replace(RESTS, times=None)
    groups = [*[RESTS] * 9, untimed, RESTS, RESTS]
    assert busy(groups, [AT_REST] * 12)[8:] == [False, True, False]
