"""The built-in embedder: no download, no account, no GPU needed."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from textwrap import shorten

from safetensors import SafetensorError
from safetensors.torch import load

from streamsel.embed.device import choose_device
from streamsel.embed.network import INPUT_SIZE, Network
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import EmbedderError
from streamsel.frame import View

# The network's input is RGB in 0..255, not normalised.
_PREPARATION = Preparation(View(INPUT_SIZE), mean=(0.0, 0.0, 0.0), std=(1 / 255, 1 / 255, 1 / 255))


class BuiltinEmbedder(TorchEmbedder):
    """The network of :mod:`streamsel.embed.network` with the weights included in the package.

    Batches, threads and devices are those of :class:`TorchEmbedder`.
    """

    def __init__(self, weights: str | None = None, device: str = "auto") -> None:
        """Load the network. ``weights`` is a safetensors file; None: those of the package.

        Raises :class:`EmbedderError` for weights that are missing or of another network, or for a
        device that does not exist; :class:`ConfigurationError` for an unknown device name.
        """
        place = choose_device(device)
        network, content = read_network(weights)
        digest = hashlib.sha256(content).hexdigest()[:16]
        super().__init__("builtin", network.fuse(), _PREPARATION, digest, place)


def read_network(weights: str | None) -> tuple[Network, bytes]:
    """Return the built-in network with the weights of a file (None: the package's), and the file.

    Raises :class:`EmbedderError` for a file that is missing or of another network.
    """
    own = files("streamsel.embed") / "weights" / "builtin.safetensors"
    origin = weights or "the package's own weights"
    network = Network()
    try:
        content = (own if weights is None else Path(weights)).read_bytes()
        network.load_state_dict(load(content))
    except OSError as error:
        raise EmbedderError(f"{origin}: cannot be read: {error.strerror}") from error
    except (SafetensorError, RuntimeError) as error:
        reason = shorten(str(error).splitlines()[-1], 160)
        raise EmbedderError(
            f"{origin}: these are not weights of the built-in network: {reason}"
        ) from error
    return network, content
