"""Clips, and what ffmpeg itself makes of their pictures."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

ACCURATE = "flags=bicubic+full_chroma_int+full_chroma_inp+accurate_rnd:out_range=pc"
"""How the ``scale`` filter converts as we do."""
PATTERN = "testsrc2=s=160x96:r=25:d=1"
SOFT = "gradients=s=160x96:r=25:d=1:c0=navy:c1=orange:x0=0:y0=0:x1=159:y1=95:seed=1"


def clip(ffmpeg: Path, path: Path, *encoding: str, source: str = PATTERN) -> Path:
    """Encode a second of a test pattern."""
    command = [str(ffmpeg), "-v", "error", "-f", "lavfi", "-i", source, *encoding, str(path)]
    subprocess.run(command, check=True)
    return path


def by_ffmpeg(ffmpeg: Path, video: Path, chain: str, index: int = 0) -> npt.NDArray[np.uint8]:
    """One frame of a video through a filter chain of ffmpeg's, as (H, W, 3) RGB."""
    chain = f"select=eq(n\\,{index}),{chain}"
    command = [str(ffmpeg), "-v", "error", "-i", str(video), "-vf", chain]
    command += ["-frames:v", "1", "-pix_fmt", "rgb24", "-c:v", "png", "-f", "image2pipe", "-"]
    png = subprocess.run(command, check=True, capture_output=True).stdout
    return pixels_of(png)


def pixels_of(content: bytes) -> npt.NDArray[np.uint8]:
    """What a picture's file holds, (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def decoded(video: Path, index: int = 0) -> av.VideoFrame:
    """One frame of a video, by the shortest way there is."""
    with av.open(str(video)) as container:
        for place, image in enumerate(container.decode(video=0)):
            if place == index:
                return image
    raise AssertionError(f"{video} has no frame {index}")


def psnr(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> float:
    """How alike two pictures of the same size are, in dB; 99: the same."""
    assert one.shape == other.shape
    error = float(np.mean((one.astype(float) - other.astype(float)) ** 2))
    return 99.0 if error == 0 else float(10 * np.log10(255**2 / error))
