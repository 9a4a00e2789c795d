"""How others would pick as many frames of the same video.

Each peer ranks or clusters in its own way and is then held to exactly as many frames as the
product: where it has more, evenly spaced ones of them stay; where it has fewer, evenly spaced
frames between its own are added, which is more than it would give.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from streamsel.coreset.greedy import farthest_first
from streamsel.frame import Vectors
from streamsel.selection import baselines
from tests.bench.endless_selection import adaptive_threshold
from tests.bench.worth.tape import Tape

DRAWS = 3
_SHORTEST_SCENE = 0.6  # seconds, PySceneDetect's default


class NotRunError(Exception):
    """A peer that cannot run here, and why."""


@dataclass(frozen=True)
class Footage:
    """What peers are shown: the file, or what was recorded of it.

    ``programs`` is the folder with the programs of peers that have an environment of their own;
    None: there is none. What was picked is remembered in the folder ``memory``.
    """

    path: Path
    tape: Tape
    memory: Path
    programs: Path | None = None

    def __len__(self) -> int:
        return len(self.tape)

    def program(self, name: str) -> str:
        """Where a peer's program is. Raises :class:`NotRunError` where it is not installed."""
        found = None if self.programs is None else self.programs / name
        if found is None or not found.exists():
            raise NotRunError(f"{name} is not installed; see --peers")
        return str(found)

    @cached_property
    def scene_scores(self) -> npt.NDArray[np.float64]:
        """How much each frame differs from the one before, by ffmpeg's scene filter: (N,)."""
        said = _ffmpeg(self.path, "select='gte(scene,0)',metadata=print:file=-")
        scores = [float(one) for one in re.findall(r"lavfi\.scene_score=([\d.]+)", said)]
        return np.array(scores[: len(self)])

    @cached_property
    def not_dropped(self) -> Sequence[int]:
        """The frames that ffmpeg's mpdecimate lets pass."""
        said = _ffmpeg(self.path, "mpdecimate,showinfo")
        times = [float(one) for one in re.findall(r" pts_time:([\d.]+)", said)]
        return _nearest(self.tape.times, times)

    @cached_property
    def content_values(self) -> npt.NDArray[np.float64]:
        """How much each frame differs from the one before, by PySceneDetect: (N,)."""
        program = self.program("scenedetect")
        with tempfile.TemporaryDirectory() as folder:
            argv = [program, "-q", "-i", str(self.path), "-o", folder, "-s", "stats.csv"]
            _run([*argv, "detect-content"])
            lines = (Path(folder) / "stats.csv").read_text().splitlines()
        values = np.zeros(len(self))
        for row in csv.DictReader(lines):
            if row["content_val"]:
                values[int(row["Frame Number"]) - 1] = float(row["content_val"])
        return values

    @cached_property
    def sampled(self) -> Sequence[int]:
        """The frames that video-sampler picks by its hash, of all frames instead of keyframes."""
        program = self.program("video_sampler")
        with tempfile.TemporaryDirectory() as folder:
            _run([program, "hash", str(self.path), folder, "--no-keyframes-only"])
            names = [file.stem for file in Path(folder).rglob("*.jpg")]
        return _nearest(self.tape.times, [float(name) for name in names])


Pick = Callable[[Footage, int, int], Sequence[int]]
"""Picks so many frames of footage, with a seed; returns sorted indices."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A way to pick frames; ``draws`` is above 1 where it depends on chance."""

    name: str
    pick: Pick
    draws: int = 1

    def picked(self, footage: Footage, count: int, seed: int) -> Sequence[int]:
        """As :attr:`pick`, or as remembered: peers stay the same while the product changes."""
        asked = (footage.path.name, self.name, count, seed, Path(__file__).read_text())
        digest = hashlib.sha256(repr(asked).encode()).hexdigest()[:16]
        file = footage.memory / f"{digest}.json"
        if not file.exists():
            footage.memory.mkdir(parents=True, exist_ok=True)
            chosen = self.pick(footage, count, seed)
            file.write_text(json.dumps([int(one) for one in chosen]))
        remembered: list[int] = json.loads(file.read_text())
        return remembered


def exactly(chosen: Sequence[int], count: int, total: int) -> Sequence[int]:
    """Thin frames out, or add evenly spaced others, until there are exactly so many.

    Never more than ``total``.
    """
    count = min(count, total)
    found = sorted(set(chosen))
    if len(found) >= count:
        return [found[place] for place in baselines.uniform(len(found), count)]
    rest = sorted(set(range(total)) - set(found))
    added = [rest[place] for place in baselines.uniform(len(rest), count - len(found))]
    return sorted(found + added)


def _every_nth(footage: Footage, count: int, seed: int) -> Sequence[int]:
    return [int(one) for one in baselines.uniform(len(footage), count)]


def _random(footage: Footage, count: int, seed: int) -> Sequence[int]:
    return sorted(int(one) for one in baselines.random(len(footage), count, seed))


def _scene_scores(footage: Footage, count: int, seed: int) -> Sequence[int]:
    return exactly(_highest(footage.scene_scores, count), count, len(footage))


def _mpdecimate(footage: Footage, count: int, seed: int) -> Sequence[int]:
    return exactly(footage.not_dropped, count, len(footage))


def _scenedetect(footage: Footage, count: int, seed: int) -> Sequence[int]:
    """The middles of as many scenes, cut where the content changes most."""
    cuts = highest_apart(footage.content_values, footage.tape.times, count - 1, _SHORTEST_SCENE)
    edges = [0, *cuts, len(footage)]
    middles = [(a + b) // 2 for a, b in pairwise(edges)]
    return exactly(middles, count, len(footage))


def _video_sampler(footage: Footage, count: int, seed: int) -> Sequence[int]:
    return exactly(footage.sampled, count, len(footage))


def _k_means(footage: Footage, count: int, seed: int) -> Sequence[int]:
    """As DeepLabCut: clusters of small grey pictures, and of each a frame by chance."""
    from sklearn.cluster import MiniBatchKMeans

    small = footage.tape.thumbnails[:, ::2, ::2].astype(np.float32).mean(axis=3)  # (N, 32, 32)
    flat = small.reshape(len(small), -1)
    flat -= flat.mean(axis=0)
    clusters = MiniBatchKMeans(
        count, tol=1e-3, batch_size=100, max_iter=50, n_init="auto", random_state=seed
    )
    labels = clusters.fit_predict(flat)
    random = np.random.default_rng(seed)
    chosen = [int(random.choice(np.flatnonzero(labels == label))) for label in np.unique(labels)]
    return exactly(chosen, count, len(footage))


def _adaptive(footage: Footage, count: int, seed: int) -> Sequence[int]:
    """As LightlyEdge: a threshold on the distance that is steered towards the share."""
    vectors = footage.tape.vectors
    _, kept = adaptive_threshold(vectors, count / len(vectors), 0.5)
    places = {vector.tobytes(): place for place, vector in reversed([*enumerate(vectors)])}
    return exactly([places[vector.tobytes()] for vector in kept], count, len(footage))


def _facility_location(footage: Footage, count: int, seed: int) -> Sequence[int]:
    return facility_location(footage.tape.vectors, count)


def _farthest_first(footage: Footage, count: int, seed: int) -> Sequence[int]:
    chosen = farthest_first(footage.tape.vectors, count).indices
    return exactly([int(one) for one in chosen], count, len(footage))


def facility_location(vectors: Vectors, count: int) -> Sequence[int]:
    """Greedily pick the frames to which all frames are most similar on the whole.

    Similarity is the cosine, 0 where it is negative. Cost: ``count`` passes over N x N numbers.
    """
    similar = np.maximum(vectors @ vectors.T, 0.0)  # (N, N)
    best = np.zeros(len(vectors), np.float32)
    chosen: list[int] = []
    for _ in range(min(count, len(vectors))):
        gains = np.maximum(similar, best).sum(axis=1)
        gains[chosen] = -1.0
        chosen.append(int(gains.argmax()))
        np.maximum(best, similar[chosen[-1]], out=best)
    return sorted(chosen)


def highest_apart(
    scores: npt.NDArray[np.float64], times: npt.NDArray[np.float64], count: int, apart: float
) -> Sequence[int]:
    """The frames of the highest scores, no two of them nearer in time than ``apart`` seconds."""
    chosen: list[int] = []
    for place in np.argsort(-scores, kind="stable").tolist():
        if len(chosen) == count:
            break
        if place and all(abs(times[place] - times[other]) >= apart for other in chosen):
            chosen.append(place)
    return sorted(chosen)


PEERS = (
    Peer("every n-th", _every_nth),
    Peer("random", _random, DRAWS),
    Peer("ffmpeg, highest scene scores", _scene_scores),
    Peer("ffmpeg mpdecimate, thinned", _mpdecimate),
    Peer("PySceneDetect", _scenedetect),
    Peer("video-sampler", _video_sampler),
    Peer("k-means, as DeepLabCut", _k_means, DRAWS),
    Peer("adaptive threshold, as LightlyEdge", _adaptive),
    Peer("facility location", _facility_location),
    Peer("farthest-first (Gonzalez)", _farthest_first),
)


def _highest(scores: npt.NDArray[np.float64], count: int) -> Sequence[int]:
    return sorted(int(place) for place in np.argsort(-scores, kind="stable")[:count])


def _nearest(times: npt.NDArray[np.float64], wanted: Sequence[float]) -> Sequence[int]:
    """The frames shown at these times."""
    places = np.searchsorted(times, np.array(wanted) - 1e-3)
    return sorted({min(int(place), len(times) - 1) for place in places})


def _ffmpeg(path: Path, filters: str) -> str:
    """What ffmpeg says about the frames of a video while it filters them."""
    argv = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), "-an", "-vf", filters]
    return _run([*argv, "-f", "null", "-"])


def _run(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise NotRunError(f"{Path(argv[0]).name} failed: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout + done.stderr
