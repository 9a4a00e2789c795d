"""Reads the picture file of a kept frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamsel.errors import ConfigurationError, RecordError

if TYPE_CHECKING:
    from PIL.Image import Image


def read_picture(path: Path, *, within: int | None = None) -> Image:
    """Read a picture as RGB of 8 bits; smaller, if it does not fit into ``within`` pixels square.

    Raises :class:`RecordError` if the file is gone or damaged, and :class:`ConfigurationError` if
    Pillow is not installed.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "reading a picture needs Pillow, which is not installed; pip install pillow"
        ) from error
    try:
        with Image.open(path) as image:
            if within is not None:
                image.thumbnail((within, within))  # A JPEG is decoded at a smaller scale already.
            return image.convert("RGB")
    # Pillow reports damage inside a PNG as a SyntaxError.
    except (OSError, SyntaxError) as error:
        reason = getattr(error, "strerror", None) or "it is not a whole picture"
        raise RecordError(f"{path}: cannot be read: {reason}") from error
