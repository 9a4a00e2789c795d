"""Builds the source of embeddings: a network, or a table of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streamsel.config.options import EmbedOptions, ReadOptions
from streamsel.embed.computed import ComputedEmbeddings
from streamsel.interfaces.embedding import Embeddings
from streamsel.interfaces.prefilter import Thumbnailer
from streamsel.interfaces.sources import Source


def build_embeddings(options: EmbedOptions, sources: Sequence[Source]) -> Embeddings:
    """Load the network, or read the files of vectors.

    Raises :class:`ConfigurationError` for an unknown name, or files without vectors of any of the
    feeds, :class:`EmbedderError` if loading or reading fails.
    """
    if options.embeddings:
        from streamsel.embed.tables.table import TableEmbeddings

        table = TableEmbeddings([Path(file) for file in options.embeddings])
        table.require_any([source.feed for source in sources])
        return table
    from streamsel.embed.registry import create

    return ComputedEmbeddings(
        create(options.embedder, weights=options.weights, device=options.device)
    )


def uses_gpu(read: ReadOptions) -> bool:
    """Whether pictures are processed in GPU memory: the GPU decodes, and torch can use it."""
    if read.hwaccel not in ("auto", "cuda"):
        return False
    import torch

    return torch.cuda.is_available()


def open_thumbnailer(*, on_gpu: bool) -> Thumbnailer:
    """Return a thumbnailer for the pictures of one feed."""
    if on_gpu:
        from streamsel.sources.thumbnails.gpu import GpuThumbnailer

        return GpuThumbnailer()
    from streamsel.sources.thumbnails.cpu import CpuThumbnailer

    return CpuThumbnailer()
