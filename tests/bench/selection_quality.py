"""How good are the selections? Ours, Lightly's engine and the baselines on the same vectors.

    python -m tests.bench.selection_quality FOLDER --out docs/benchmarks.md

Each video in the folder is embedded once, every frame of it, by the built-in network. Then 99
frames are selected, or 20 % of them where there are fewer than 475. The tables go between the
markers in the file given with --out. ``lightly-mundig`` (PyPI) must be installed: it is the engine
of Lightly's own products, and takes the same vectors as we do.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np

from streamsel.config.options import RunOptions
from streamsel.coreset.greedy import farthest_first
from streamsel.coreset.refine import best_of_starts
from streamsel.evaluation.comparison import ComparisonRow, compare
from streamsel.evaluation.diversity import diversity
from streamsel.frame import Candidate, Vectors
from streamsel.runtime.execute import execute
from streamsel.wiring.collection import build_collection

BEGIN, END = "<!-- selection quality: begin -->", "<!-- selection quality: end -->"
DRAWS = 5
TIMED_RUNS = 5


@dataclass(frozen=True)
class Gonzalez:
    """Plain farthest-first from the first frame: what all others are set against."""

    min: float
    p10: float
    radius: float


@dataclass(frozen=True)
class Clip:
    name: str
    count: int
    rows: dict[str, ComparisonRow]
    gonzalez: Gonzalez
    mundig_min: float
    two_pass_ms: float
    gonzalez_ms: float
    mundig_ms: float


def measure(name: str, candidates: Sequence[Candidate]) -> Clip:
    """Select from one clip by every method."""
    vectors = np.stack([one.embedding for one in candidates if one.embedding is not None])
    count = 99 if len(vectors) >= 475 else max(2, round(0.2 * len(vectors)))
    rows = {row.method: row for row in compare(candidates, count, draws=DRAWS)}
    plain = farthest_first(vectors, count)
    found = diversity(vectors, vectors[plain.indices])
    chosen = mundig(vectors, count)()
    ours_ms, plain_ms, theirs_ms = in_turn(
        lambda: best_of_starts(vectors, count),
        lambda: farthest_first(vectors, count),
        mundig(vectors, count),
    )
    return Clip(
        name=name,
        count=count,
        rows=rows,
        gonzalez=Gonzalez(found.pairwise.min, found.pairwise.p10, found.coverage.radius),
        mundig_min=diversity(vectors, vectors[chosen]).pairwise.min,
        two_pass_ms=ours_ms,
        gonzalez_ms=plain_ms,
        mundig_ms=theirs_ms,
    )


def mundig(vectors: Vectors, count: int) -> Callable[[], list[int]]:
    """Lightly's engine on these vectors; making its lists is not counted as its time."""
    from lightly_mundig import Selection

    rows = vectors.tolist()

    def select() -> list[int]:
        selection = Selection()
        selection.add_diversifying_strategy(rows, 1.0)
        return list(selection.run_selection([], len(rows), count))

    return select


def in_turn(*calls: Callable[[], Any]) -> list[float]:
    """Median milliseconds of each call, all of them run in turn."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(TIMED_RUNS):
        for spent, call in zip(times, calls, strict=True):
            begin = time.perf_counter()
            call()
            spent.append(1000 * (time.perf_counter() - begin))
    return [median(spent) for spent in times]


def geometric_mean(ratios: Iterable[float]) -> float:
    values = list(ratios)
    return math.exp(sum(map(math.log, values)) / len(values))


def clip_table(clips: Sequence[Clip]) -> list[str]:
    lines = [
        "| clip | frames | n | method | L2 mean | min | max | p10 | p90 | radius | admitted |",
        "|---|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for clip in clips:
        for row in clip.rows.values():
            figures = (row.mean, row.min, row.max, row.p10, row.p90, row.radius)
            lines.append(
                f"| {clip.name} | {clip.rows['original'].count} | {row.count} | {row.method} | "
                + " | ".join(f"{figure:.4f}" for figure in figures)
                + f" | {row.admitted:.0f} |"
            )
    return lines


def ratio_table(clips: Sequence[Clip]) -> list[str]:
    def over(method: str, name: str, reference: Callable[[Clip], float]) -> list[float]:
        return [getattr(clip.rows[method], name) / reference(clip) for clip in clips]

    def random(name: str) -> Callable[[Clip], float]:
        return lambda clip: max(getattr(clip.rows["random"], name), 1e-6)

    rows = [
        ("online / Gonzalez, min", over("online", "min", lambda c: c.gonzalez.min)),
        ("online / Gonzalez, p10", over("online", "p10", lambda c: c.gonzalez.p10)),
        ("online / Gonzalez, radius", over("online", "radius", lambda c: c.gonzalez.radius)),
        ("online, admitted / n", [c.rows["online"].admitted / c.count for c in clips]),
        ("online, kept / n", [c.rows["online"].count / c.count for c in clips]),
        ("two-pass / Gonzalez, min", over("two-pass", "min", lambda c: c.gonzalez.min)),
        ("two-pass / Gonzalez, radius", over("two-pass", "radius", lambda c: c.gonzalez.radius)),
        ("online / random, min", over("online", "min", random("min"))),
        ("online / random, p10", over("online", "p10", random("p10"))),
        ("uniform / random, min", over("uniform", "min", random("min"))),
        ("two-pass / lightly-mundig, min", over("two-pass", "min", lambda c: c.mundig_min)),
        ("Gonzalez / lightly-mundig, time", [c.gonzalez_ms / c.mundig_ms for c in clips]),
        ("two-pass / lightly-mundig, time", [c.two_pass_ms / c.mundig_ms for c in clips]),
    ]
    lines = ["| ratio | geometric mean | lowest | highest |", "|---|---:|---:|---:|"]
    for name, ratios in rows:
        positive = [max(ratio, 1e-9) for ratio in ratios]
        lines.append(
            f"| {name} | {geometric_mean(positive):.3f} | {min(ratios):.3f} | {max(ratios):.3f} |"
        )
    return lines


def time_table(clips: Sequence[Clip]) -> list[str]:
    lines = [
        "| clip | frames | n | Gonzalez, ms | two-pass, ms | lightly-mundig, ms | "
        "two-pass min | lightly-mundig min |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {clip.name} | {clip.rows['original'].count} | {clip.count} | {clip.gonzalez_ms:.1f} | "
        f"{clip.two_pass_ms:.1f} | {clip.mundig_ms:.1f} | {clip.rows['two-pass'].min:.4f} | "
        f"{clip.mundig_min:.4f} |"
        for clip in clips
    ]
    return lines


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(exists=True, path_type=Path), required=True)
def main(folder: Path, out: Path) -> None:
    """Measure all clips of FOLDER and write the tables into OUT."""
    run = build_collection([str(folder)], RunOptions())
    execute(run.pipeline)
    feeds: dict[str, list[Candidate]] = {}
    for candidate in run.candidates:
        if candidate.embedding is not None:
            feeds.setdefault(candidate.frame.key.feed, []).append(candidate)
    clips = []
    for name, candidates in feeds.items():
        clips.append(measure(name, candidates))
        click.echo(f"{name}: {len(candidates)} frames", err=True)
    facts = (
        f"Embedder {run.embeddings.name} {run.embeddings.digest}, lightly-mundig "
        f"{version('lightly-mundig')}, Python {platform.python_version()}, "
        f"numpy {np.__version__}, {len(clips)} clips."
    )
    sections = [
        facts,
        "### In one table",
        *["\n".join(ratio_table(clips))],
        "### Time of one selection, given the vectors",
        *["\n".join(time_table(clips))],
        "### Every clip",
        *["\n".join(clip_table(clips))],
    ]
    before, _, rest = out.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    out.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(sections) + f"\n\n{END}{after}")


if __name__ == "__main__":
    main()
