from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.bench.gpu_embedding import operations, untrained


def test_without_a_gpu_it_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.gpu_embedding"],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "a CUDA device is needed" in done.stderr


def test_the_work_of_a_picture_is_what_papers_say() -> None:
    network, side = untrained("timm:resnet50")
    assert operations(network, side) == pytest.approx(2 * 4.1e9, rel=0.02)
