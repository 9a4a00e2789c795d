"""Pictures that wait for their reader."""

from __future__ import annotations

import asyncio

import av
import pytest

from streamsel.sources.webrtc.reception import Received, Reception
from tests.stand_ins import as_a


@pytest.fixture
def reception() -> Reception:
    return Reception()


def put(reception: Reception, *images: str) -> None:
    for image in images:
        reception.put(as_a(av.VideoFrame, image), is_suspect=image.isupper())


def taken(reception: Reception) -> str:
    """The next picture, which was put as a letter."""
    got = reception.take(600.0)
    assert got is not None
    return as_a(str, got.image)


def test_pictures_are_taken_in_order_with_what_is_suspected_of_them(reception: Reception) -> None:
    put(reception, "a", "B")
    got: list[object] = [reception.take(0.0) for _ in range(3)]
    assert got == [("a", False), ("B", True), None]
    assert reception.counters().decoded == 2


def test_the_newest_stay_where_too_many_wait(reception: Reception) -> None:
    put(reception, *"abcdefghij")
    assert [taken(reception) for _ in range(8)] == list("cdefghij")
    assert reception.take(0.0) is None
    assert reception.counters().decoded == 10


def test_what_waits_at_the_end_is_taken_first_and_the_first_reason_counts(
    reception: Reception,
) -> None:
    put(reception, "a")
    reception.end("the sender left")
    reception.end("and more")
    assert taken(reception) == "a"
    assert reception.take(600.0) is None
    assert reception.ended == "the sender left"


def test_losses_are_counted(reception: Reception) -> None:
    reception.count_loss()
    reception.count_loss()
    assert reception.counters().damaged == 2


def test_a_reader_that_waits_gets_the_next_one(reception: Reception) -> None:
    async def send() -> None:
        await asyncio.sleep(0)
        put(reception, "a")

    async def both() -> Received | None:
        got, _ = await asyncio.gather(asyncio.to_thread(reception.take, 20.0), send())
        return got

    got = asyncio.run(both())
    assert got is not None
    assert as_a(str, got.image) == "a"
