"""Twelve small clips, drawn in whole numbers and stored without loss: the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

Planes = npt.NDArray[np.uint8]
"""(H, W, 3) luma and two chromas, each for every pixel."""

SIZE = (64, 48)
RATE = 10


@dataclass(frozen=True, slots=True)
class Clip:
    """What is drawn: pictures, and their times in tenths of a second where they are uneven."""

    pictures: Callable[[], Iterator[Planes]]
    times: Sequence[int] | None = None


def texture(seed: int, width: int, height: int) -> Planes:
    """A surface of overlapping rectangles, large ones below small ones; (height, width, 3)."""
    rng = np.random.default_rng(seed)
    base = rng.integers(70, 180, 3)
    surface = np.empty((height, width, 3), np.uint8)
    surface[:] = base
    for side in (height // 2, height // 4, height // 8):
        for _ in range(10):
            y, x = int(rng.integers(height)), int(rng.integers(width))
            h, w = (int(one) for one in rng.integers(max(2, side // 2), max(3, side + 1), 2))
            surface[y : y + h, x : x + w] = rng.integers(30, 226, 3)
    return surface


def scene(seed: int) -> Planes:
    """A texture of the size of a picture."""
    return texture(seed, *SIZE)


def noisy(picture: Planes, seed: int) -> Planes:
    """The picture with the noise of a camera, of two grey levels at most."""
    noise = np.random.default_rng(seed).integers(-2, 3, (*picture.shape[:2], 1))
    noised: Planes = np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)
    return noised


def blurred(picture: Planes, radius: int) -> Planes:
    """The mean over squares, in whole numbers."""
    padded = np.pad(picture.astype(np.int64), ((radius, radius), (radius, radius), (0, 0)), "edge")
    side = 2 * radius + 1
    squares = sliding_window_view(padded, (side, side), axis=(0, 1))  # (H, W, 3, side, side)
    means: Planes = (squares.sum(axis=(3, 4)) // side**2).astype(np.uint8)
    return means


def mixed(first: Planes, second: Planes, part: int, of: int) -> Planes:
    """``part`` in ``of`` the second picture, else the first."""
    whole = first.astype(np.int32) * (of - part) + second.astype(np.int32) * part
    return (whole // of).astype(np.uint8)


def still() -> Iterator[Planes]:
    """A camera that stands; visitors of four kinds come, cross and go."""
    for index in range(60):
        picture = scene(1).copy()
        visit, step = divmod(index, 15)
        if 3 <= step < 13:
            visitor, x = texture(100 + visit, 16, 28), (step - 3) * 5
            picture[14 + visit : 42 + visit, x : x + 16] = visitor[:, : SIZE[0] - x]
        yield noisy(picture, index)


def moving() -> Iterator[Planes]:
    """A camera that pans over a wide view, and back on another line."""
    world = texture(2, 260, 120)
    for index in range(48):
        x, y = (index * 8, 4) if index < 24 else ((47 - index) * 8, 60)
        yield noisy(world[y : y + SIZE[1], x : x + SIZE[0]], 1000 + index)


def cuts() -> Iterator[Planes]:
    """Six scenes, the third of them twice, with hard cuts."""
    for place, seed in enumerate((10, 11, 12, 13, 12, 14)):
        for step in range(8):
            wide = texture(seed, SIZE[0] + 16, SIZE[1])
            yield noisy(wide[:, step * 2 : step * 2 + SIZE[0]], 2000 + 8 * place + step)


def fades() -> Iterator[Planes]:
    """Three scenes that melt into each other; the last goes dark."""
    dark = np.empty_like(scene(0))
    dark[:] = (16, 128, 128)
    chain = [scene(20), scene(21), scene(22), dark]
    for place, (first, second) in enumerate(pairwise(chain)):
        for step in range(14):
            yield noisy(mixed(first, second, step, 14), 3000 + 14 * place + step)


def spoiled() -> Iterator[Planes]:
    """A view with black, plain and blurred pictures in between."""
    world = texture(30, 200, 48)
    plain = np.empty_like(scene(0))
    for index in range(42):
        picture = noisy(world[:, index * 3 : index * 3 + SIZE[0]], 4000 + index)
        if index % 7 == 3:
            plain[:] = (16, 128, 128)
            picture = plain.copy()
        elif index % 7 == 5:
            plain[:] = (90 + index, 100, 150)
            picture = plain.copy()
        elif index % 7 == 6:
            picture = blurred(blurred(picture, 8), 8)
        yield picture


def varying() -> Iterator[Planes]:
    """As many scenes as cuts in time: the clock of the clip jumps where the view does."""
    for index in range(30):
        wide = texture(40 + index // 6, SIZE[0] + 20, SIZE[1])
        x = index % 6 * 4
        yield noisy(wide[:, x : x + SIZE[0]], 5000 + index)


def short() -> Iterator[Planes]:
    """Three pictures, two of them alike."""
    yield noisy(scene(50), 1)
    yield noisy(scene(50), 2)
    yield noisy(scene(51), 3)


def single() -> Iterator[Planes]:
    """One picture."""
    yield scene(55)


def odd() -> Iterator[Planes]:
    """Pictures of odd width and height."""
    world = texture(60, 180, 90)
    for index in range(24):
        yield noisy(world[index : index + 51, index * 4 : index * 4 + 67], 6000 + index)


def repeated() -> Iterator[Planes]:
    """Each picture three times, then a pair in turns, then one that stands for three seconds."""
    world = texture(70, 160, 48)
    views = [noisy(world[:, 8 * k : 8 * k + SIZE[0]], 7000 + k) for k in range(6)]
    yield from (view for view in views for _ in range(3))
    yield from (views[k % 2 * 5] for k in range(8))
    yield from (noisy(scene(71), 7100) for _ in range(30))
    yield from (noisy(scene(72), 7200 + k) for k in range(4))


def wandering() -> Iterator[Planes]:
    """A camera that turns among ever more places: what is kept must give way, and may return."""
    rng = np.random.default_rng(80)
    worlds = [texture(800 + seed, 120, 48) for seed in range(16)]
    place = 0
    for index in range(180):
        if index % 4 == 0:
            place = int(rng.integers(1 + index * 15 // 179))
        x = int(rng.integers(50))
        yield noisy(worlds[place][:, x : x + SIZE[0]], 8000 + index)


def walk() -> Iterator[Planes]:
    """The second of several inputs: a place of the first, and others."""
    for index in range(24):
        wide = texture((11, 90, 91)[index // 8], SIZE[0] + 24, SIZE[1])
        x = index % 8 * 3
        yield noisy(wide[:, x : x + SIZE[0]], 9000 + index)


def small() -> Iterator[Planes]:
    """A pan without noise, of few bytes, for what is committed."""
    world = texture(95, 128, 24)
    for index in range(40):
        x = index * 2 + index // 10 * 6
        yield world[:, x : x + 32]


CLIPS: Mapping[str, Clip] = {
    "still": Clip(still),
    "moving": Clip(moving),
    "cuts": Clip(cuts),
    "fades": Clip(fades),
    "spoiled": Clip(spoiled),
    "varying": Clip(varying, [*range(12), *range(20, 44, 4), *range(300, 306), *range(310, 316)]),
    "short": Clip(short),
    "single": Clip(single),
    "odd": Clip(odd),
    "repeated": Clip(repeated),
    "wandering": Clip(wandering),
    "walk": Clip(walk),
}
SMALL = Clip(small)


def draw(name: str, folder: Path) -> Path:
    """Write a clip as FFV1 in Matroska, once; ``small`` is that which is committed."""
    path = folder / f"{name}.mkv"
    if path.exists():
        return path
    clip = SMALL if name == "small" else CLIPS[name]
    pictures = list(clip.pictures())
    height, width, _ = pictures[0].shape
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p"
        stream.thread_count = 1
        stream.codec_context.time_base = Fraction(1, RATE)
        for picture, pts in zip(pictures, clip.times or range(len(pictures)), strict=True):
            planes = np.ascontiguousarray(picture.transpose(2, 0, 1))
            image = av.VideoFrame.from_ndarray(planes, format="yuv444p")
            image.pts, image.time_base = pts, Fraction(1, RATE)
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def draw_folder(folder: Path) -> Path:
    """Write a folder of PNG images, some of them of another size; once."""
    path = folder / "stills"
    if not path.exists():
        path.mkdir()
        for index in range(9):
            side = (80, 60) if index % 3 == 2 else SIZE
            Image.fromarray(texture(900 + index // 2, *side)).save(path / f"{index:02d}.png")
    return path
