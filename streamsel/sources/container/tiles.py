"""HEIC and AVIF images: crop, rotation and tiles, as phones write them.

libavformat provides a stream per tile, with the item's number as its id, but PyAV does not expose
their layout. So the boxes with the layout are parsed here (ISO/IEC 14496-12 and 23008-12).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.container import InputContainer
from av.filter import Graph
from av.video.stream import VideoStream

_DERIVED = {b"iden", b"iovl", b"tmap", b"sato"}
_TURNS = ((), ("transpose=cclock",), ("hflip", "vflip"), ("transpose=clock",))
_MIRRORS = ("vflip", "hflip")


@dataclass(frozen=True, slots=True)
class Grid:
    """A tiled picture: ``items`` in row-major order, cropped to ``width`` x ``height`` pixels."""

    columns: int
    rows: int
    width: int
    height: int
    items: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Still:
    """The structure of a file's main picture: tiles, or a single image if ``grid`` is None.

    The ffmpeg filters in ``finish`` then crop it and rotate it upright.
    """

    grid: Grid | None = None
    finish: tuple[str, ...] = ()


def read_still(content: bytes) -> Still:
    """Parse the structure of a file's main picture.

    Raises ``ValueError``, with the reason, for a damaged file and for other derived images.
    """
    try:
        meta = dict(_boxes(content)).get(b"meta")
        if meta is None:
            return Still()
        parts = dict(_boxes(meta[4:]))
        main = _main_item(parts[b"pitm"])
        return Still(_grid(main, parts, content), _finish(main, parts[b"iprp"]))
    except (struct.error, IndexError, KeyError, ZeroDivisionError):
        raise ValueError("the description of its picture is damaged") from None


def put_together(
    grid: Grid, container: InputContainer, streams: Sequence[VideoStream]
) -> av.VideoFrame:
    """Decode the tiles and return the whole picture. The decoders must be configured.

    Raises ``ValueError`` if a tile is missing or does not fit, and PyAV's errors.
    """
    found: dict[int, av.VideoFrame] = {}
    of_index = {stream.index: stream for stream in streams}
    for packet in container.demux(list(streams)):
        stream = of_index[packet.stream_index]
        if packet.size and stream.id not in found:
            for image in [*stream.decode(packet), *stream.decode(None)][:1]:
                found[stream.id] = image
    missing = [item for item in grid.items if item not in found]
    if missing:
        raise ValueError(f"{len(missing)} of its {len(grid.items)} tiles cannot be read")
    tiles = [found[item] for item in grid.items]
    first = tiles[0]
    fits = grid.width <= grid.columns * first.width and grid.height <= grid.rows * first.height
    if not fits or len({(tile.width, tile.height, tile.format.name) for tile in tiles}) > 1:
        raise ValueError("its tiles do not fit together")
    cut = f"crop={grid.width}:{grid.height}:0:0:exact=1"
    if len(tiles) == 1:
        return filtered(tiles, (cut,))
    return filtered(tiles, (f"xstack=inputs={len(tiles)}:grid={grid.columns}x{grid.rows}", cut))


def filtered(images: Sequence[av.VideoFrame], steps: Sequence[str]) -> av.VideoFrame:
    """Apply filters to pictures of one size and format; the first filter takes all of them."""
    graph = Graph()
    graph.threads = 1
    first = images[0]
    described = {
        "video_size": f"{first.width}x{first.height}",
        "pix_fmt": first.format.name,
        "time_base": "1/1",
        "colorspace": str(first.colorspace),
        "range": str(first.color_range),
    }
    ends = [graph.add("buffer", **described) for _ in images]
    for step in (*steps, "buffersink"):
        name, _, options = step.partition("=")
        following = graph.add(name, options or None)
        for place, end in enumerate(ends):
            end.link_to(following, 0, place)
        ends = [following]
    graph.configure()
    for place, image in enumerate(images):
        image.pts = 0
        graph.vpush(image, place)
    for place in range(len(images)):
        graph.vpush(None, place)
    whole = graph.vpull()
    whole.colorspace, whole.color_range = first.colorspace, first.color_range
    whole.color_primaries, whole.color_trc = first.color_primaries, first.color_trc
    return whole


def _grid(main: int, meta: dict[bytes, bytes], content: bytes) -> Grid | None:
    kind = _kinds(meta[b"iinf"]).get(main)
    if kind in _DERIVED:
        raise ValueError(
            f"its picture is an item of type {kind.decode()!r}, which is not supported"
        )
    if kind != b"grid":
        return None
    layout = _content_of(main, meta, content)
    _, flags, rows, columns = struct.unpack_from(">4B", layout)
    width, height = struct.unpack_from(">II" if flags & 1 else ">HH", layout, 4)
    items = _tiles(main, meta[b"iref"])
    if len(items) != (rows + 1) * (columns + 1) or not width or not height:
        raise ValueError("the description of its picture is damaged")
    return Grid(columns + 1, rows + 1, width, height, items)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of consecutive boxes."""
    at = 0
    while at + 8 <= len(content):
        size, name = struct.unpack_from(">I4s", content, at)
        begin = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", content, begin)
            begin += 8
        end = at + size if size else len(content)
        if end < begin:
            raise ValueError("the description of its picture is damaged")
        yield name, content[begin:end]
        at = end


class _Fields:
    """Reads the fields of a box in order, starting after its version and flags."""

    def __init__(self, box: bytes) -> None:
        self._box = box
        self._at = 4
        self.version, self.flags = box[0], int.from_bytes(box[1:4])

    def number(self, size: int) -> int:
        """Return the next unsigned integer of ``size`` bytes. Raises ``IndexError`` at the end."""
        end = self._at + size
        if end > len(self._box):
            raise IndexError("the box ends too early")
        value = int.from_bytes(self._box[self._at : end])
        self._at = end
        return value


def _main_item(box: bytes) -> int:
    fields = _Fields(box)
    return fields.number(2 if fields.version == 0 else 4)


def _kinds(box: bytes) -> dict[int, bytes]:
    """Return the type of each item in an ``iinf`` box."""
    wide = box[0] != 0
    kinds = {}
    for name, entry in _boxes(box[8 if wide else 6 :]):
        fields = _Fields(entry)
        if name == b"infe" and fields.version >= 2:
            item = fields.number(2 if fields.version == 2 else 4)
            fields.number(2)
            kinds[item] = fields.number(4).to_bytes(4)
    return kinds


def _tiles(main: int, box: bytes) -> tuple[int, ...]:
    """Return the items that an item is derived from, in order, by an ``iref`` box."""
    size = 2 if box[0] == 0 else 4
    for name, entry in _boxes(box[4:]):
        fields = _Fields(bytes(4) + entry)
        if name == b"dimg" and fields.number(size) == main:
            return tuple(fields.number(size) for _ in range(fields.number(2)))
    return ()


def _content_of(main: int, meta: dict[bytes, bytes], content: bytes) -> bytes:
    """Return the content of an item, from the file or the ``idat`` box. Raises ``KeyError``."""
    fields = _Fields(meta[b"iloc"])
    sizes = fields.number(2)
    offset_size, length_size = sizes >> 12, sizes >> 8 & 15
    base_size, index_size = sizes >> 4 & 15, sizes & 15 if fields.version else 0
    for _ in range(fields.number(2 if fields.version < 2 else 4)):
        item = fields.number(2 if fields.version < 2 else 4)
        method = fields.number(2) & 15 if fields.version else 0
        fields.number(2)
        base = fields.number(base_size)
        extents = [
            (fields.number(index_size), fields.number(offset_size), fields.number(length_size))
            for _ in range(fields.number(2))
        ]
        if item == main:
            if method > 1:
                raise ValueError("the location of its tile layout is of an unsupported kind")
            held = meta[b"idat"] if method else content
            return b"".join(held[base + at : base + at + size] for _, at, size in extents)
    raise KeyError(main)


def _finish(main: int, box: bytes) -> tuple[str, ...]:
    """Return the filters that crop and rotate an item, by its properties, in their order."""
    parts = dict(_boxes(box))
    properties = list(_boxes(parts[b"ipco"]))
    fields = _Fields(parts[b"ipma"])
    size = 2 if fields.flags & 1 else 1
    filters: list[str] = []
    for _ in range(fields.number(4)):
        item = fields.number(2 if fields.version == 0 else 4)
        chosen = [
            fields.number(size) & ((1 << (8 * size - 1)) - 1) for _ in range(fields.number(1))
        ]
        for number in chosen if item == main else ():
            name, content = properties[number - 1]
            if name == b"irot":
                filters += _TURNS[content[0] & 3]
            elif name == b"imir":
                filters.append(_MIRRORS[content[0] & 1])
            elif name == b"clap":
                filters.append(_crop(content))
    return tuple(filters)


def _crop(clap: bytes) -> str:
    """Return the filter that crops to a clean aperture, given as size and offset of its centre."""
    numbers = struct.unpack_from(">IIIIiIiI", clap)
    width, height, right, down = (
        Fraction(numbers[at], numbers[at + 1]) for at in range(0, len(numbers), 2)
    )
    across, high = int(width), int(height)
    if across == 0 or high == 0:
        raise ValueError("its clean aperture is empty")
    left, top = (
        f"floor(({whole})/2+({float(off)}))"
        for whole, off in ((f"iw-{across}", right), (f"ih-{high}", down))
    )
    return f"crop={across}:{high}:{left}:{top}:exact=1"
