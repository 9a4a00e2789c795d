"""Makes a stream of a kind, by ffmpeg alone."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tests.conformance.alter import flv_of
from tests.conformance.blockcode import draw
from tests.conformance.kind import Kind, Part

_QUIET = ("ffmpeg", "-v", "error", "-nostdin", "-y")


def make(kind: Kind, folder: Path) -> Path:
    """The file of a kind; one that is there, of this process or another, is not made again."""
    path = folder / kind.name
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(dir=folder) as workshop:
        made = _make(kind, Path(workshop))
        os.replace(made, path)
    return path


def _make(kind: Kind, workshop: Path) -> Path:
    suffix = kind.intermediate or Path(kind.name).suffix
    parts = [
        _encode(part, workshop / f"part{place}{suffix}") for place, part in enumerate(kind.parts)
    ]
    made = parts[0] if len(parts) == 1 else _join(kind, parts, workshop / f"joined{suffix}")
    if kind.remux:
        again = workshop / f"again{Path(kind.name).suffix}"
        _run(*_QUIET, *shlex.split(kind.remux.format(file=made, folder=workshop)), str(again))
        made = again
    if kind.alter is not None:
        made.write_bytes(kind.alter(made.read_bytes()))
    return made


def _encode(part: Part, path: Path) -> Path:
    width, height = part.size
    pictures = b"".join(
        draw(number, width, height) for number in range(part.first, part.first + part.frames)
    )
    given = f"-f rawvideo -pix_fmt yuv420p -video_size {width}x{height} -framerate {part.rate}"
    # Encoders that use several threads do not give the same stream everywhere.
    told = ("-i", "-", "-threads", "1", "-bitexact", *shlex.split(part.encode), str(path))
    _run("ffmpeg", "-v", "error", "-y", *given.split(), *told, pictures=pictures)
    return path


def _join(kind: Kind, parts: list[Path], path: Path) -> Path:
    if kind.join != "copy":
        contents = [part.read_bytes() for part in parts]
        path.write_bytes(flv_of(contents) if kind.join == "flv" else b"".join(contents))
        return path
    listed = path.with_suffix(".txt")
    listed.write_text("".join(f"file '{part}'\n" for part in parts))
    _run(*_QUIET, "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy", str(path))
    return path


def _run(*command: str, pictures: bytes = b"") -> None:
    done = subprocess.run(command, input=pictures or None, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.decode(errors='replace')}")
