"""How good an embedder is: would an independent network call its selections diverse and covering?

    python -m tests.bench.embedder_score --videos DIR --judge FILE.tflite [--weights FILE]

From each test clip, and from all of them together, frames are chosen farthest-first in the
embedder's space and measured in the judge's. The score S is 0 for a random choice and 1 for the
judge's own. Beside it stand the best descriptor made by hand, and the same network untrained, which
shows what the structure alone is worth. ``--tensor`` is part of the name of the judge's pooled
layer. ``--still`` adds what sensor noise and JPEG do to a camera that stands still.
``--trained-on`` adds how near the test clips come to the pictures in a folder, those of the
training: in the judge's thumbnailers no nearer than one test clip to the next, if no scene is in
both. Tests do not run it: the judge and the clips are not part of the package.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import av
import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from streamsel.coreset.greedy import farthest_first
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.distill.make import write_weights
from streamsel.embed.distill.material import CLIP_SUFFIXES, PHOTOGRAPH_SUFFIXES
from streamsel.embed.network import INPUT_SIZE, Network
from streamsel.frame import Frame, Picture, Thumbnail, Vectors, View
from streamsel.sources.file import FileSource
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from tests.bench.descriptors import hand_made

Rgb: TypeAlias = npt.NDArray[np.uint8]
Judge: TypeAlias = Callable[[Rgb], npt.NDArray[np.float32]]
Distances: TypeAlias = npt.NDArray[np.float32]
Statistics: TypeAlias = npt.NDArray[np.float64]
"""(6,), in the order of STATISTICS; of a choice of frames, by the judge's distances."""

TEST_CLIPS = (
    "big_buck_bunny",
    "bikes",
    "bottle-detection",
    "car-detection",
    "carphone",
    "flipping_a_pancake",
    "store-aisle",
)
"""Beginnings of the names of clips that no network here was trained on."""

STATISTICS = ("mean", "p10", "min", "nearest", "radius", "p95")
OF_CLIPS = (0, 1, 2, 3, 4, 5)
OF_THE_MIX = (2, 3, 4, 5)
SHARES = {"5%": (0.05, 3), "10%": (0.10, 4), "20%": (0.20, 6)}
"""Budgets as a share of the frames, and the fewest frames that makes."""
FIXED, FIXED_FROM = 99, 200
JUDGED_SIDE = 224
RANDOM_CHOICES = {False: 30, True: 10}
"""How many are averaged: for one clip, for the mix."""


def unit(vectors: npt.NDArray[np.float32]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9), np.float32)


def open_judge(path: Path, tensor: str) -> Judge:
    """Read the pooled layer of a classifier: a (224, 224, 3) view to (D,)."""
    from ai_edge_litert.interpreter import Interpreter

    network = Interpreter(str(path), num_threads=1, experimental_preserve_all_tensors=True)
    network.allocate_tensors()
    given = network.get_input_details()[0]
    pooled = next(
        each
        for each in network.get_tensor_details()
        if tensor in each["name"]
        and len(each["shape"]) == 4
        and tuple(each["shape"][:3]) == (1, 1, 1)
        and each["shape"][3] > 200
    )
    scale, zero = pooled["quantization"]

    def judge(view: Rgb) -> npt.NDArray[np.float32]:
        network.set_tensor(given["index"], view[None])
        network.invoke()
        raw = network.get_tensor(pooled["index"]).reshape(-1).astype(np.float32)
        return np.asarray((raw - zero) * scale, np.float32)

    return judge


def frames_of(clip: Path, stride: int) -> Iterator[Frame]:
    """Every ``stride``-th frame of a clip."""
    for frame in FileSource(clip.stem, str(clip)).frames():
        if frame.key.index % stride == 0:
            yield frame


def thumbnails_of(clip: Path, stride: int) -> list[Thumbnail]:
    """What the product shows its embedder of a clip."""
    thumbnailer = CpuThumbnailer()
    return [
        thumbnailer.thumbnail(frame.picture, View(INPUT_SIZE)) for frame in frames_of(clip, stride)
    ]


def judged(clip: Path, stride: int, judge: Judge) -> Vectors:
    """The judge's unit vectors of a clip, from views that our thumbnails have no part in."""
    found = []
    for frame in frames_of(clip, stride):
        assert frame.picture.image is not None
        rgb = frame.picture.image.to_ndarray(format="rgb24")
        upright = Image.fromarray(np.rot90(rgb, frame.picture.rotation // 90))
        view = upright.resize((JUDGED_SIDE, JUDGED_SIDE), Image.Resampling.BICUBIC)
        found.append(judge(np.asarray(view)))
    return unit(np.stack(found))


def judged_once(
    clips: Sequence[Path], stride: int, path: Path, tensor: str, cache: Path | None
) -> list[Vectors]:
    """The judge's vectors of each clip, read from the cache where it has seen them before."""
    judge, looks = open_judge(path, tensor), []
    for clip in clips:
        seen = hashlib.sha256(f"{tensor} {stride} ".encode() + path.read_bytes())
        seen.update(clip.read_bytes())
        stored = cache and cache / f"{clip.stem}-{seen.hexdigest()[:16]}.npy"
        if stored and stored.is_file():
            looks.append(np.load(stored))
            continue
        looks.append(judged(clip, stride, judge))
        if stored:
            stored.parent.mkdir(parents=True, exist_ok=True)
            np.save(stored, looks[-1])
        print(f"judged {clip.name}: {len(looks[-1])} frames", flush=True)
    return looks


def distance_table(vectors: Vectors) -> Distances:
    """L2 distances of all pairs of unit vectors: (N, D) to (N, N)."""
    return np.asarray(np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, 0)), np.float32)


def statistics(table: Distances, chosen: npt.NDArray[np.intp]) -> Statistics:
    to_chosen = table[chosen]  # (K, N)
    among = to_chosen[:, chosen]  # (K, K)
    pairs = among[np.triu_indices(len(chosen), 1)]
    nearest = (among + 9 * np.eye(len(chosen), dtype=np.float32)).min(axis=1)
    cover = to_chosen.min(axis=0)  # (N,)
    low, high = np.percentile(pairs, 10), np.percentile(cover, 95)
    return np.array([pairs.mean(), low, pairs.min(), nearest.mean(), cover.max(), high])


def budgets(total: int, *, mixed: bool) -> dict[str, int]:
    """How many frames are chosen from ``total``."""
    found = {name: max(least, round(share * total)) for name, (share, least) in SHARES.items()}
    return found | ({"99": FIXED} if mixed or total >= FIXED_FROM else {})


def in_order(vectors: Vectors, count: int) -> npt.NDArray[np.intp]:
    # Below zero, so that ``count`` are chosen even where exact duplicates must be among them.
    return farthest_first(vectors, count, min_distance=-1.0).indices


def measured(seen: Vectors, ideal: Vectors, *, mixed: bool) -> dict[str, Statistics]:
    """By budget: (3, 6) statistics of the embedder's choice, of chance, of the judge's choice."""
    table, found = distance_table(ideal), {}
    wanted = budgets(len(seen), mixed=mixed)
    own, best = (in_order(each, max(wanted.values())) for each in (seen, ideal))
    for name, count in wanted.items():
        rng = np.random.default_rng(0)
        draws = [
            statistics(table, rng.choice(len(seen), count, replace=False))
            for _ in range(RANDOM_CHOICES[mixed])
        ]
        chance = np.mean(draws, axis=0)
        found[name] = np.stack(
            [statistics(table, own[:count]), chance, statistics(table, best[:count])]
        )
    return found


def relative(clips: Sequence[dict[str, Statistics]]) -> Statistics:
    """(own - chance) / (best - chance) of the sums over clips, averaged over the budgets: (6,)."""
    parts = []
    for name in (*SHARES, "99"):
        there = [clip[name] for clip in clips if name in clip]
        if there:
            own, chance, best = np.sum(there, axis=0)
            parts.append((own - chance) / (best - chance))
    return np.asarray(np.mean(parts, axis=0))


def score(seen: Sequence[Vectors], ideal: Sequence[Vectors]) -> str:
    """S = (V + M) / 2 of one embedder, V of the clips, M of their mix, and what they are made of.

    The pairwise mean counts in V though farthest-first hardly raises it within one clip, so its
    share is the noisiest; tune on the others.
    """
    clips = [measured(one, best, mixed=False) for one, best in zip(seen, ideal, strict=True)]
    mix = measured(np.concatenate(seen), np.concatenate(ideal), mixed=True)
    of_clips, of_mix = relative(clips), relative([mix])
    v, m = of_clips[list(OF_CLIPS)].mean(), of_mix[list(OF_THE_MIX)].mean()
    lines = [f"S {(v + m) / 2:.3f}  V {v:.3f}  M {m:.3f}"]
    for label, values in (("clips", of_clips), ("mix", of_mix)):
        shown = "  ".join(f"{n} {x:.2f}" for n, x in zip(STATISTICS, values, strict=True))
        lines.append(f"    {label:5s}  {shown}")
    return "\n".join(lines)


def still_camera(embedder: BuiltinEmbedder, clips: Sequence[Path], sigma: float) -> str:
    """How far noise and JPEG move the first picture of each clip, beside how far scenes differ."""
    rng, thumbnailer, found = np.random.default_rng(1), CpuThumbnailer(), []
    for clip in clips:
        first = next(frames_of(clip, 1)).picture.image
        assert first is not None
        still = first.to_ndarray(format="rgb24")
        thumbnails = []
        for _ in range(12):
            noisy = np.clip(still + rng.normal(0, sigma, still.shape), 0, 255).astype(np.uint8)
            packed = io.BytesIO()
            Image.fromarray(noisy).save(packed, "JPEG", quality=85)
            packed.seek(0)
            with av.open(packed, "r", format="jpeg_pipe") as container:
                frame = next(container.decode(video=0))
                thumbnails.append(thumbnailer.thumbnail(Picture(frame), View(INPUT_SIZE)))
        found.append(embedder.embed(thumbnails))
    vectors = np.stack(found)  # (clips, 12, D)
    steps = np.linalg.norm(np.diff(vectors, axis=1), axis=2).ravel()
    scenes = distance_table(vectors[:, 0])[np.triu_indices(len(vectors), 1)]
    return (
        f"sigma {sigma:4.1f}  steps: p50 {np.percentile(steps, 50):.3f}  most {steps.max():.3f}"
        f"  scenes apart: least {scenes.min():.3f}  p50 {np.percentile(scenes, 50):.3f}"
    )


def apart(ideal: Sequence[Vectors], clips: Sequence[Path], folder: Path, judge: Judge) -> str:
    """How near each test clip comes to what was trained on, and to the other test clips."""
    stride = 4
    pictures = [
        judged(path, stride if path.suffix in CLIP_SUFFIXES else 1, judge)
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in CLIP_SUFFIXES | PHOTOGRAPH_SUFFIXES
    ]
    trained = np.concatenate(pictures)
    lines = [f"nearest of {len(trained)} pictures trained on, and of the other test clips:"]
    for place, (clip, own) in enumerate(zip(clips, ideal, strict=True)):
        others = np.concatenate([each for i, each in enumerate(ideal) if i != place])
        to_trained, to_others = (
            float(np.sqrt(max(0.0, 2 - 2 * (own @ them.T).max()))) for them in (trained, others)
        )
        lines.append(f"    {clip.stem:28s} {to_trained:.3f}  {to_others:.3f}")
    return "\n".join(lines)


def untrained(seed: int, folder: Path) -> BuiltinEmbedder:
    torch.manual_seed(seed)
    path = folder / f"random-{seed}.safetensors"
    write_weights(Network(), path)
    return BuiltinEmbedder(str(path), "cpu")


def find_clips(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return, for each name, the one file of the folder that begins with it."""
    clips = []
    for name in names:
        found = sorted(path for path in folder.iterdir() if path.name.startswith(name))
        if len(found) != 1:
            raise SystemExit(f"{folder}: {len(found)} files begin with {name!r}; one is wanted")
        clips += found
    return clips


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--videos", type=Path, required=True, help="folder that holds the clips")
    parser.add_argument("--clips", nargs="+", default=TEST_CLIPS, help="how their names begin")
    parser.add_argument("--judge", type=Path, required=True, help="a tflite classifier")
    parser.add_argument("--tensor", default="GlobalPool/Mean", help="layer of the judge to read")
    parser.add_argument("--weights", nargs="*", default=[], help="weights beside the package's own")
    parser.add_argument("--stride", type=int, default=2, help="look at every n-th frame")
    parser.add_argument("--cache", type=Path, help="folder that keeps the judge's vectors")
    parser.add_argument("--trained-on", type=Path, help="folder of what was trained on")
    parser.add_argument("--still", action="store_true", help="measure noise of a still camera too")
    wanted = parser.parse_args()
    clips = find_clips(wanted.videos, wanted.clips)
    ideal = judged_once(clips, wanted.stride, wanted.judge, wanted.tensor, wanted.cache)
    pictures = [thumbnails_of(clip, wanted.stride) for clip in clips]
    print(f"{len(clips)} clips, {sum(map(len, pictures))} frames, stride {wanted.stride}")
    if wanted.trained_on:
        print(apart(ideal, clips, wanted.trained_on, open_judge(wanted.judge, wanted.tensor)))
    with TemporaryDirectory() as folder:
        rivals = {"shipped": BuiltinEmbedder(None, "cpu")}
        rivals |= {name: BuiltinEmbedder(name, "cpu") for name in wanted.weights}
        rivals |= {f"untrained {seed}": untrained(seed, Path(folder)) for seed in (0, 1)}
        print(f"hand-made: {score([hand_made(each) for each in pictures], ideal)}", flush=True)
        for name, embedder in rivals.items():
            seen = [embedder.embed(each) for each in pictures]
            print(f"{name} ({embedder.digest}): {score(seen, ideal)}", flush=True)
            if wanted.still and not name.startswith("untrained"):
                for sigma in (4.0, 7.0, 10.0):
                    print(f"    {still_camera(embedder, clips, sigma)}")


if __name__ == "__main__":
    main()
