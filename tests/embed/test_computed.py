"""Embeddings of the frames that were not refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from streamsel.embed.computed import ComputedEmbeddings
from streamsel.errors import EmbedderError
from streamsel.frame import PrefilteredFrame, Thumbnail, Vectors, View
from tests.sinks.streams import frame

GRID = np.zeros((32, 32), np.uint8)


class Brightness:
    """Embeds a thumbnail by its brightness."""

    name, digest, view, dim = "bright", "00ff", View(4), 2

    def __init__(self, answer: Vectors | None = None) -> None:
        self.answer = answer
        self.asked: list[int] = []

    def embed(self, thumbnails: Sequence[Thumbnail]) -> Vectors:
        self.asked.append(len(thumbnails))
        if self.answer is not None:
            return self.answer
        return np.array([[one[0, 0, 0], 1] for one in thumbnails], np.float32)


def seen(index: int, refused: bool = False) -> PrefilteredFrame:
    thumbnail = None if refused else np.full((4, 4, 3), index, np.uint8)
    return PrefilteredFrame(
        frame("walk", index), GRID, 1, 0.5, "black" if refused else None, thumbnail
    )


def test_each_frame_gets_its_own_vector_and_refused_ones_none() -> None:
    embedder = Brightness()
    found = ComputedEmbeddings(embedder).candidates(
        [seen(0, True), seen(1), seen(2, True), seen(3)]
    )
    assert embedder.asked == [2]
    assert [one.frame.key.index for one in found] == [0, 1, 2, 3]
    assert [None if one.embedding is None else one.embedding[0] for one in found] == [
        *(None, 1, None, 3)
    ]
    assert all(one.prefiltered.thumbnail is None for one in found)
    assert [one.prefiltered.refusal for one in found] == ["black", None, "black", None]


def test_where_all_were_refused_the_embedder_is_not_asked() -> None:
    embedder = Brightness()
    (one,) = ComputedEmbeddings(embedder).candidates([seen(0, True)])
    assert (one.embedding, embedder.asked) == (None, [])
    assert ComputedEmbeddings(embedder).candidates([]) == []


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (np.zeros((1, 2)), r"\(1, 2\)"),
        (np.zeros((2, 3)), r"\(2, 3\)"),
        ([[0.0, 1.0]] * 2, "list"),
    ],
)
def test_an_embedder_that_returns_something_else_is_named(answer: object, told: str) -> None:
    made: Callable[..., Brightness] = Brightness
    with pytest.raises(EmbedderError, match=rf"'bright' .* returned {told}; .*\(2, 2\) for 2"):
        ComputedEmbeddings(made(answer)).candidates([seen(0), seen(1)])


def test_what_is_known_of_the_embedder_is_passed_on() -> None:
    embeddings = ComputedEmbeddings(Brightness())
    assert (embeddings.name, embeddings.digest, embeddings.dim) == ("bright", "00ff", 2)
    assert embeddings.view == View(4)
    (candidate,) = embeddings.candidates([seen(5)])
    assert candidate.embedding is not None
    assert candidate.embedding[0] == 5
