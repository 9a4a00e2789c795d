"""Adapts the input and output shapes of exported networks to those of embedders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from streamsel.errors import ConfigurationError


def in_batches(look: Callable[[Tensor], object], pixels: Tensor, batch: int | None) -> object:
    """Show (N, 3, S, S) to a network that takes ``batch`` pictures at a time, no more, no fewer.

    None: it takes any number. What is missing in the last batch is black. What is not a tensor
    is returned as it came.
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
    """Return the vectors among what a network gave: the first (N, D) or (N, D, 1, 1).

    ``output`` names another: a key, or a number from 0. Where nothing fits, the first is
    returned as it is. Raises :class:`ConfigurationError` for an output that is not there.
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
    """Name each output: by its key, or by its place among several."""
    if isinstance(given, Mapping):
        return {str(key): each for key, each in given.items()}
    if isinstance(given, Sequence):
        return {str(place): each for place, each in enumerate(given)}
    return {"0": given}


def flat(given: object) -> object:
    """Return (N, D, 1, 1), as pooling leaves it, as (N, D), and anything else as it is."""
    if isinstance(given, Tensor) and given.ndim == 4 and given.shape[2:] == (1, 1):
        return given.flatten(1)
    return given
