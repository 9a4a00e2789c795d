"""The selections over files that are written down: twelve clips by every method."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tests.golden.clips import CLIPS, draw, draw_folder
from tests.golden.records import Row
from tests.golden.run import compare, select, write_vectors

Change = Callable[[Path], None]
"""What is done to a table of vectors before it is used."""

METHODS: dict[str, tuple[str, ...]] = {
    "at-once": ("--look-ahead", "1", "--near-duplicate", "0.02"),
    "window": ("--window", "1s", "--look-ahead", "4"),
    "two-pass": ("--method", "two-pass"),
    "uniform": ("--method", "uniform"),
    "random": ("--method", "random", "--seed", "5"),
}
COUNTS = {"wandering": 12, "short": 2}
"""How many frames are kept of a clip; of others five."""

MORE: dict[str, dict[str, tuple[str, ...]]] = {
    "wandering": {
        "share": ("--method", "two-pass", "--share", "5%"),
        "min-distance": ("--min-distance", "0.35"),
    },
    "cuts": {"span": ("-n", "4", "--start", "0.5", "--end", "3.9", "--fps", "5")},
}
"""By tables of vectors, like the methods."""
BY_TIME = ("uniform", "random")
UNTIMED = ("fades", "moving", "odd", "walk", "wandering")
"""Clips of which these methods would say nothing that those of the others do not."""
LOOKED_AT: dict[str, dict[str, tuple[str, ...]]] = {
    "still": {"mask": ("-n", "5", "--mask", "0,0,0.5,0.5:black")},
    "spoiled": {
        "all-kept": (
            *("-n", "12", "--keep-black", "--keep-uniform", "--keep-exact-duplicates"),
            *("--keep-unchanged", "--keep-frozen", "--min-sharpness", "0"),
        )
    },
    "moving": {
        "filtered": ("-n", "5", "--vf", "crop=52:44:6:2"),
        "fast": ("-n", "5", "--decode", "fast"),
    },
}
"""With the network, for these show it something else."""
TOGETHER: dict[str, tuple[str, ...]] = {
    "two-pass": ("--method", "two-pass"),
    "per-input": ("--per-input",),
    "per-input-two-pass": ("--per-input", "--method", "two-pass"),
    "per-input-uniform": ("--per-input", "--method", "uniform"),
}


def names() -> list[str]:
    """What is written down, a file each: the clips, and several of them at once."""
    return [*CLIPS, "together"]


def selections(
    name: str, drawn: Path, folder: Path, change: Change | None = None
) -> Iterator[tuple[str, list[Row]]]:
    """Select from a clip by every method; yield the name of each record, and its rows.

    ``drawn`` holds the clips, ``folder`` takes the runs. Frames are embedded once; the other runs
    take the vectors of the first, which ``change`` may change before.
    """
    inputs = _inputs(name, drawn)
    count = ("-n", COUNTS.get(name, 5))
    yield "online", select(inputs, folder / "online", *count)
    table = folder / "vectors.jsonl"
    write_vectors(folder / "online", table)
    if change is not None:
        change(table)
        yield "online", select(inputs, folder / "again", *count, "--embeddings", table)
    methods = TOGETHER if name == "together" else METHODS | MORE.get(name, {})
    for method, options in methods.items():
        if method in BY_TIME and name in UNTIMED:
            continue
        sized = () if {"-n", "--share", "--min-distance"} & set(options) else count
        rows = select(inputs, folder / method, *sized, *options, "--embeddings", table)
        yield method, rows
    for method, options in LOOKED_AT.get(name, {}).items():
        yield method, select(inputs, folder / method, *options)
    if name == "cuts":
        yield "compare", compare(inputs, *count, "--seed", "5", "--embeddings", table)


def _inputs(name: str, drawn: Path) -> Sequence[Path]:
    if name == "together":
        return [draw("cuts", drawn), draw("walk", drawn), draw_folder(drawn)]
    return [draw(name, drawn)]


def shaken(seed: int, by: float) -> Change:
    """Turn every vector of a table by about ``by``, as another processor would, or worse."""

    def shake(table: Path) -> None:
        rng = np.random.default_rng(seed)
        lines = []
        for line in table.read_text().splitlines():
            row = json.loads(line)
            if row.get("embedding") is not None:
                vector = np.asarray(row["embedding"])
                noise = rng.normal(size=vector.shape)
                vector = vector + by * noise / np.linalg.norm(noise)
                row["embedding"] = (vector / np.linalg.norm(vector)).tolist()
            lines.append(json.dumps(row))
        table.write_text("\n".join(lines))

    return shake
