"""What is remembered of a camera's scene: its backgrounds, and whether it counts as fixed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Levels: TypeAlias = npt.NDArray[np.float32]
"""(1024,) grey levels of the cells of a luma grid, row by row; or their variances."""

_CELLS = 1024
_STORED = np.dtype("<f4")


@dataclass(frozen=True, slots=True, eq=False)
class Background:
    """How an empty scene looks: the mean grey level of each cell, and its variance.

    ``used`` is the time of its last frame, in seconds of the scene's clock.
    """

    levels: Levels
    variances: Levels
    used: float


@dataclass(frozen=True, slots=True, eq=False)
class SceneState:
    """The memory of a scene after a frame; the default is the one before the first frame.

    ``media_time`` is that of the last frame, ``clock`` the scene's own time: seconds of media time
    without pauses. Moments below are of that clock; None: never, or not now. ``measured`` is when
    a frame was last compared, with the result ``share``. ``backgrounds`` has at most three;
    ``active`` is the one that explains the frames since ``explained_since``, and no background
    explains them since ``strange_since``. ``earlier`` are luma grids taken once a second, the last
    one at ``sampled``, and ``moved`` the shares of cells that each differs in from the one 15
    seconds before. Both are empty once the camera counts as fixed, for good: ``fixed_since`` is the
    media time from which it does.
    """

    media_time: float | None = None
    clock: float = 0.0
    measured: float | None = None
    share: float = 0.0
    backgrounds: tuple[Background, ...] = ()
    active: int = 0
    explained_since: float | None = None
    strange_since: float | None = None
    earlier: tuple[npt.NDArray[np.uint8], ...] = ()
    sampled: float | None = None
    moved: tuple[float, ...] = ()
    fixed_since: float | None = None

    @property
    def fixed(self) -> bool:
        """Whether the camera counts as fixed."""
        return self.fixed_since is not None

    def packed(self) -> bytes:
        """Return the state as bytes: at most 40 KB, of a fixed camera at most 25 KB."""
        scalars = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("backgrounds", "earlier")
        }
        head = json.dumps(
            {**scalars, "used": [one.used for one in self.backgrounds], "grids": len(self.earlier)}
        ).encode()
        arrays = [
            array.astype(_STORED).tobytes()
            for one in self.backgrounds
            for array in (one.levels, one.variances)
        ]
        grids = [grid.tobytes() for grid in self.earlier]
        return b"".join([len(head).to_bytes(4, "little"), head, *arrays, *grids])

    @classmethod
    def unpacked(cls, content: bytes) -> SceneState:
        """Return the state of :meth:`packed`; it continues with exactly the same decisions.

        Raises :class:`ValueError`, :class:`KeyError` or :class:`TypeError` for other bytes.
        """
        start = 4 + int.from_bytes(content[:4], "little")
        head = json.loads(content[4:start])
        used, grids = head.pop("used"), head.pop("grids")
        levels = np.frombuffer(content, _STORED, 2 * len(used) * _CELLS, start)
        earlier = np.frombuffer(content, np.uint8, grids * _CELLS, start + levels.nbytes)
        pairs = levels.astype(np.float32).reshape(-1, 2, _CELLS)
        head["moved"] = tuple(head["moved"])
        return cls(
            **head,
            backgrounds=tuple(
                Background(pair[0], pair[1], at) for pair, at in zip(pairs, used, strict=True)
            ),
            earlier=tuple(earlier.reshape(-1, 32, 32)),
        )


NEW_SCENE = SceneState()
"""A scene of which nothing was seen yet."""
