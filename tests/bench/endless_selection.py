"""How well does a selector without end choose? Windows, warm starts, periods and shares.

    python -m tests.bench.endless_selection FOLDER --out FILE

Each video in the folder is embedded once, every frame of it, by the built-in network; streams
without end are put together from these. Scenes *return* where six of the clips are repeated in
ever new orders; they *change* where all clips follow each other and none comes back within the
window. All is relative to Gonzalez' farthest-first traversal of the very frames that had to be
stood for, but churn: frames ever kept for each that may be. The tables are printed, and written to
FILE.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import click
import numpy as np

from streamsel.config.options import RunOptions
from streamsel.coreset.greedy import farthest_first
from streamsel.decisions import Kept
from streamsel.evaluation.diversity import diversity
from streamsel.frame import Candidate, FrameKey, Vectors
from streamsel.runtime.execute import execute
from streamsel.selection.baselines import uniform
from streamsel.selection.budget import Budget
from streamsel.selection.online import OnlineSelector
from streamsel.wiring.collection import build_collection

FPS = 25.0
DRAWS = 6
BLOCKS = (1, 32)
SHARES = (0.2, 0.05, 0.02)
PERIOD_FRAMES = 1400
LEAST = 1e-9  # a ratio of 0 would make any geometric mean 0


@dataclass(frozen=True)
class Figures:
    """Of one selection: all but ``filled`` (share of the places) and ``churn`` are ratios."""

    c99: float
    radius: float
    min: float
    p10: float
    filled: float
    churn: float


class Tape:
    """Endless footage made of clips, and the same vectors as candidates of one feed."""

    def __init__(self, clips: Sequence[Sequence[Candidate]], order: Sequence[int]) -> None:
        self.candidates = [one for clip in order for one in clips[clip]]
        self.vectors: Vectors = np.stack(
            [one.embedding for one in self.candidates if one.embedding is not None]
        )

    def frames(self, start: int, end: int) -> list[Candidate]:
        """Candidates of this part of the tape, at ``FPS``."""
        return [
            Candidate(
                replace(
                    one.prefiltered,
                    frame=replace(one.frame, key=FrameKey("tape", index), media_time=index / FPS),
                ),
                one.embedding,
            )
            for index, one in enumerate(self.candidates[start:end], start)
        ]


def run(selector: OnlineSelector, tape: Tape, start: int, end: int) -> int:
    """Let ``selector`` judge a part of the tape; return how many frames it kept on the way."""
    verdicts = selector.judge(tape.frames(start, end))
    return sum(isinstance(event, Kept) for verdict in verdicts for event in verdict.events)


def figures(seen: Vectors, kept: Vectors, count: int, churn: float) -> Figures | None:
    """Compare ``kept`` with the best of ``seen``; None where that has nothing to compare."""
    best = diversity(seen, seen[farthest_first(seen, count).indices])
    found = diversity(seen, kept)
    if min(best.coverage.p99, best.coverage.radius, best.pairwise.min) < 1e-6:
        return None
    return Figures(
        c99=found.coverage.p99 / best.coverage.p99,
        radius=found.coverage.radius / best.coverage.radius,
        min=found.pairwise.min / best.pairwise.min,
        p10=found.pairwise.p10 / best.pairwise.p10,
        filled=len(kept) / count,
        churn=churn,
    )


def mean(rows: Sequence[Figures | None]) -> Figures:
    """Geometric means of the ratios, arithmetic ones of the others."""
    known = np.array([astuple(row) for row in rows if row is not None])
    ratios = np.exp(np.log(np.maximum(known[:, :4], LEAST)).mean(axis=0))
    return Figures(*(float(value) for value in (*ratios, *known[:, 4:].mean(axis=0))))


def returning(clips: Sequence[Sequence[Candidate]]) -> Iterator[tuple[Tape, int, int]]:
    """Tapes with scenes that return within the window, with the count and the window in frames."""
    random = np.random.default_rng(0)
    for _ in range(DRAWS):
        chosen = random.permutation(len(clips))[:6]
        length = sum(len(clips[clip]) for clip in chosen)
        order = [int(clip) for _ in range(7) for clip in random.permutation(chosen)]
        yield Tape(clips, order), min(100, length // 12), 3 * length // 2


def changing(clips: Sequence[Sequence[Candidate]]) -> Iterator[tuple[Tape, int, int]]:
    """Tapes of which the window never shows the same twice."""
    random = np.random.default_rng(1)
    total = sum(map(len, clips))
    for share, count in ((8, 50), (4, 100), (3, 50), (2, 100)):
        order = [int(clip) for _ in range(3) for clip in random.permutation(len(clips))]
        yield Tape(clips, order), min(count, total // share // 6), total // share


def windowed(tape: Tape, count: int, window: int, block: int) -> Figures:
    """A window that moves over the tape, looked at three times in its length, on whole blocks."""
    window -= window % (3 * max(BLOCKS))
    selector = OnlineSelector(
        Budget(count=count),
        tape.vectors.shape[1],
        floor=0.0,
        window=window / FPS,
        look_ahead=block,
    )
    run(selector, tape, 0, 2 * window)
    rows: list[Figures | None] = []
    kept, step = 0, window // 3
    for start in range(2 * window, len(tape.candidates) - step, step):
        kept += run(selector, tape, start, start + step)
        seen = tape.vectors[start + step - window : start + step]
        rows.append(figures(seen, selector.vectors(), count, math.nan))
    return replace(mean(rows), churn=kept / count * window / (len(rows) * step))


def warm(tape: Tape, count: int, block: int) -> tuple[Figures, Figures]:
    """The first pass over a tape, and a fresh selector that begins with what it learned."""
    found = []
    spacing = 0.0
    for _ in range(2):
        selector = OnlineSelector(
            Budget(count=count),
            tape.vectors.shape[1],
            floor=0.0,
            look_ahead=block,
            warm_spacing=spacing,
        )
        kept = run(selector, tape, 0, len(tape.candidates))
        kept += sum(isinstance(e, Kept) for v in selector.finish() for e in v.events)
        spacing = selector.spacing
        found.append(mean([figures(tape.vectors, selector.vectors(), count, kept / count)]))
    return found[0], found[1]


@dataclass(frozen=True)
class Shared:
    """What was kept of one period, by one method."""

    share: float
    method: str
    kept: float
    churn: float
    figures: Figures


def shared(tape: Tape, share: float) -> Iterator[Shared]:
    """Keep a share of each period of a tape by several methods."""
    budget = Budget(share=share, period=PERIOD_FRAMES / FPS)
    selector = OnlineSelector(budget, tape.vectors.shape[1], floor=0.0)
    admitted = Counter(
        event.frame.key.index // PERIOD_FRAMES
        for verdict in selector.judge(tape.frames(0, len(tape.candidates)))
        for event in verdict.events
        if isinstance(event, Kept)
    )
    ours = np.array([key.index for key in selector.kept])
    threshold = 0.3
    for period in range(len(tape.candidates) // PERIOD_FRAMES):
        seen = tape.vectors[period * PERIOD_FRAMES : (period + 1) * PERIOD_FRAMES]
        count = round(share * len(seen))
        threshold, others = adaptive_threshold(seen, share, threshold)
        own = tape.vectors[ours[ours // PERIOD_FRAMES == period]]
        first = ", first period" if not period else ""
        for method, kept, churn in (
            ("every n-th frame", seen[uniform(len(seen), count)], 1.0),
            ("adaptive threshold", others, 1.0),
            ("this selector", own, admitted[period] / len(own)),
        ):
            found = figures(seen, kept, count, churn)
            if found is not None:
                yield Shared(share, method + first, len(kept) / len(seen), churn, found)


def adaptive_threshold(seen: Vectors, share: float, threshold: float) -> tuple[float, Vectors]:
    """Keep for ever what is beyond a threshold that is steered towards the share.

    After each frame the threshold moves by 5 % of what it is off, the way products do that sample
    at the edge by a target ratio. Returns the threshold to go on with, and what was kept.
    """
    kept = np.zeros_like(seen)
    size = 0
    for vector in seen:
        product = float((kept[:size] @ vector).max(initial=-1.0))
        novel = not size or math.sqrt(max(0.0, 2.0 - 2.0 * product)) > threshold
        if novel:
            kept[size] = vector
            size += 1
        threshold = min(2.0, max(1e-4, threshold * math.exp(0.05 * (novel - share))))
    return threshold, kept[:size]


def rows_of(clips: Sequence[Sequence[Candidate]]) -> Iterator[tuple[str, Figures]]:
    """Windows and warm starts, each the mean over its tapes."""
    for block in BLOCKS:
        for name, tapes in (("return", returning), ("change", changing)):
            rows = [windowed(tape, count, window, block) for tape, count, window in tapes(clips)]
            yield f"window, scenes {name}, look-ahead {block}", mean(rows)
    for block in BLOCKS:
        starts = [
            warm(Tape(clips, [c] * 2), 50, block) for c in range(len(clips)) if len(clips[c]) >= 300
        ]
        yield f"cold start, look-ahead {block}", mean([cold for cold, _ in starts])
        yield f"warm start, look-ahead {block}", mean([again for _, again in starts])


def first_table(rows: Iterable[tuple[str, Figures]]) -> str:
    lines = [
        "| | c99 | radius | min | p10 | filled | churn |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, row in rows:
        lines.append(f"| {name} | " + " | ".join(f"{value:.3f}" for value in astuple(row)) + " |")
    return "\n".join(lines)


def share_table(found: Sequence[Shared]) -> str:
    lines = [
        "| share | method | kept | min | p10 | radius | c99 | churn |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for share in SHARES:
        for method in dict.fromkeys(one.method for one in found):
            own = [one for one in found if (one.share, one.method) == (share, method)]
            row = mean([one.figures for one in own])
            kept = np.mean([one.kept for one in own])
            lines.append(
                f"| {share:.0%} | {method} | {kept:.2%} | {row.min:.3f} | {row.p10:.3f} | "
                f"{row.radius:.3f} | {row.c99:.3f} | {row.churn:.2f} |"
            )
    return "\n".join(lines)


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=click.Path(path_type=Path))
def main(folder: Path, out: Path | None) -> None:
    """Measure on streams made of the clips of FOLDER."""
    collection = build_collection([str(folder)], RunOptions())
    execute(collection.pipeline)
    feeds: dict[str, list[Candidate]] = {}
    for candidate in collection.candidates:
        if candidate.embedding is not None:
            feeds.setdefault(candidate.frame.key.feed, []).append(candidate)
    clips = [feeds[feed] for feed in sorted(feeds)]
    random = np.random.default_rng(2)
    tapes = [Tape(clips, random.permutation(len(clips)).tolist()) for _ in range(4)]
    found = [one for tape in tapes for share in SHARES for one in shared(tape, share)]
    text = "\n\n".join([first_table(rows_of(clips)), share_table(found)]) + "\n"
    click.echo(text)
    if out is not None:
        out.write_text(text)


if __name__ == "__main__":
    main()
