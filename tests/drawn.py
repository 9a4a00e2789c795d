"""What the code draws by chance, beside what it drew when somebody last looked at it.

    python -m tests.drawn FOLDER      # draws all anew; look at the sheets in FOLDER then

Arithmetic rounds differently on other processors, so few pixels may differ a lot, or all a little.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from streamsel.embed.distill.material import find_photographs, load_clips
from streamsel.embed.distill.procedural import procedural_picture
from streamsel.embed.distill.views import ViewMaker
from streamsel.sources.demo.scenes import parking, plasma, sky, street
from streamsel.sources.demo.synthetic import render_demo
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.embed.distill.made import write_clip, write_photograph

Pictures: TypeAlias = npt.NDArray[np.uint8]

_FOLDER = Path(__file__).parent / "drawn"
_SIZE = (96, 54)
_SEED = 7


def scenes() -> Pictures:
    """Every scene of the demo at four moments: (20, 54, 96, 3)."""
    drawers = [
        make(_SIZE, np.random.default_rng(_SEED)) for make in (sky, street, parking, plasma)
    ] + [street(_SIZE, np.random.default_rng(_SEED), night=True)]
    return np.stack([draw(at) for draw in drawers for at in (0.0, 0.3, 0.6, 1.0)])


def demo() -> Pictures:
    """Sketches of a short demo clip: (60, 32, 32, 1)."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "demo.mp4")
        render_demo(path, seconds=6, fps=10, size=(192, 108), seed=_SEED)
        thumbnailer = CpuThumbnailer()
        frames = FileSource("demo", str(path)).frames()
        return np.stack([thumbnailer.luma_grid(frame.picture) for frame in frames])[..., None]


def groups() -> Pictures:
    """Views that a network is trained on, 60 groups of four, small: (240, 16, 16, 3)."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_clip(folder / "clip.mkv")
        for seed in range(3):
            write_photograph(folder / f"{seed}.png", seed)
        maker = ViewMaker(load_clips(folder), find_photographs(folder))
        rng = np.random.default_rng(_SEED)
        return _small(np.concatenate([maker.group(rng) for _ in range(60)]), 14)


def procedural() -> Pictures:
    """Pictures made from nothing, 40 of them, small: (40, 32, 32, 3)."""
    drawn = [procedural_picture(np.random.default_rng(seed)) for seed in range(40)]
    return _small(np.stack(drawn), 10)


DRAWERS: dict[str, Callable[[], Pictures]] = {
    one.__name__: one for one in (scenes, demo, groups, procedural)
}


def looked_at(name: str) -> Pictures:
    """What the drawer of this name drew when it was last looked at."""
    found: Pictures = np.load(_FOLDER / f"{name}.npz")["pictures"]
    return found


def _small(pictures: Pictures, cell: int) -> Pictures:
    """The means of square cells."""
    count, height, width, planes = pictures.shape
    cells = pictures.reshape(count, height // cell, cell, width // cell, cell, planes)
    return np.asarray(cells.mean(axis=(2, 4)).round(), np.uint8)


def _sheet(pictures: Pictures) -> Image.Image:
    across = 20
    blank = np.zeros((-len(pictures) % across, *pictures.shape[1:]), np.uint8)
    rows = np.concatenate([pictures, blank]).reshape(-1, across, *pictures.shape[1:])
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in rows], axis=0)
    return Image.fromarray(sheet.repeat(3 // sheet.shape[2], axis=2))


if __name__ == "__main__":
    _FOLDER.mkdir(exist_ok=True)
    for name, draw in DRAWERS.items():
        drawn = draw()
        np.savez_compressed(_FOLDER / f"{name}.npz", pictures=drawn)
        _sheet(drawn).save(Path(sys.argv[1], f"{name}.png"))
