"""What a kept JPEG says of itself, and that its picture stays the same."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from streamsel.decisions import Kept, Verdict
from streamsel.sinks.exif import with_exif
from streamsel.sinks.pictures import Encoder
from tests.sinks.streams import end, frame, opened, turn, verdicts

TAKEN = 1_795_342_530.25


def tags(jpeg: bytes) -> dict[int, object]:
    with Image.open(io.BytesIO(jpeg)) as image:
        exif = image.getexif()
        return {**exif, **exif.get_ifd(0x8769)}


@pytest.mark.parametrize("taken", [TAKEN, None])
def test_what_is_coded_stays_and_the_rest_is_said(taken: float | None) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)
    plain = bytes(simplejpeg.encode_jpeg(pixels, 90, "RGB", "420"))
    told = with_exif(plain, "/v/Прогулка.mp4 frame 7", taken)
    assert told == with_exif(plain, "/v/Прогулка.mp4 frame 7", taken)
    assert len(told) > len(plain)
    assert (simplejpeg.decode_jpeg(told) == simplejpeg.decode_jpeg(plain)).all()
    found = tags(told)
    assert str(found[0x010E]).encode("latin-1").decode() == "/v/Прогулка.mp4 frame 7"
    assert found.get(0x9003) == (None if taken is None else "2026:11:22 10:15:30")
    assert found.get(0x9011) == (None if taken is None else "+00:00")
    assert found.get(0x9291) == (None if taken is None else "250")


def test_kept_jpegs_of_a_run_say_when_and_whence(tmp_path: Path) -> None:
    verdict = next(verdicts())
    taken = replace(frame("walk", 0), recorded=TAKEN)
    sink = opened(tmp_path, Encoder("jpg"))
    event = Kept(taken, None, None, 0.0, "novel")
    prefiltered = replace(verdict.candidate.prefiltered, frame=taken)
    candidate = replace(verdict.candidate, prefiltered=prefiltered)
    sink.apply(turn([Verdict(candidate, "kept", "novel", None, None, 0.0, (event,))]))
    end(sink)
    (kept,) = (tmp_path / "frames").rglob("*.jpg")
    found = tags(kept.read_bytes())
    assert found[0x010E] == "walk.mp4 frame 0 at 0.000 s"
    assert found[0x9003] == "2026:11:22 10:15:30"
