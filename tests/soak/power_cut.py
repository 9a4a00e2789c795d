"""Power cuts, one after another: what a service's folder loses, and whether anything is torn.

    python -m tests.soak.power_cut [--cuts 20] [--seed 1]

Each cut stops the writer at a random moment, copies the disk as it is by then, and mounts the
copy; the next writer goes on from that. ``done`` are turns that had been applied, ``lost`` those
of them that the folder knows nothing of, ``oldest`` how long before the cut the oldest of these
had been applied. Torn pictures, records that disagree with the files, numbers given twice and
losses beyond what is promised end it with an error.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path

from tests.sinks.power import cut_often


def main() -> None:
    """Cut the power of a strict and of a batched service, and print what was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    print(f"{'durability':12}{'cuts':>6}{'done':>8}{'lost':>6}{'oldest':>10}  seconds")
    for durability in ("strict", "batched"):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            dice = random.Random(wishes.seed)
            found = cut_often(Path(folder), durability, wishes.cuts, dice)
        oldest = f"{max(found.lost_seconds):.2f} s"
        seconds = time.monotonic() - began
        print(
            f"{durability:12}{wishes.cuts:6}{found.done[-1]:8}{sum(found.lost):6}{oldest:>10}"
            f"{seconds:9.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
