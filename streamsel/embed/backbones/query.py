"""Parses names of file embedders: ``onnx:model.onnx?size=224&mean=clip``.

A model file says little about the preprocessing used in training, so the name specifies it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TypeAlias, get_args

from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Scaling, View

Rgb: TypeAlias = tuple[float, float, float]

_KNOWN = ("size", "mean", "std", "scaling", "crop", "output")
_NORMALISATIONS: Mapping[str, tuple[Rgb, Rgb]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
}
_SMALLEST_PX, _LARGEST_PX = 8, 2048


@dataclass(frozen=True, slots=True)
class FileQuery:
    """The parsed name of a file embedder.

    ``size`` is the side of its pictures in pixels; None if the file determines it. ``mean`` and
    ``std`` are of RGB in 0..1; ``normalised``: the name contains them. ``crop`` and ``scaling``
    are those of a :class:`View`. ``output`` selects one of several outputs.
    """

    asked: str
    path: Path
    size: int | None = None
    mean: Rgb = _NORMALISATIONS["imagenet"][0]
    std: Rgb = _NORMALISATIONS["imagenet"][1]
    normalised: bool = False
    scaling: Scaling = "area"
    crop: float | None = None
    output: str | None = None

    def view(self, side: int | None) -> View:
        """Return the preprocessing; ``side`` is the picture size in the file, in pixels, or None.

        Raises :class:`ConfigurationError` if file and name differ, or neither gives a size.
        """
        if side is None and self.size is None:
            sign = "&" if "?" in self.asked else "?"
            raise ConfigurationError(
                f"embedder {self.asked!r}: the file does not tell the size of its pictures; "
                f"add it, e.g. {self.asked}{sign}size=224"
            )
        if side is not None and self.size not in (None, side):
            raise ConfigurationError(
                f"embedder {self.asked!r}: size is {self.size}, but the network takes "
                f"{side} x {side} px alone; leave size out"
            )
        return View(side or self.size or 0, self.crop, self.scaling)

    def unfit(self, reason: str) -> EmbedderError:
        """Return the error about a file that holds something else than a network of pictures."""
        return EmbedderError(f"embedder {self.asked!r} is not a network of pictures: {reason}")

    def digest(self, files: Iterable[Path]) -> str:
        """Hash the files and the options that affect vectors. Reads each file completely."""
        found = hashlib.sha256()
        for path in files:
            with path.open("rb") as file:
                found.update(hashlib.file_digest(file, "sha256").digest())
        shown = (self.size, self.mean, self.std, self.scaling, self.crop, self.output)
        found.update(repr(shown).encode())
        return found.hexdigest()[:16]


def parse_file(scheme: str, rest: str, weights: str | None) -> FileQuery:
    """Parse ``FILE?name=value&name=value``.

    Raises :class:`ConfigurationError` for unknown names, values out of bounds, and ``weights`` in
    addition to the file; :class:`EmbedderError` if the file does not exist.
    """
    asked = f"{scheme}:{rest}"
    place, _, query = rest.partition("?")
    if not place:
        raise ConfigurationError(f"embedder {asked!r} names no file; write {scheme}:FILE")
    if weights is not None:
        raise ConfigurationError(
            f"embedder {asked!r} is a file with its weights in it; leave --weights out"
        )
    path = Path(place)
    if not path.is_file():
        raise EmbedderError(f"embedder {asked!r}: there is no file {place}")
    values = _pairs(asked, query)
    mean, std = _normalisation(asked, values)
    return FileQuery(
        asked,
        path,
        size=_size(asked, values.get("size")),
        mean=mean,
        std=std,
        normalised="mean" in values or "std" in values,
        scaling=_scaling(asked, values.get("scaling")),
        crop=_crop(asked, values.get("crop")),
        output=values.get("output"),
    )


def _pairs(asked: str, query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if name not in _KNOWN:
            close = get_close_matches(name, _KNOWN, n=1)
            hint = f"; did you mean {close[0]}?" if close else "."
            raise ConfigurationError(
                f"embedder {asked!r}: {name!r} is not known{hint} Known: {', '.join(_KNOWN)}"
            )
        if name in found:
            raise ConfigurationError(f"embedder {asked!r}: {name} is there twice")
        if not value:
            raise ConfigurationError(f"embedder {asked!r}: {name} has no value")
        found[name] = value
    return found


def _size(asked: str, text: str | None) -> int | None:
    if text is None:
        return None
    if text.isdecimal() and _SMALLEST_PX <= int(text) <= _LARGEST_PX:
        return int(text)
    raise _wrong(asked, "size", text, f"pixels, {_SMALLEST_PX} to {_LARGEST_PX}")


def _crop(asked: str, text: str | None) -> float | None:
    if text is None:
        return None
    share = _number(text)
    if share is not None and 0 < share <= 1:
        return share
    raise _wrong(asked, "crop", text, "a share of the shorter side, more than 0 and at most 1")


def _scaling(asked: str, text: str | None) -> Scaling:
    for known in get_args(Scaling):
        if text == known:
            found: Scaling = known
            return found
    if text is None:
        return "area"
    raise _wrong(asked, "scaling", text, ", ".join(get_args(Scaling)))


def _normalisation(asked: str, values: Mapping[str, str]) -> tuple[Rgb, Rgb]:
    """Return mean and deviation. If only one is given, it must be a name, which sets both."""
    texts = values.get("mean"), values.get("std")
    if texts == (None, None):
        return _NORMALISATIONS["imagenet"]
    for name, text, other in (("mean", texts[0], "std"), ("std", texts[1], "mean")):
        if text is None and values[other] not in _NORMALISATIONS:
            raise ConfigurationError(f"embedder {asked!r}: {other} is given; add {name}")
    mean = _colour(asked, "mean", texts[0] or texts[1] or "", 0)
    std = _colour(asked, "std", texts[1] or texts[0] or "", 1)
    if min(std) <= 0:
        raise _wrong(asked, "std", values.get("std", ""), "more than 0")
    return mean, std


def _colour(asked: str, name: str, text: str, place: int) -> Rgb:
    if text in _NORMALISATIONS:
        return _NORMALISATIONS[text][place]
    numbers = [number for part in text.split(",") if (number := _number(part)) is not None]
    if len(numbers) == len(text.split(",")):
        if len(numbers) == 1:
            return numbers[0], numbers[0], numbers[0]
        if len(numbers) == 3:
            return numbers[0], numbers[1], numbers[2]
    known = ", ".join(_NORMALISATIONS)
    raise _wrong(asked, name, text, f"one of {known}, or one or three numbers for RGB in 0..1")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _wrong(asked: str, name: str, text: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"embedder {asked!r}: {name} is {text!r}; it must be {wanted}")
