"""Checkpoints of a fine-tuning between epochs, as bytes."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Mapping
from typing import Any

import torch

from streamsel.errors import ConfigurationError, RecordError

_FORMAT = "streamsel-train-1"


def write_checkpoint(identity: Mapping[str, object], state: Mapping[str, Any]) -> bytes:
    """Serialise a state with its identity, which is plain values: options, weights and footage."""
    file = io.BytesIO()
    torch.save({"format": _FORMAT, "identity": dict(identity), "state": dict(state)}, file)
    return file.getvalue()


def read_checkpoint(content: bytes, identity: Mapping[str, object], where: str) -> dict[str, Any]:
    """Return the state in a checkpoint. Executes no code from it.

    Raises :class:`RecordError` if the content is not a checkpoint of this version,
    :class:`ConfigurationError` if its identity differs from ``identity``.
    """
    unfit = f"{where}: not a checkpoint; restart with --overwrite"
    # torch's reader of its old format, no zip archive, is not robust against arbitrary bytes.
    if not zipfile.is_zipfile(io.BytesIO(content)):
        raise RecordError(unfit)
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        was, state = dict(found["identity"]), dict(found["state"])
        known = found["format"] == _FORMAT
    except (pickle.UnpicklingError, EOFError, KeyError, RuntimeError, TypeError, ValueError) as e:
        raise RecordError(unfit) from e
    if not known:
        raise RecordError(f"{where}: of another version; restart with --overwrite")
    for name, value in identity.items():
        if was.get(name) != value:
            raise ConfigurationError(
                f"{where}: was made with {name} {was.get(name)}, not {value}; "
                "continue with the same, or restart with --overwrite"
            )
    return state
