"""All that decisions about a video depend on, recorded once: to be played again in seconds.

Every frame is decoded and measured as a run does it, and embedded whether or not it will be
refused. A replay runs the prefilter and the selector of today on that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from streamsel.config.options import EmbedOptions, ReadOptions, RunOptions
from streamsel.embed.registry import create
from streamsel.frame import (
    Candidate,
    Frame,
    FrameKey,
    Picture,
    Thumbnail,
    Vectors,
    View,
)
from streamsel.interfaces.embedding import Embedder
from streamsel.interfaces.prefilter import Thumbnailer
from streamsel.prefilter.prefilter import FramePrefilter
from streamsel.wiring.embeddings import open_thumbnailer
from streamsel.wiring.inputs import open_sources
from streamsel.wiring.selector import build_selector

_MEASURES = tuple(
    sorted(name for name in vars(Thumbnailer) if name[0] != "_" and name != "thumbnail")
)
"""What a thumbnailer tells the prefilter, besides the thumbnail."""
_BATCH = 32
_JUDGED_AT_ONCE = 512
_T = TypeVar("_T")


class Tape:
    """A recorded video; see the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def times(self) -> npt.NDArray[np.float64]:
        """Media time of each frame in seconds, (N,)."""
        times: npt.NDArray[np.float64] = np.load(self._folder / "times.npy")
        return times

    @cached_property
    def vectors(self) -> Vectors:
        """The embedding of each frame, (N, D)."""
        vectors: Vectors = np.load(self._folder / "vectors.npy")
        vectors.flags.writeable = False
        return vectors

    @cached_property
    def thumbnails(self) -> npt.NDArray[np.uint8]:
        """(N, S, S, 3)."""
        return self.measure("thumbnails")

    def measure(self, name: str) -> npt.NDArray[Any]:
        """What the thumbnailer measured of each frame under this name."""
        measured: npt.NDArray[Any] = np.load(self._folder / f"{name}.npy", mmap_mode="r")
        return measured

    def candidates(self, options: RunOptions) -> Sequence[Candidate]:
        """Let today's prefilter check all frames; return them with their embeddings."""
        side = self.thumbnails.shape[1]
        thumbnailer: Any = _Recorded(self)  # its measures are those that the protocol names
        prefilter = FramePrefilter(thumbnailer, View(side), options.prefilter)
        found = []
        for number, frame in enumerate(self._frames()):
            seen = prefilter.check(frame)
            vector = None if seen.refusal is not None else self.vectors[number]
            found.append(Candidate(replace(seen, thumbnail=None), vector))
        return found

    def _frames(self) -> Iterator[Frame]:
        for number, time in enumerate(self.times.tolist()):
            yield Frame(
                key=FrameKey("tape", number),
                pts=number,
                time_base=Fraction(1),
                media_time=time,
                width=0,
                height=0,
                picture=_Place(number),
            )


def kept_of(candidates: Sequence[Candidate], options: RunOptions) -> Sequence[int]:
    """Let today's selector judge; return the indices of the frames that it keeps."""
    dim = next(one.embedding for one in candidates if one.embedding is not None).shape[0]
    selector = build_selector(options, [], dim)
    for part in _batches(candidates, _JUDGED_AT_ONCE):
        selector.judge(part)
    selector.finish()
    return sorted(key.index for key in selector.kept)


def recorded(video: Path, cache: Path) -> Tape:
    """Return the tape of a video in the cache, recorded now unless it is there already."""
    embedder = create(EmbedOptions().embedder)
    folder = cache / f"{video.stem}-{embedder.digest}-{'+'.join(_MEASURES)}"
    if not folder.exists():
        unborn = folder.with_name(f"{folder.name}-{os.getpid()}")
        unborn.mkdir(parents=True)
        for name, values in _record(video, embedder).items():
            np.save(unborn / f"{name}.npy", values)
        os.replace(unborn, folder)
    return Tape(folder)


def _record(video: Path, embedder: Embedder) -> dict[str, npt.NDArray[Any]]:
    """Decode, measure and embed every frame of a video."""
    thumbnailer: Thumbnailer = open_thumbnailer(on_gpu=False)
    rows: dict[str, list[Any]] = {name: [] for name in ("times", "thumbnails", *_MEASURES)}
    vectors = []
    opened = open_sources([str(video)], ReadOptions(), on_gpu=False)
    with closing(opened.sources[0].frames(0)) as frames:
        for batch in _batches(frames, _BATCH):
            small = [thumbnailer.thumbnail(frame.picture, embedder.view) for frame in batch]
            rows["thumbnails"] += small
            rows["times"] += [frame.media_time for frame in batch]
            for name in _MEASURES:
                measure: Callable[[Picture], Any] = getattr(thumbnailer, name)
                rows[name] += [measure(frame.picture) for frame in batch]
            for frame in batch:
                frame.picture.drop()
            vectors.append(embedder.embed(small))
    stacked = {name: np.array(values) for name, values in rows.items()}
    return stacked | {"vectors": np.concatenate(vectors)}


class _Place(Picture):
    """Stands for a picture that was measured once; only its number is left."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        super().__init__(None)
        self.number = number


class _Recorded:
    """A thumbnailer that reads a tape, in the view of the embedder that the tape was made for.

    It has no more luma rows than are usual: a run looks at more of pictures that are all but black
    or of one colour.
    """

    def __init__(self, tape: Tape) -> None:
        self._thumbnails = tape.thumbnails
        for name in _MEASURES:
            setattr(self, name, partial(_looked_up, tape.measure(name)))

    def thumbnail(self, picture: Picture, view: View) -> Thumbnail:
        """As recorded."""
        return _looked_up(self._thumbnails, picture)


def _looked_up(values: npt.NDArray[Any], picture: Picture, rows: int = 0) -> npt.NDArray[Any]:
    return np.asarray(values[_number(picture)])


def _number(picture: Picture) -> int:
    if not isinstance(picture, _Place):
        raise TypeError("only frames of the tape itself can be looked up")
    return picture.number


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch
