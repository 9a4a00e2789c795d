"""Where embeddings come from, and where pictures are processed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from streamsel.config.options import EmbedOptions, ReadOptions
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.embed.tables.table import TableEmbeddings
from streamsel.errors import ConfigurationError
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from streamsel.sources.thumbnails.gpu import GpuThumbnailer
from streamsel.wiring.embeddings import build_embeddings, open_thumbnailer, uses_gpu


def test_files_of_vectors_take_the_place_of_a_network(tmp_path: Path) -> None:
    table = tmp_path / "vectors.csv"
    table.write_text('feed,index,embedding\nwalk,0,"[0.6, 0.8]"\n')
    options = EmbedOptions(embeddings=(str(table),))
    made = build_embeddings(options, [FileSource("walk", "walk.mp4")])
    assert isinstance(made, TableEmbeddings)
    assert made.dim == 2
    with pytest.raises(ConfigurationError, match="yard"):
        build_embeddings(options, [FileSource("yard", "yard.mp4")])


def test_else_the_named_network_is_loaded() -> None:
    made = build_embeddings(EmbedOptions(device="cpu"), [])
    assert isinstance(made, ComputedEmbeddings)
    assert made.name == "builtin"


@pytest.mark.parametrize("there_is_one", [False, True])
def test_a_gpu_is_used_where_it_decodes_and_torch_has_it(
    monkeypatch: pytest.MonkeyPatch, there_is_one: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there_is_one)
    used = {ask: uses_gpu(ReadOptions(hwaccel=ask)) for ask in (None, "vaapi", "auto", "cuda")}
    assert used == {None: False, "vaapi": False, "auto": there_is_one, "cuda": there_is_one}


def test_pictures_are_looked_at_where_they_are() -> None:
    assert isinstance(open_thumbnailer(on_gpu=True), GpuThumbnailer)
    assert isinstance(open_thumbnailer(on_gpu=False), CpuThumbnailer)
