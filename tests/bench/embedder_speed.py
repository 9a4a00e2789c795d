"""How fast the built-in embedder is on one core, beside what others choose frames with.

    python -m tests.bench.embedder_speed

In turn, in one run: the built-in network from thumbnails to unit vectors, MobileNetV3-small at 224
pixels, and ResNet-18 at 64 pixels, which is what Lightly's worker embeds with; the latter two as
timm has them, batch norms folded in, channels last, their input ready as floats. Each pass is timed
by the thread's own CPU clock. Printed are medians over the rounds, and the median of the ratios
round by round, which noise of the machine disturbs less. Needs ``pip install timm``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.embed.network import INPUT_SIZE
from tests.embed.backbones.made import trace

BATCH = 32


def built_in() -> Callable[[], object]:
    embedder = BuiltinEmbedder(None, "cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (BATCH, INPUT_SIZE, INPUT_SIZE, 3), np.uint8)
    thumbnails = list(pixels)
    return lambda: embedder.embed(thumbnails)


def peer(name: str, side: int) -> Callable[[], object]:
    timm = import_library(f"timm:{name}", "timm", "timm", vision=True)
    network = timm.create_model(name, pretrained=False, num_classes=0).eval()
    network = network.to(memory_format=torch.channels_last)
    pixels = torch.rand(BATCH, 3, side, side).contiguous(memory_format=torch.channels_last)
    traced = torch.jit.freeze(trace(network, pixels))
    return lambda: traced(pixels)


def seconds(work: Callable[[], object]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with torch.inference_mode():
        rivals = {
            "built-in, 64 px": built_in(),
            "MobileNetV3-small, 224 px": peer("mobilenetv3_small_100", 224),
            "ResNet-18, 64 px": peer("resnet18", 64),
        }
        for work in rivals.values():
            seconds(work)
        rounds = [
            {name: seconds(work) for name, work in rivals.items()} for _ in range(wanted.rounds)
        ]
    for name in rivals:
        pace = median(BATCH / each[name] for each in rounds)
        ratio = median(each[name] / each["built-in, 64 px"] for each in rounds)
        print(f"{name:28s} {pace:7,.0f} frames/s a core   built-in is {ratio:.2f} times as fast")


if __name__ == "__main__":
    main()
