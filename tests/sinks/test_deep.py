"""Pictures of more than 8 bits: what their making leaves behind in the process."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np

from streamsel.sinks.deep import encode_avif

_BT2020, _PQ = 9, 16


def _scheduling_after_an_avif() -> int:
    image = av.VideoFrame(64, 64, "yuv420p10le")
    image.color_primaries, image.color_trc = _BT2020, _PQ
    assert encode_avif(np.zeros((64, 64, 3), np.uint16), image, 80)
    return os.sched_getscheduler(0)


def test_a_thread_that_has_encoded_does_not_go_before_all_others() -> None:
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(_scheduling_after_an_avif).result() == os.SCHED_OTHER
