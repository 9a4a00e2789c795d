"""What every embedder and everything that gives vectors does: unit vectors, one for each frame."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from streamsel.embed.backbones.open_clip import OpenClipEmbedder, open_open_clip
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.embed.tables.table import TableEmbeddings
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.frame import PrefilteredFrame, View
from streamsel.interfaces.embedding import Embedder, Embeddings, VectorSpace
from tests.contracts.implementations import implementations
from tests.embed.backbones.made import TRANSFORMER, make_clip, noise, small_network
from tests.sinks.streams import frame

FRAMES = 7


def clip(folder: Path) -> OpenClipEmbedder:
    return open_open_clip(f"local-dir:{make_clip(folder / 'clip', TRANSFORMER, {})}", None, "cpu")


def network(folder: Path) -> TorchEmbedder:
    preparation = Preparation(View(32), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    return TorchEmbedder("small", small_network(), preparation, "00ff", torch.device("cpu"))


EMBEDDERS: dict[str, Callable[[Path], Embedder]] = {
    "BuiltinEmbedder": lambda folder: BuiltinEmbedder(device="cpu"),
    "OpenClipEmbedder": clip,
    "TorchEmbedder": network,
}


def table(folder: Path) -> TableEmbeddings:
    """A vector for each frame, that of another feed between them."""
    chance = np.random.default_rng(0)
    with open(folder / "vectors.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["feed", "index", "e0", "e1", "e2"])
        for index in range(FRAMES):
            rows.writerow(["walk", index, *chance.normal(size=3)])
            rows.writerow(["yard", index, 1.0, 0.0, 0.0])
    return TableEmbeddings([folder / "vectors.csv"])


EMBEDDINGS: dict[str, Callable[[Path], Embeddings]] = {
    "ComputedEmbeddings": lambda folder: ComputedEmbeddings(network(folder)),
    "TableEmbeddings": table,
}


@pytest.fixture(scope="module", params=EMBEDDERS)
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return EMBEDDERS[request.param](tmp_path_factory.mktemp("embedder"))


@pytest.fixture(params=EMBEDDINGS)
def embeddings(request: pytest.FixtureRequest, tmp_path: Path) -> Embeddings:
    return EMBEDDINGS[request.param](tmp_path)


def test_every_embedder_is_here() -> None:
    assert implementations(Embedder) == EMBEDDERS.keys()
    assert implementations(Embeddings) == EMBEDDINGS.keys()
    assert implementations(VectorSpace) == EMBEDDERS.keys() | EMBEDDINGS.keys()


def test_vectors_are_of_unit_length_and_nobody_changes_them(embedder: Embedder) -> None:
    vectors = embedder.embed(noise(3, embedder.view.side))
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, embedder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert not vectors.flags.writeable
    assert embedder.embed([]).shape == (0, embedder.dim)


def test_vectors_depend_on_no_neighbour_and_no_threads(embedder: Embedder) -> None:
    thumbnails = noise(FRAMES, embedder.view.side)
    together = embedder.embed(thumbnails)
    assert len(np.unique(together, axis=0)) == FRAMES
    assert together[::-1].tobytes() == embedder.embed(thumbnails[::-1]).tobytes()
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        alone = np.concatenate([embedder.embed([each]) for each in thumbnails])
    finally:
        torch.set_num_threads(threads)
    assert together.tobytes() == alone.tobytes()


def test_it_is_known_by_its_name_and_the_digest_of_its_weights(embedder: Embedder) -> None:
    assert embedder.name
    assert int(embedder.digest, 16) > 0


def prefiltered(embeddings: Embeddings, index: int, refusal: str | None) -> PrefilteredFrame:
    (thumbnail,) = noise(1, embeddings.view.side, seed=index)
    grid = np.zeros((32, 32), np.uint8)
    shown = None if refusal else thumbnail
    return PrefilteredFrame(frame("walk", index), grid, index, 0.5, refusal, shown)


def test_each_frame_has_its_vector_and_a_refused_one_none(embeddings: Embeddings) -> None:
    refusals = [None, "black", None, None, "blurred", None, None]
    given = [prefiltered(embeddings, index, refusal) for index, refusal in enumerate(refusals)]
    found = embeddings.candidates(given)
    assert [one.frame.key for one in found] == [one.frame.key for one in given]
    assert [one.prefiltered.refusal for one in found] == refusals
    assert all(one.prefiltered.thumbnail is None for one in found)
    for one, refusal in zip(found, refusals, strict=True):
        assert (one.embedding is None) == (refusal is not None)
        if one.embedding is not None:
            assert one.embedding.dtype == np.float32
            assert one.embedding.shape == (embeddings.dim,)
            assert np.linalg.norm(one.embedding) == pytest.approx(1, abs=1e-6)
            assert not one.embedding.flags.writeable
    assert embeddings.candidates([]) == []


def test_a_frames_vector_depends_on_no_frame_beside_it(embeddings: Embeddings) -> None:
    def vectors(places: list[int]) -> list[bytes]:
        given = [prefiltered(embeddings, index, None) for index in places]
        found = [one.embedding for one in embeddings.candidates(given)]
        return [vector.tobytes() for vector in found if vector is not None]

    together = vectors(list(range(FRAMES)))
    assert len(set(together)) == FRAMES
    assert [vectors([index]) for index in range(FRAMES)] == [[one] for one in together]
    assert vectors(list(reversed(range(FRAMES)))) == together[::-1]
