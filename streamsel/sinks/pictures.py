"""Encodes, stores and deletes the pictures of kept frames."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import av
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image, features

from streamsel.choices import ImageFormat, require_choice
from streamsel.errors import ConfigurationError, DiskFullError, SinkError, SourceError
from streamsel.frame import EncodedPicture, Frame, Picture
from streamsel.libav import as_source_error
from streamsel.pixels.conversion import Converter
from streamsel.pixels.size import PictureSize
from streamsel.pixels.tone import hdr_of, to_sdr
from streamsel.record.files import disk_errors, make_folder, sync_files, write_file
from streamsel.record.folder import BALLAST, picture_path, remove_stored
from streamsel.record.values import StoredPicture
from streamsel.sinks.deep import encode_avif, encode_deep_png

_LOG = logging.getLogger("streamsel.sinks")
_BALLAST_BYTES = 512 << 10


class PictureFiles:
    """The picture files below a folder. The record decides which are in use."""

    def __init__(self, folder: Path, suffix: str) -> None:
        """``suffix`` is the file name extension of the pictures, without the dot."""
        self._folder = folder
        self._suffix = suffix
        self._unclaimed: set[str] = set()

    def path(self, frame: Frame) -> str:
        """Return the path of a frame's picture, relative to the folder."""
        return picture_path(frame, self._suffix)

    def write(
        self, pictured: Sequence[tuple[Frame, EncodedPicture]], *, sync: bool = True
    ) -> list[StoredPicture]:
        """Write the pictures of frames, each whole or not at all; unmarks their files.

        With ``sync`` all are on disk when this returns; without, after :meth:`sync`. Raises
        :class:`DiskFullError` or :class:`SinkError`; some may be written then.
        """
        pictures = [self._write(frame, encoded) for frame, encoded in pictured]
        self.spare(stored.path for stored in pictures)
        if sync:
            self.sync(pictures)
        return pictures

    def sync(self, pictures: Iterable[StoredPicture]) -> None:
        """Flush written pictures to disk. Raises :class:`SinkError`."""
        with disk_errors(self._folder):
            sync_files([self._folder / stored.path for stored in pictures])

    def give_up(self, paths: Iterable[str]) -> None:
        """Mark these files for deletion by :meth:`clear_away`."""
        self._unclaimed.update(paths)

    def spare(self, paths: Iterable[str]) -> None:
        """Unmark these files: they are in use again."""
        self._unclaimed.difference_update(paths)

    def clear_away(self) -> None:
        """Delete the marked files; retry failed deletions at the next call.

        Raises :class:`SinkError` if a file cannot be deleted; the others are deleted nevertheless.
        """
        failures = []
        for path in sorted(self._unclaimed):
            try:
                with disk_errors(self._folder / path):
                    remove_stored(self._folder, path)
                self._unclaimed.discard(path)
            except SinkError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def clear_away_quietly(self) -> None:
        """Delete the marked files as far as possible; :meth:`clear_away` reports the rest."""
        try:
            self.clear_away()
        except SinkError as error:
            _LOG.debug("%s", error)

    def hold_ballast(self) -> None:
        """Reserve some bytes on the disk; if there is no room, try again later."""
        place = self._folder / BALLAST
        if place.exists():
            return
        try:
            with disk_errors(place):
                write_file(place, bytes(_BALLAST_BYTES), sync=False)
        except DiskFullError:
            return

    def drop_ballast(self) -> None:
        """Free the reserved bytes."""
        with disk_errors(self._folder):
            (self._folder / BALLAST).unlink(missing_ok=True)

    def _write(self, frame: Frame, encoded: EncodedPicture) -> StoredPicture:
        path = self.path(frame)
        place = self._folder / path
        with disk_errors(place):
            make_folder(place.parent)
            write_file(place, encoded.content, sync=False)
        return StoredPicture(
            frame.key,
            path,
            encoded.width,
            encoded.height,
            len(encoded.content),
            sha256(encoded.content).hexdigest(),
        )


Pixels: TypeAlias = npt.NDArray[np.uint8]
"""(H, W) gray, (H, W, 3) RGB or (H, W, 4) RGB with alpha."""
_Depth = TypeVar("_Depth", np.uint8, np.uint16)

_DEFAULT_QUALITY = {"jpg": 90, "webp": 80, "avif": 80}
_SIDES = {"jpg": (1, 65_500), "webp": (1, 16_383), "avif": (4, 8_704)}
_PNG_COMPRESSION = 3


class Encoder:
    """Encodes pictures as JPEG, PNG, WebP or AVIF: upright, with square pixels, in SDR.

    Luma range and colour matrix are converted according to the picture's tags; untagged pictures
    count as BT.601, as in ffmpeg. More than 8 bits are rounded to 8, HDR is tone-mapped. Alpha is
    kept in PNG and WebP; in JPEG the picture is composed over black. Gray stays gray in PNG and
    JPEG. Deterministic: no time, name or version is written into files.

    ``quality`` is 1..100 for jpg (None: 90), webp and avif (None: 80); png takes none. ``size`` is
    that of the upright picture. With ``keep_pixels`` the stored pixel shape is kept. With
    ``keep_hdr`` an HDR picture becomes a 16-bit PNG or a 10-bit AVIF; AVIF requires it. JPEG has
    full colour resolution only if the source has. One thread at a time may use an encoder.

    Raises :class:`ConfigurationError` for an invalid quality or format.
    """

    def __init__(
        self,
        format: ImageFormat = "jpg",
        quality: int | None = None,
        size: PictureSize | None = None,
        *,
        keep_pixels: bool = False,
        keep_hdr: bool = False,
    ) -> None:
        """Check the options and set up the converter shared by all pictures."""
        _check(format, quality, keep_hdr=keep_hdr)
        self._format = format
        self._quality = _DEFAULT_QUALITY.get(format) if quality is None else quality
        self._keeps_hdr = keep_hdr
        self._converter = Converter(size, keep_pixels=keep_pixels)

    @property
    def suffix(self) -> str:
        """The file name extension, without the dot."""
        return self._format

    @as_source_error("its picture cannot be encoded")
    def encode(self, picture: Picture) -> EncodedPicture:
        """Return the picture as the content of an image file.

        Raises :class:`SinkError` if its pixels were dropped, :class:`SourceError` if it cannot be
        converted or is too large for the format. A 1080p frame takes about 20 ms as JPEG, 130 ms as
        PNG and 140 ms as WebP; 100 ms more if it is HDR.
        """
        image = picture.image
        if image is None:
            raise SinkError("a picture that was dropped cannot be encoded; decode it again")
        is_hdr = hdr_of(image) is not None
        if self._keeps_hdr and (is_hdr or self._format == "avif"):
            deep = self._upright(self._deep(picture, image), picture)
            content = self._encode_deep(deep, image)
            return EncodedPicture(content, deep.shape[1], deep.shape[0])
        pixels = (
            to_sdr(self._deep(picture, image), image)
            if is_hdr
            else self._converter.to_8_bits(
                image,
                pixel_aspect=picture.pixel_aspect,
                lies_on_side=picture.rotation % 180 != 0,
            )
        )
        pixels = self._upright(pixels, picture)
        return EncodedPicture(self._encode(pixels, image), pixels.shape[1], pixels.shape[0])

    def _deep(self, picture: Picture, image: av.VideoFrame) -> npt.NDArray[np.uint16]:
        return self._converter.to_16_bits(
            image, pixel_aspect=picture.pixel_aspect, lies_on_side=picture.rotation % 180 != 0
        )

    def _upright(self, pixels: npt.NDArray[_Depth], picture: Picture) -> npt.NDArray[_Depth]:
        """Rotate the stored picture for writing; refuse a size that the format cannot hold."""
        upright: npt.NDArray[_Depth] = np.ascontiguousarray(
            np.rot90(pixels, picture.rotation // 90)
        )
        height, width = upright.shape[:2]
        least, most = _SIDES.get(self._format, (1, max(width, height)))
        if min(width, height) < least or max(width, height) > most:
            raise SourceError(
                f"a picture of {width}x{height} cannot be {self._format}, which takes {least} to"
                f" {most:,} pixels a side; write png, or give a size"
            )
        return upright

    def _encode(self, pixels: Pixels, image: av.VideoFrame) -> bytes:
        if self._format == "jpg":
            halved = image.format.chroma_width(image.width) < image.width
            return _to_jpeg(pixels, self._quality, "420" if halved else "444")
        options: dict[str, Any] = (
            {"compress_level": _PNG_COMPRESSION}
            if self._format == "png"
            else {"quality": self._quality, "method": 4}
        )
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, format=self._format, **options)
        return content.getvalue()

    def _encode_deep(self, pixels: npt.NDArray[np.uint16], image: av.VideoFrame) -> bytes:
        if self._format == "avif":
            return encode_avif(pixels, image, self._quality or 0)
        return encode_deep_png(pixels, image)


def _check(format: ImageFormat, quality: int | None, *, keep_hdr: bool) -> None:
    require_choice("image format", format, ImageFormat)
    if format == "png" and quality is not None:
        raise ConfigurationError("quality cannot be set for png, which keeps every pixel exactly")
    if quality is not None and not 1 <= quality <= 100:
        raise ConfigurationError(f"quality is {quality}; it must lie in 1..100")
    if keep_hdr and format not in ("png", "avif"):
        raise ConfigurationError(f"{format} cannot keep HDR; write png or avif")
    if format == "avif" and not keep_hdr:
        raise ConfigurationError("avif is for keeping HDR; give keep-hdr too, or write another")
    if format == "webp" and not features.check("webp"):
        raise ConfigurationError("this Pillow was built without WebP; use jpg or png")


def _to_jpeg(pixels: Pixels, quality: int | None, subsampling: str) -> bytes:
    if pixels.ndim == 2:
        gray = pixels[:, :, None]  # (H, W, 1)
        return bytes(simplejpeg.encode_jpeg(gray, quality, "GRAY", "Gray"))
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.uint16)
        pixels = ((pixels[:, :, :3] * alpha + 127) // 255).astype(np.uint8)  # (H, W, 3)
    return bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", subsampling))
