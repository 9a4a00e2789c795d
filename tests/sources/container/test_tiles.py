"""Pictures that are made of tiles are read whole, or not at all; those that move are named."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from streamsel.errors import UnreadableError
from streamsel.frame import Picture
from streamsel.sinks.pictures import Encoder
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from tests.conftest import leave_out
from tests.pixels.peers import pixels_of, psnr
from tests.sources.media import image_of, moving_picture

TILE = 128
"""Width and height of a tile in pixels."""


def box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return struct.pack(">I4s", 8 + len(content), name) + content


def full_box(name: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(name, struct.pack(">I", version << 24 | flags), *parts)


def tile(ffmpeg: Path, folder: Path, pixels: np.ndarray) -> tuple[bytes, bytes]:
    """Encode a tile by x265 in MP4; return its parameters' box and its picture."""
    Image.fromarray(pixels).save(folder / "tile.png")
    tile = str(folder / "tile.png")
    command = [str(ffmpeg), "-v", "error", "-y", "-i", tile, "-pix_fmt", "yuv420p"]
    command += ["-c:v", "libx265", "-x265-params", "log-level=0:keyint=1:info=0", "-crf", "6"]
    subprocess.run([*command, "-tag:v", "hvc1", folder / "tile.mp4"], check=True)
    content = (folder / "tile.mp4").read_bytes()

    def found(name: bytes) -> bytes:
        at = content.index(name) - 4
        return content[at : at + struct.unpack_from(">I", content, at)[0]]

    return found(b"hvcC"), found(b"mdat")[8:]


def heic(
    tiles: Sequence[tuple[bytes, bytes]],
    columns: int,
    size: tuple[int, int],
    properties: Sequence[bytes] = (),
    main: bytes = b"grid",
    order: Sequence[int] = (),
) -> bytes:
    """A HEIC file with a grid of tiles, turned and mirrored by ``properties``."""
    count, whole = len(tiles), len(tiles) + 1
    items = [
        full_box(b"infe", 2, 1, struct.pack(">HH4s", i + 1, 0, b"hvc1"), b"\0")
        for i in range(count)
    ]
    items.append(full_box(b"infe", 2, 0, struct.pack(">HH4s", whole, 0, main), b"\0"))
    made_of = order or range(1, whole)
    reference = struct.pack(f">HH{len(made_of)}H", whole, len(made_of), *made_of)
    ispe = [full_box(b"ispe", 0, 0, struct.pack(">II", *s)) for s in ((TILE, TILE), size)]
    has = [3, *range(4, 4 + len(properties))]
    associated = b"".join(struct.pack(">HB2B", i + 1, 2, 0x81, 2) for i in range(count))
    associated += struct.pack(f">HB{len(has)}B", whole, len(has), *has)
    grid = struct.pack(">4BHH", 0, 0, count // columns - 1, columns - 1, *size)

    def meta(begin: int) -> bytes:
        places = b""
        for number, (_, picture) in enumerate(tiles):
            places += struct.pack(">HHHHII", number + 1, 0, 0, 1, begin, len(picture))
            begin += len(picture)
        places += struct.pack(">HHHHII", whole, 1, 0, 1, 0, len(grid))
        return full_box(
            b"meta",
            0,
            0,
            full_box(b"hdlr", 0, 0, struct.pack(">I4s12sB", 0, b"pict", b"", 0)),
            full_box(b"pitm", 0, 0, struct.pack(">H", whole)),
            full_box(b"iinf", 0, 0, struct.pack(">H", whole), *items),
            full_box(b"iref", 0, 0, box(b"dimg", reference)),
            box(
                b"iprp",
                box(b"ipco", tiles[0][0], *ispe, *properties),
                full_box(b"ipma", 0, 0, struct.pack(">I", whole), associated),
            ),
            box(b"idat", grid),
            full_box(b"iloc", 1, 0, b"\x44\0", struct.pack(">H", whole), places),
        )

    head = box(b"ftyp", b"heic", struct.pack(">I", 0), b"mif1heic")
    begin = len(head) + len(meta(0)) + 8
    return head + meta(begin) + box(b"mdat", *(picture for _, picture in tiles))


WHOLE = moving_picture(4, 3 * TILE, 2 * TILE)


@pytest.fixture(scope="module")
def tiles(ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[bytes, bytes]]:
    folder = tmp_path_factory.mktemp("tiles")
    return [
        tile(ffmpeg, folder, WHOLE[y : y + TILE, x : x + TILE])
        for y in (0, TILE)
        for x in (0, TILE, 2 * TILE)
    ]


def read(folder: Path, content: bytes, name: str = "a.heic") -> Picture:
    (folder / name).write_bytes(content)
    (frame,) = ImageSource("a", [str(folder / name)]).frames()
    image = image_of(frame)
    assert (frame.width, frame.height) == (image.width, image.height)
    return frame.picture


def shown(picture: Picture) -> np.ndarray:
    return pixels_of(Encoder("png").encode(picture).content)


def test_a_heic_of_tiles_is_read_whole(tmp_path: Path, tiles: list[tuple[bytes, bytes]]) -> None:
    content = heic(tiles, 3, (3 * TILE, 2 * TILE))
    assert psnr(shown(read(tmp_path, content)), WHOLE) > 34
    # The last tiles may reach beyond the picture's edges.
    content = heic(tiles, 3, (333, 201))
    assert psnr(shown(read(tmp_path, content)), WHOLE[:201, :333]) > 34


@pytest.mark.parametrize(
    ("properties", "upright"),
    [
        ([box(b"irot", b"\1")], np.rot90(WHOLE)),
        ([box(b"irot", b"\3")], np.rot90(WHOLE, 3)),
        ([box(b"irot", b"\2")], np.rot90(WHOLE, 2)),
        ([box(b"imir", b"\0")], WHOLE[::-1]),
        ([box(b"imir", b"\1")], WHOLE[:, ::-1]),
        ([box(b"irot", b"\1"), box(b"imir", b"\1")], np.rot90(WHOLE)[:, ::-1]),
    ],
)
def test_it_is_made_upright(
    tmp_path: Path,
    tiles: list[tuple[bytes, bytes]],
    properties: list[bytes],
    upright: npt.NDArray[np.uint8],
) -> None:
    content = heic(tiles, 3, (3 * TILE, 2 * TILE), properties)
    assert psnr(shown(read(tmp_path, content)), upright) > 34


def test_tiles_may_be_named_in_any_order(tmp_path: Path, tiles: list[tuple[bytes, bytes]]) -> None:
    content = heic(tiles, 3, (3 * TILE, 2 * TILE), order=[4, 5, 6, 1, 2, 3])
    swapped = np.concatenate([WHOLE[TILE:], WHOLE[:TILE]])
    assert psnr(shown(read(tmp_path, content)), swapped) > 34


def test_one_tile_alone_is_a_picture(tmp_path: Path, tiles: list[tuple[bytes, bytes]]) -> None:
    assert psnr(shown(read(tmp_path, heic(tiles[:1], 1, (TILE, 100)))), WHOLE[:100, :TILE]) > 34


def test_it_is_cropped_before_it_is_turned(
    tmp_path: Path, tiles: list[tuple[bytes, bytes]]
) -> None:
    clap = box(b"clap", struct.pack(">IIIIiIiI", 200, 1, 100, 1, 20, 1, -10, 1))
    content = heic(tiles, 3, (3 * TILE, 2 * TILE), [clap, box(b"irot", b"\1")])
    left, top = (3 * TILE - 200) // 2 + 20, (2 * TILE - 100) // 2 - 10
    expected = np.rot90(WHOLE[top : top + 100, left : left + 200])
    assert psnr(shown(read(tmp_path, content)), expected) > 34


def avif(folder: Path, pixels: np.ndarray, *options: object) -> Picture:
    """What is read of an AVIF that avifenc made of these pixels."""
    path = folder / "a.avif"
    Image.fromarray(pixels).save(folder / "whole.png")
    try:
        command = ["avifenc", "-s", "9", *map(str, options), str(folder / "whole.png"), str(path)]
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        leave_out("avifenc is not installed (apt-get install libavif-bin)")
    (frame,) = ImageSource("a", [str(path)]).frames()
    image = image_of(frame)
    assert (frame.width, frame.height) == (image.width, image.height)
    return frame.picture


@pytest.mark.parametrize("size", [(2, 2), (4, 1)])
def test_an_avif_of_tiles_is_read_whole(tmp_path: Path, size: tuple[int, int]) -> None:
    across, down = size
    whole = np.asarray(Image.fromarray(WHOLE).resize((across * TILE, down * TILE)))
    assert psnr(shown(avif(tmp_path, whole, "--grid", f"{across}x{down}")), whole) > 30


@pytest.mark.parametrize(
    ("options", "upright"),
    [
        ((), WHOLE),
        (("--irot", 1), np.rot90(WHOLE)),
        (("--irot", 2), np.rot90(WHOLE, 2)),
        (("--imir", 0), WHOLE[::-1]),
        (("--imir", 1), WHOLE[:, ::-1]),
        (("--irot", 3, "--imir", 1), np.rot90(WHOLE, 3)[:, ::-1]),
        (("--crop", "40,20,200,100"), WHOLE[20:120, 40:240]),
        (("--crop", "40,20,200,100", "--irot", 1), np.rot90(WHOLE[20:120, 40:240])),
        (("--grid", "3x2", "--irot", 1), np.rot90(WHOLE)),
    ],
)
def test_an_avif_is_cropped_and_upright(
    tmp_path: Path, options: tuple[object, ...], upright: npt.NDArray[np.uint8]
) -> None:
    assert psnr(shown(avif(tmp_path, WHOLE, *options)), upright) > 30


def clap(width: tuple[int, int], height: tuple[int, int]) -> bytes:
    """A crop to the middle, its sides as fractions."""
    return box(b"clap", struct.pack(">8I", *width, *height, 0, 1, 0, 1))


BROKEN: dict[str, tuple[Callable[[list[tuple[bytes, bytes]]], bytes], str]] = {
    "a tile is not there": (
        lambda t: heic(t, 3, (384, 256), order=[1, 2, 3, 4, 5, 9]),
        "1 of its 6",
    ),
    "one tile too few": (lambda t: heic(t, 3, (384, 256), order=[1, 2, 3, 4, 5]), "damaged"),
    "larger than its tiles": (lambda t: heic(t, 3, (999, 256)), "do not fit"),
    "tiles of two sizes": (lambda t: heic(t, 3, (384, 0)), "damaged"),
    "an overlay": (lambda t: heic(t, 3, (384, 256), main=b"iovl"), "iovl"),
    "cropped to nothing": (
        lambda t: heic(t, 3, (384, 256), [clap((0, 1), (0, 1))]),
        "aperture is empty",
    ),
    "cropped to less than a pixel across": (
        lambda t: heic(t, 3, (384, 256), [clap((1, 2), (100, 1))]),
        "aperture is empty",
    ),
    "cropped to no row": (
        lambda t: heic(t, 3, (384, 256), [clap((200, 1), (0, 1))]),
        "aperture is empty",
    ),
    "beyond all bounds": (lambda t: heic(t, 3, (65535, 65535)), "limit"),
    "cut in its head": (lambda t: heic(t, 3, (384, 256))[:200], "a.heic"),
    "cut in its tiles": (lambda t: heic(t, 3, (384, 256))[:-9000], "a.heic"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_put_together_is_refused(
    tmp_path: Path, tiles: list[tuple[bytes, bytes]], kind: str
) -> None:
    make, named = BROKEN[kind]
    with pytest.raises(UnreadableError, match=named):
        read(tmp_path, make(tiles))


def test_any_byte_of_its_head_may_be_wrong(
    tmp_path: Path, tiles: list[tuple[bytes, bytes]]
) -> None:
    content = bytearray(heic(tiles[:2], 2, (2 * TILE, TILE)))
    rng = np.random.default_rng(0)
    for at in rng.integers(0, content.index(b"mdat"), 60):
        damaged = bytearray(content)
        damaged[at] ^= int(rng.integers(1, 256))
        try:
            picture = read(tmp_path, bytes(damaged))
        except UnreadableError:
            continue
        assert isinstance(picture.image, av.VideoFrame)


def test_a_picture_of_tiles_is_no_video(tmp_path: Path, tiles: list[tuple[bytes, bytes]]) -> None:
    (tmp_path / "a.mp4").write_bytes(heic(tiles, 3, (3 * TILE, 2 * TILE)))
    with pytest.raises(UnreadableError, match=r"tiled picture.*\.heic"):
        list(FileSource("a", str(tmp_path / "a.mp4")).frames())


def test_an_animated_webp_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    pictures = [Image.fromarray(moving_picture(index, 32, 24)) for index in range(3)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=40)
    with pytest.raises(UnreadableError, match=r"a\.webp.*animated WebP; convert it"):
        list(ImageSource("a", [str(path)]).frames())
    pictures[0].save(path)
    assert len(list(ImageSource("a", [str(path)]).frames())) == 1
