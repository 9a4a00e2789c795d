"""Pictures of more than 8 bits: what their making leaves behind in the process."""

from __future__ import annotations

import io
import os
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest

from streamsel.sinks.deep import encode_avif

_BT709, _BT2020, _PQ = 1, 9, 16


def _scheduling_after_an_avif() -> int:
    image = av.VideoFrame(64, 64, "yuv420p10le")
    image.color_primaries, image.color_trc = _BT2020, _PQ
    assert encode_avif(np.zeros((64, 64, 3), np.uint16), image, 80)
    return os.sched_getscheduler(0)


def test_a_thread_that_has_encoded_does_not_go_before_all_others() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_scheduling_after_an_avif).result() == os.SCHED_OTHER


@pytest.mark.parametrize("primaries", [_BT709, _BT2020])
def test_an_avif_says_which_colours_it_holds(primaries: int) -> None:
    image = av.VideoFrame(64, 64, "yuv420p10le")
    image.color_primaries, image.color_trc = primaries, _PQ
    content = encode_avif(np.zeros((64, 64, 3), np.uint16), image, 80)
    with av.open(io.BytesIO(content), "r") as container:
        (found,) = container.decode(video=0)
    assert (found.color_primaries, found.color_trc) == (primaries, _PQ)
    assert found.colorspace == primaries


def test_a_better_quality_takes_more_bytes() -> None:
    noise = np.random.default_rng(0).integers(0, 1 << 16, (64, 64, 3)).astype(np.uint16)
    image = av.VideoFrame(64, 64, "yuv420p10le")
    sizes = [len(encode_avif(noise, image, quality)) for quality in (1, 50, 100)]
    assert sizes == sorted(set(sizes))
