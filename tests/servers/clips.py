"""Clips as cameras send them: H.264 without B-frames, a keyframe each second."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import av

RATE = 15


def camera_clip(
    ffmpeg: Path,
    path: Path,
    *,
    seconds: int = 20,
    size: tuple[int, int] = (640, 360),
    slices: int = 1,
    rate: int = RATE,
) -> Path:
    """Encode a picture in which no frame equals another, ``rate`` times a second.

    A frame of which all ``slices`` but one are lost can still be decoded.
    """
    picture = f"testsrc2=size={size[0]}x{size[1]}:rate={rate}:duration={seconds}"
    return _encode(ffmpeg, picture, path, rate, slices)


def still_clip(
    ffmpeg: Path, path: Path, *, size: tuple[int, int] = (640, 360), brightness: float = 0.0
) -> Path:
    """Encode 20 s of one picture under the noise of a sensor, a darker one where it is negative."""
    still = f"testsrc2=size={size[0]}x{size[1]}:rate={RATE}:duration=1,loop=-1:1:0,trim=duration=20"
    look = f"eq=brightness={brightness}:contrast={1 + brightness},noise=alls=8:allf=t"
    return _encode(ffmpeg, f"{still},{look}", path, RATE, 1)


def passers_clip(ffmpeg: Path, path: Path, *, seconds: int = 60) -> Path:
    """Encode what a fixed camera sees in wandering light, five times a second: passers-by.

    Somebody passes every seven seconds, within three, in clothes of another colour each time.
    """
    still = f"testsrc2=size=160x90:rate=5:duration=0.2,loop=-1:1:0,trim=duration={seconds}"
    light = "setpts=N/5/TB,eq=brightness='0.1*sin(t/6)':contrast=0.6:eval=frame"
    person = f"color=red:size=30x60:rate=5:duration={seconds},hue=h='t*37'"
    walk = "overlay=x='mod(t,7)*70-30':y='30*mod(t,3)-20',noise=alls=6:allf=t:all_seed=7"
    picture = f"{still},{light}[scene];{person}[person];[scene][person]{walk}"
    return _encode(ffmpeg, picture, path, 5, 1)


def _encode(ffmpeg: Path, picture: str, path: Path, rate: int, slices: int) -> Path:
    encoder = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-pix_fmt", "yuv420p"]
    keyframes = ["-g", str(rate), "-keyint_min", str(rate), "-sc_threshold", "0"]
    keyframes += ["-slices", str(slices)]
    command = [str(ffmpeg), "-v", "error", "-nostdin", "-y", "-f", "lavfi", "-i", picture]
    command += [*encoder, *keyframes, "-threads", "1", str(path)]
    subprocess.run(command, check=True)
    return path


def luma_digest(image: av.VideoFrame) -> bytes:
    """A checksum of the luma of every pixel, without the padding of the rows."""
    plane = image.planes[0]
    content = memoryview(plane)
    digest = hashlib.blake2b(digest_size=16)
    for row in range(image.height):
        begins = row * plane.line_size
        digest.update(content[begins : begins + image.width])
    return digest.digest()


def clip_digests(path: Path) -> set[bytes]:
    """The checksums of all pictures of a file."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return {luma_digest(image) for image in container.decode(video=0)}
