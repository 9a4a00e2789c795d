"""Snapshots of a coreset: saved as bytes, restored with identical decisions."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Generic

import numpy as np
import numpy.typing as npt

from streamsel.coreset.centers import CenterTable
from streamsel.coreset.values import ANYWHERE, BurstLimit, K, Origin, Point, Progress, Settings
from streamsel.errors import ConfigurationError, RecordError
from streamsel.frame import Vectors

FORMAT = "streamsel-coreset-3"
"""The format name in a snapshot's bytes; another layout gets another name."""

WITHOUT_ORIGINS = "streamsel-coreset-2"
"""The format before frames had an origin, which is read too."""

COLUMNS = ("neighbor", "gap", "reach", "last", "pinned", "witness_distance")
"""The columns of the center table that a snapshot stores, besides the points."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot(Generic[K]):
    """The complete state of a coreset, independent of later changes to it.

    ``points`` are the N centers in the order of their slots, ``witnesses`` the farthest frame that
    each has covered or None, ``columns`` read-only (N,) arrays by name. A coreset restored from a
    snapshot makes the same decisions as the original. See ``Coreset.snapshot`` and
    ``Coreset.restore``.
    """

    settings: Settings
    progress: Progress
    points: tuple[Point[K], ...]
    witnesses: tuple[Point[K] | None, ...]
    columns: Mapping[str, npt.NDArray[np.generic]]

    @classmethod
    def of(cls, settings: Settings, progress: Progress, table: CenterTable[K]) -> Snapshot[K]:
        """Return a snapshot that copies ``table``."""
        columns = {name: getattr(table, name)[: table.size].copy() for name in COLUMNS}
        for column in columns.values():
            column.flags.writeable = False
        return cls(settings, progress, tuple(table.points), tuple(table.witnesses), columns)

    def table(self) -> CenterTable[K]:
        """Return a new table with the same centers."""
        slots = max(self.settings.capacity, len(self.points)) + 1
        table: CenterTable[K] = CenterTable(slots, self.settings.dim)
        table.restore(self.points, self.witnesses)
        for name in COLUMNS:
            getattr(table, name)[: len(self.points)] = self.columns[name]
        return table

    def to_bytes(self, encode: Callable[[K], str] = str) -> bytes:
        """Return the snapshot as an npz archive that can be read without pickle.

        ``encode`` converts a key to text. Equal snapshots give equal bytes.
        """
        witnesses = [witness for witness in self.witnesses if witness is not None]
        head = {
            "format": FORMAT,
            "settings": asdict(self.settings),
            "progress": asdict(self.progress),
            "keys": [encode(point.key) for point in self.points],
            "witness_keys": [encode(point.key) for point in witnesses],
        }
        arrays: dict[str, npt.NDArray[np.generic]] = {
            "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
            "witnessed": np.array([point is not None for point in self.witnesses], np.bool_),
            **_packed("center", self.points, self.settings.dim),
            **_packed("witness", witnesses, self.settings.dim),
            **{f"column_{name}": column for name, column in self.columns.items()},
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes, decode: Callable[[str], K]) -> Snapshot[K]:
        """Read the bytes written by :meth:`to_bytes`; ``decode`` converts text to a key.

        Raises:
            RecordError: The bytes are not a snapshot, are damaged, or have another format version.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            head = json.loads(arrays["head"].tobytes())
            if head["format"] not in (FORMAT, WITHOUT_ORIGINS):
                raise RecordError(f"coreset: a snapshot of format {head['format']!r} is not known")
            limit = head["settings"].pop("burst", None)
            burst = None if limit is None else BurstLimit(**limit)
            settings = Settings(**head["settings"], burst=burst)
            progress = Progress(**head["progress"])
            points = _unpacked("center", [decode(key) for key in head["keys"]], arrays)
            held = iter(_unpacked("witness", [decode(key) for key in head["witness_keys"]], arrays))
            witnesses = tuple(next(held) if some else None for some in arrays["witnessed"])
            columns = {name: arrays[f"column_{name}"] for name in COLUMNS}
        except (
            AttributeError, ConfigurationError, EOFError, KeyError, OSError, StopIteration,
            TypeError, ValueError, zipfile.BadZipFile,
        ) as error:  # fmt: skip
            raise RecordError(f"coreset: the snapshot is damaged ({error})") from error
        for column in columns.values():
            column.flags.writeable = False
        return cls(settings, progress, points, witnesses, columns)


def _packed(name: str, points: Sequence[Point[K]], dim: int) -> dict[str, npt.NDArray[np.generic]]:
    """Return arrays that hold ``points`` (N) without their keys."""
    vectors = [point.vector for point in points]
    return {
        f"{name}_vectors": np.array(vectors, np.float32).reshape(len(points), dim),  # (N, D)
        f"{name}_sequence": np.array([point.sequence for point in points], np.int64),
        f"{name}_time": np.array([point.time for point in points], np.float64),
        f"{name}_quality": np.array([point.quality for point in points], np.float64),
        f"{name}_feed": np.array([point.origin.feed for point in points], np.int64),
        f"{name}_weight": np.array([point.origin.weight for point in points], np.float64),
        f"{name}_fixed": np.array([point.origin.fixed for point in points], np.bool_),
    }


def _unpacked(
    name: str, keys: Sequence[K], arrays: Mapping[str, npt.NDArray[np.generic]]
) -> tuple[Point[K], ...]:
    """Return the points packed by :func:`_packed`."""
    vectors: Vectors = arrays[f"{name}_vectors"].astype(np.float32)  # (N, D)
    scalars = [arrays[f"{name}_{field}"].tolist() for field in ("sequence", "time", "quality")]
    origins = [ANYWHERE] * len(keys)
    if f"{name}_feed" in arrays:
        origin = [arrays[f"{name}_{field}"].tolist() for field in ("feed", "weight", "fixed")]
        origins = [Origin(*values) for values in zip(*origin, strict=True)]
    return tuple(
        Point.of(key, vector, sequence, time, quality, origin)
        for key, vector, sequence, time, quality, origin in zip(
            keys, vectors, *scalars, origins, strict=True
        )
    )
