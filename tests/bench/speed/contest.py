"""Lets contestants work on a clip, each in turn, and says what each of them cost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.bench.speed.clips import RATE, Clips, Kind
from tests.bench.speed.contestants import Contestant, Job
from tests.bench.speed.measure import Cost, Outcome, in_turn, measure

_PICTURES = (".jpg", ".jpeg", ".png")


def contest(
    contestants: Sequence[Contestant],
    clips: Clips,
    kind: Kind,
    *,
    seconds: int,
    rounds: int,
    count: int,
) -> dict[str, Outcome]:
    """Measure every contestant on a clip, and on one of a second, in each round.

    Of the short clip the same share of frames is asked for as of the long one, so that what
    remains is start-up. Before the first round each is run once on the short clip, unmeasured:
    what cannot run fails early, and nobody pays for a cold disk. Raises :class:`CommandError`.
    """
    whole, second = clips.clip(kind, seconds), clips.clip(kind, 1)
    shares = {whole: count, second: max(1, round(count / seconds))}
    jobs: dict[str, Callable[[], Cost]] = {}
    for one in contestants:
        _work(one, second.path, shares[second])
        for clip, share in shares.items():
            jobs[f"{one.name}, {clip.frames}"] = partial(_work, one, clip.path, share)
    medians = in_turn(jobs, rounds)
    return {
        one.name: Outcome(
            clip=medians[f"{one.name}, {whole.frames}"],
            clip_frames=whole.frames,
            second=medians[f"{one.name}, {RATE}"],
            second_frames=RATE,
        )
        for one in contestants
    }


def _work(contestant: Contestant, clip: Path, count: int) -> Cost:
    """Run a contestant into a folder of its own, which goes afterwards."""
    with tempfile.TemporaryDirectory(prefix="streamsel-bench-") as folder:
        out = Path(folder)
        cost = measure(contestant.argv(Job(clip, out, count)))
        return replace(cost, pictures=sum(f.suffix in _PICTURES for f in out.rglob("*")))
