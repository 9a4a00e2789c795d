"""Loads and saves the weights of a fine-tuning."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from safetensors.torch import save

from streamsel.embed.builtin import read_network
from streamsel.embed.network import Network


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """The starting network, the content of its file, and the digest that embedders report."""

    network: Network
    content: bytes
    digest: str


def load_start(weights: str | None) -> Start:
    """Load weights from a safetensors file; None loads those of the package.

    Raises :class:`EmbedderError` if the file is missing or of another network.
    """
    network, content = read_network(weights)
    return Start(network, content, digest_of(content))


def digest_of(content: bytes) -> str:
    """Return the digest that an embedder reports for this file."""
    return hashlib.sha256(content).hexdigest()[:16]


def write_weights(network: Network, origin: Mapping[str, object]) -> bytes:
    """Return a safetensors file for ``--weights`` with ``origin`` in its metadata.

    The same weights and origin give the same bytes. safetensors does not order its metadata, so
    there is a single entry, ``streamsel``, a JSON object.
    """
    tensors = {name: each.cpu().contiguous() for name, each in network.state_dict().items()}
    return save(tensors, metadata={"streamsel": json.dumps(dict(origin), sort_keys=True)})
