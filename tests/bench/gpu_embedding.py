"""How fast networks embed on a GPU, and what share of its matrix units that uses.

    python -m tests.bench.gpu_embedding [--batch 64] [--compiled]

For the built-in network, and ResNet-50 and ViT-B/16 of timm with random weights: frames a second
from thumbnails in memory to unit vectors in memory, copies over the bus included. The share is of
what large matrix products of the same precision reach in the same run, so it tells how much the
card still waits, whatever card it is. Needs a CUDA GPU and ``pip install timm``; exits 1 without.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.cuda import BATCH, half_precision, open_cuda_slots
from streamsel.embed.fold import fold_batch_norms
from streamsel.embed.forward import take_turns
from streamsel.embed.network import INPUT_SIZE, Network
from streamsel.embed.preprocess import Prepared

NAMES = ("builtin", "timm:resnet50", "timm:vit_base_patch16_224")
PEER_SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
AS_IT_IS = (0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255)
ROUNDS = 7
LARGE = 8192


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """Median over some rounds, after two that warm up."""
    took = []
    for turn in range(ROUNDS + 2):
        torch.cuda.synchronize(device)
        began = time.perf_counter()
        work()
        torch.cuda.synchronize(device)
        if turn > 1:
            took.append(time.perf_counter() - began)
    return median(took)


def matrix_peak(device: torch.device) -> float:
    """Operations a second of products of large square matrices."""
    shape, kind = (LARGE, LARGE), half_precision(device)
    left, right = (torch.randn(shape, device=device, dtype=kind) for _ in range(2))
    many = 20

    def multiply() -> None:
        for _ in range(many):
            torch.mm(left, right)

    return many * 2 * LARGE**3 / seconds(multiply, device)


def operations(network: nn.Module, side: int) -> int:
    """Additions and multiplications for one picture."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, side, side, dtype=torch.uint8))
    return int(counter.get_total_flops())


def untrained(name: str) -> tuple[Prepared, int]:
    """A network, with the side of its pictures in pixels."""
    torch.manual_seed(0)
    if name == "builtin":
        return Prepared(Network().fuse(), *AS_IT_IS), INPUT_SIZE
    timm = import_library(name, "timm", "timm", vision=True)
    peer = name.removeprefix("timm:")
    network = timm.create_model(peer, pretrained=False, num_classes=0).eval()
    fold_batch_norms(network, PEER_SIDE)
    return Prepared(network, MEAN, STD), PEER_SIDE


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=BATCH, help="thumbnails at a time")
    parser.add_argument("--batches", type=int, default=24, help="batches a round")
    parser.add_argument("--compiled", action="store_true", help="by torch.compile")
    wanted = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("this measures a GPU: a CUDA device is needed, and a torch that can use it")
    device = torch.device("cuda", 0)
    peak = matrix_peak(device)
    kind = str(half_precision(device)).removeprefix("torch.")
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}, {kind}")
    print(f"matrix products: {peak / 1e12:.0f} TFLOP/s")
    for name in NAMES:
        network, side = untrained(name)
        work = operations(network, side)
        shape = (wanted.batch * wanted.batches, side, side, 3)
        thumbnails = list(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
        slots = open_cuda_slots(network, side, device, batch=wanted.batch, compiled=wanted.compiled)
        vectors = np.empty((len(thumbnails), slots[0].dim), np.float32)
        took = seconds(partial(take_turns, slots, thumbnails, vectors), device)
        rate = len(thumbnails) / took
        share = rate * work / peak
        print(
            f"{name:28s} {rate:10,.0f} frames/s  {rate * work / 1e12:6.1f} TFLOP/s  {share:5.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
