"""Resolves request paths to picture files inside the run's folder."""

from __future__ import annotations

from pathlib import Path

from streamsel.choices import MEDIA_TYPES

FRAMES = "frames"


def find_picture(folder: Path, path: str) -> Path | None:
    """Return the picture's path; None if it is no file, or not below ``frames``.

    Symbolic links are resolved first, so links out of ``frames`` are refused (``frames`` itself may
    be a link to another disk). Blocks on the disk.
    """
    try:
        root = (folder / FRAMES).resolve(strict=True)
        file = (folder / path).resolve(strict=True)
    except (OSError, ValueError, RuntimeError):
        # Missing file, impossible name, or circular links.
        return None
    is_picture = file.suffix[1:] in MEDIA_TYPES and file.is_file()
    return file if is_picture and file.is_relative_to(root) else None
