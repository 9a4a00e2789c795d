"""Generated videos as files, made once and kept for the next time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import av
from av.video.reformatter import Interpolation

from tests.bench.worth.drawing import HEIGHT, WIDTH, Image
from tests.bench.worth.truth import Truth, read_truth, write_truth

_EXACT = Interpolation.AREA | Interpolation.BITEXACT | Interpolation.ACCURATE_RND
_GENERATORS = ("drawing", "people", "backgrounds", "camera", "scenes", "media")
_NEARLY_LOSSLESS = "14"


class Recipe(Protocol):
    """Pictures that can be made again; its ``repr`` says all that they depend on."""

    @property
    def name(self) -> str:
        """What tables call it."""

    @property
    def fps(self) -> int:
        """Pictures a second."""

    @property
    def bits(self) -> int | None:
        """Bits a second as a camera sends them; None: nearly without loss."""

    def frames(self) -> Iterator[tuple[Image, Truth]]:
        """Yield each picture, (H, W, 3), and what is to be seen in it."""


@dataclass(frozen=True, slots=True)
class Media:
    """A video on the disk, and the truth about it."""

    name: str
    path: Path
    truth: Sequence[Truth]


def made(recipe: Recipe, cache: Path) -> Media:
    """Return the video of a recipe, generated now unless it is in the cache."""
    path = cache / f"{_digest(recipe)}.mkv"
    truth = path.with_suffix(".jsonl")
    if not (path.exists() and truth.exists()):
        cache.mkdir(parents=True, exist_ok=True)
        write_truth(truth, _encode(recipe, path))
    return Media(recipe.name, path, read_truth(truth))


def given(path: Path) -> Media:
    """Return somebody's video with the truth that lies beside it, ``NAME.jsonl``."""
    return Media(path.stem, path, read_truth(path.with_suffix(".jsonl")))


def _encode(recipe: Recipe, path: Path) -> Sequence[Truth]:
    """Write a video, whole or not at all, and return the truth about it."""
    unborn = path.with_name(f"{path.stem}-{os.getpid()}.mkv")
    found = []
    with av.open(str(unborn), "w") as container:
        stream = container.add_stream("libx264", rate=recipe.fps, options=_options(recipe))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number, (picture, truth) in enumerate(recipe.frames()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame = frame.reformat(format="yuv420p", interpolation=_EXACT, threads=1)
            frame.pts, frame.time_base = number, Fraction(1, recipe.fps)
            container.mux(stream.encode(frame))
            found.append(truth)
        container.mux(stream.encode(None))
    os.replace(unborn, path)
    return found


def _options(recipe: Recipe) -> dict[str, str]:
    """What libx264 is told; one thread, for their number changes what is written."""
    options = {"preset": "veryfast", "threads": "1", "g": str(4 * recipe.fps)}
    if recipe.bits is None:
        return options | {"crf": _NEARLY_LOSSLESS}
    rate = str(recipe.bits)
    return options | {"tune": "zerolatency", "b": rate, "maxrate": rate, "bufsize": rate}


def _digest(recipe: Recipe) -> str:
    """Differs wherever the recipe, its files or the code that follows it differ."""
    found = hashlib.sha256(repr(recipe).encode())
    for name in _GENERATORS:
        found.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    for value in vars(recipe).values():
        found.update(_content(value))
    return found.hexdigest()[:16]


def _content(value: Any) -> bytes:
    """The names and sizes of the files that a path stands for."""
    path = Path(value) if isinstance(value, (str, Path)) else None
    if path is None or not path.exists():
        return b""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return repr([(file.name, file.stat().st_size) for file in files]).encode()
