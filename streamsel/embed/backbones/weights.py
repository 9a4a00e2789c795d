"""Weight files for networks of other libraries: loads, matches and hashes them."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from streamsel.errors import ConfigurationError, EmbedderError

State = dict[str, Tensor]

_PICKLED = (".pth", ".pt", ".bin", ".ckpt", ".tar")
# Keys under which training programs save weights, in order of preference.
_NESTS = ("state_dict_ema", "model_ema", "state_dict", "model")
# Prefixes that wrappers (data parallel, compiled, averaged) add to names.
_PREFIXES = ("module.", "_orig_mod.")
# Batch counters, not weights; files of older torch lack them.
_COUNTER = "num_batches_tracked"


def load_state(path: str) -> State:
    """Read a state dict, on the CPU, from a ``.safetensors`` file or one that torch saved.

    Nested dicts are unpacked, and prefixes of wrappers removed from names. No code in the file is
    executed. Raises :class:`ConfigurationError` for another file type, :class:`EmbedderError` for a
    file that cannot be read or contains no weights.
    """
    suffix = Path(path).suffix
    if suffix != ".safetensors" and suffix not in _PICKLED:
        raise ConfigurationError(
            f"{path}: weights are a .safetensors file, or one of {', '.join(_PICKLED)}"
        )
    try:
        if suffix == ".safetensors":
            found: object = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise EmbedderError(f"{path}: there is no such file") from error
    except pickle.UnpicklingError as error:
        raise EmbedderError(
            f"{path}: holds objects that could run code when read, or is damaged; "
            "save the network's state_dict alone, best as .safetensors"
        ) from error
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it is cut short"
        raise EmbedderError(f"{path}: cannot be read as weights: {reason[:160]}") from error
    return _unpack(path, found)


def fit_state(
    network: nn.Module, state: Mapping[str, Tensor], origin: str, ignored: Sequence[str] = ()
) -> None:
    """Load weights into a network; every weight must match.

    Only weights in the modules ``ignored`` (a classifier's) may be missing or left over. Raises
    :class:`EmbedderError` with the name and the shapes of the first weight that does not fit.
    """
    wanted = network.state_dict()
    skipped = tuple(f"{each}." for each in ignored)
    fitting: State = {}
    for name, tensor in wanted.items():
        given = state.get(name)
        if given is not None and given.shape == tensor.shape:
            fitting[name] = given
        elif given is not None:
            raise EmbedderError(
                f"{origin}: {name} is {tuple(given.shape)}, "
                f"but this network wants {tuple(tensor.shape)}"
            )
        elif not name.startswith(skipped) and not name.endswith(_COUNTER):
            raise EmbedderError(
                f"{origin}: {name} {tuple(tensor.shape)} is missing; "
                "these are weights of another network"
            )
    for name, tensor in state.items():
        if name not in wanted and not name.startswith(skipped) and not name.endswith(_COUNTER):
            raise EmbedderError(
                f"{origin}: {name} {tuple(tensor.shape)} is too much; "
                "these are weights of another network"
            )
    network.load_state_dict(fitting, strict=False)


def digest(state: Mapping[str, Tensor]) -> str:
    """Hash names, types, shapes and values of weights, in order of the names: 16 hex digits.

    The digest does not depend on the type of the file.
    """
    found = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()[:16]


def _unpack(path: str, found: object) -> State:
    while isinstance(found, Mapping):
        nest = next((each for each in _NESTS if isinstance(found.get(each), Mapping)), None)
        if nest is None:
            break
        found = found[nest]
    tensors = found.items() if isinstance(found, Mapping) else ()
    state = {_bare(str(name)): each for name, each in tensors if isinstance(each, Tensor)}
    if not state:
        raise EmbedderError(f"{path}: holds no weights by name")
    return state


def _bare(name: str) -> str:
    while name.startswith(_PREFIXES):
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
    return name
