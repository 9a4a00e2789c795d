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
    """The network to begin with, the bytes of its file, and their digest as embedders have it."""

    network: Network
    content: bytes
    digest: str


def load_start(weights: str | None) -> Start:
    """Load weights from a safetensors file; None: those of the package.

    Raises :class:`EmbedderError` for a file that is missing or of another network.
    """
    network, content = read_network(weights)
    return Start(network, content, digest_of(content))


def digest_of(content: bytes) -> str:
    """The digest that an embedder has with this file."""
    return hashlib.sha256(content).hexdigest()[:16]


def write_weights(network: Network, origin: Mapping[str, object]) -> bytes:
    """Return a safetensors file that ``--weights`` takes, which tells where it comes from.

    The same weights and origin give the same bytes: safetensors puts several entries of metadata
    in any order, so there is one, ``streamsel``, a JSON object.
    """
    tensors = {name: each.cpu().contiguous() for name, each in network.state_dict().items()}
    return save(tensors, metadata={"streamsel": json.dumps(dict(origin), sort_keys=True)})
