"""Adapts the input and output shapes of exported networks to those of embedders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from streamsel.errors import ConfigurationError


def in_batches(look: Callable[[Tensor], object], pixels: Tensor, batch: int | None) -> object:
    """Run (N, 3, S, S) through a network that takes exactly ``batch`` pictures; None: any number.

    The last batch is padded with black pictures. Output that is not a tensor is returned unchanged.
    """
    if batch is None or len(pixels) == batch:
        return look(pixels)
    found = []
    for rows in torch.split(pixels, batch):
        black = rows.new_zeros((batch - len(rows), *rows.shape[1:]))
        given = look(torch.cat([rows, black]))
        if not isinstance(given, Tensor):
            return given
        found.append(given[: len(rows)])
    return torch.cat(found)


def pick(asked: str, given: object, output: str | None) -> object:
    """Return the vectors in a network's output: the first (N, D) or (N, D, 1, 1).

    ``output`` selects another one by key or by number, from 0. If nothing fits, the first output is
    returned unchanged. Raises :class:`ConfigurationError` for an output that does not exist.
    """
    found = named(given)
    if output is not None:
        if output not in found:
            raise ConfigurationError(
                f"embedder {asked!r}: there is no output {output!r}. Known: {', '.join(found)}"
            )
        return flat(found[output])
    flattened = [flat(each) for each in found.values()]
    fitting = [each for each in flattened if isinstance(each, Tensor) and each.ndim == 2]
    return (fitting or flattened or [None])[0]


def named(given: object) -> Mapping[str, object]:
    """Return each output by its key, or by its position in a sequence."""
    if isinstance(given, Mapping):
        return {str(key): each for key, each in given.items()}
    if isinstance(given, Sequence):
        return {str(place): each for place, each in enumerate(given)}
    return {"0": given}


def flat(given: object) -> object:
    """Flatten (N, D, 1, 1), the shape after pooling, to (N, D); return all else unchanged."""
    if isinstance(given, Tensor) and given.ndim == 4 and given.shape[2:] == (1, 1):
        return given.flatten(1)
    return given
