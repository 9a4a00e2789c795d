"""EXIF data of kept JPEGs: capture time and source."""

from __future__ import annotations

from datetime import UTC, datetime

from PIL import Image

_DESCRIPTION, _EXIF_IFD = 0x010E, 0x8769
_TAKEN, _OFFSET, _FRACTION = 0x9003, 0x9011, 0x9291
_START = b"\xff\xd8"
_APP0, _APP1 = b"\xff\xe0", b"\xff\xe1"
_LONGEST_DESCRIPTION = 2_000


def with_exif(jpeg: bytes, description: str, taken: float | None) -> bytes:
    """Return a JPEG file with a description and its capture time added.

    ``taken`` is UTC epoch seconds; None: unknown. The coded picture data is unchanged.
    Deterministic.
    """
    exif = Image.Exif()
    exif[_DESCRIPTION] = description[:_LONGEST_DESCRIPTION].encode()
    if taken is not None:
        moment = datetime.fromtimestamp(round(taken, 3), UTC)
        exif.get_ifd(_EXIF_IFD).update(
            {
                _TAKEN: f"{moment:%Y:%m:%d %H:%M:%S}",
                _FRACTION: f"{moment.microsecond // 1000:03d}",
                _OFFSET: "+00:00",
            }
        )
    content = exif.tobytes()
    segment = _APP1 + (len(content) + 2).to_bytes(2, "big") + content
    # After the JFIF header, which must come first if present.
    at = len(_START)
    if jpeg[at : at + 2] == _APP0:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + segment + jpeg[at:]
