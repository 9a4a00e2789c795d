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
    """Return a state and, as plain values, what it was made with and of."""
    file = io.BytesIO()
    torch.save({"format": _FORMAT, "identity": dict(identity), "state": dict(state)}, file)
    return file.getvalue()


def read_checkpoint(content: bytes, identity: Mapping[str, object], where: str) -> dict[str, Any]:
    """Return the state in a checkpoint. Runs no code that may be in it.

    Raises :class:`RecordError` for what is no checkpoint, :class:`ConfigurationError` where it was
    made with anything else than ``identity``.
    """
    unfit = f"{where}: not a checkpoint; restart with --overwrite"
    # What torch stored long ago was no archive; its reader for that is not made for any bytes.
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
