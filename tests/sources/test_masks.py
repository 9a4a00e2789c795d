"""What lies under a mask leaves no trace in anything that is made of a picture."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from av.video import format as formats
from av.video.format import VideoFormat
from av.video.reformatter import Interpolation
from PIL import Image

from streamsel.choices import Decode
from streamsel.clock import SystemClock
from streamsel.errors import ConfigurationError, SourceError
from streamsel.frame import Frame, View
from streamsel.pixels.conversion import Converter
from streamsel.runtime.ordered_map import ThreadedMap
from streamsel.sinks.pictures import Encoder
from streamsel.sources.covering import Areas
from streamsel.sources.decode.orientation import UPRIGHT, from_exif
from streamsel.sources.file import FileSource
from streamsel.sources.images import ImageSource
from streamsel.sources.live.connection import LiveOptions
from streamsel.sources.masks import Size, read_mask, read_masks
from streamsel.sources.thumbnails.cpu import CpuThumbnailer
from streamsel.sources.thumbnails.planes import bytes_of
from streamsel.sources.webrtc.reception import Reception
from streamsel.sources.webrtc.whip import Post, WhipSource
from tests.sources.media import X264, join, moving_picture, write_video

WIDTH, HEIGHT = 38, 26
MASK = "0.21,0.3,0.4,0.33"
PIXELS = Size(WIDTH, HEIGHT)


def areas(*texts: str) -> Areas:
    found = Areas.of(read_masks(texts))
    assert found is not None
    return found


def hidden(image: av.VideoFrame, *texts: str) -> av.VideoFrame:
    return areas(*texts).cover("here").hide(image, UPRIGHT)


def scene(seed: int, *texts: str, size: Size = PIXELS) -> np.ndarray:
    """One scene, with pixels under the masks that differ for each seed."""
    picture = moving_picture(3, *size)
    noise = np.random.default_rng(seed).integers(0, 256, picture.shape, np.uint8)
    for text in texts:
        box = read_mask(text).box(size)
        assert box is not None
        rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
        picture[rows, columns] = noise[rows, columns]
    return picture


def converted(picture: np.ndarray, pixels: str) -> av.VideoFrame:
    """In another format, no pixel of which was made of more than those that it covers."""
    image = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return image.reformat(format=pixels, interpolation=Interpolation.POINT, threads=1)


def stored(image: av.VideoFrame) -> list[bytes]:
    """What each plane shows, without its padding."""
    found = []
    parts = image.format.components
    for index, plane in enumerate(image.planes):
        width = plane.width * (2 if parts[0].bits > 8 else 1)
        if len(image.planes) == 1:
            width = plane.width * image.format.padded_bits_per_pixel // 8
        elif index and len(parts) > len(image.planes):
            width *= 2
        rows = bytes_of(plane).reshape(-1, abs(plane.line_size))[: plane.height]
        found.append(rows[:, :width].tobytes())
    return found


def can_be_made(pixels: str) -> bool:
    try:
        converted(scene(0), pixels)
    except (av.FFmpegError, ValueError):
        return False
    return True


# Few bits are dithered by what lies beside a pixel, which a conversion does before any mask.
FORMATS = sorted(
    pixels
    for pixels in vars(formats)["names"]
    if min((part.bits for part in VideoFormat(pixels).components), default=0) >= 5
    and can_be_made(pixels)
)


@pytest.mark.parametrize("pixels", FORMATS)
def test_black_leaves_nothing_in_any_format(pixels: str) -> None:
    one, other = (converted(scene(seed, MASK), pixels) for seed in (1, 2))
    assert stored(one) != stored(other)
    one, other = hidden(one, MASK), hidden(other, MASK)
    assert stored(one) == stored(other)
    box = read_mask(MASK).box(PIXELS)
    assert box is not None
    shown = one.reformat(format="gray", interpolation=Interpolation.POINT, threads=1).to_ndarray()
    assert shown[box.top : box.bottom, box.left : box.right].max() <= 1
    assert shown[: box.top - 4].max() > 100


@pytest.mark.parametrize("pixels", FORMATS)
def test_what_is_not_masked_stays_as_it_is(pixels: str) -> None:
    """A picture that another format must hold loses no colour, no depth, no alpha by that."""
    alpha = np.linspace(0, 255, HEIGHT * WIDTH).astype(np.uint8).reshape(HEIGHT, WIDTH, 1)
    seen_through = av.VideoFrame.from_ndarray(np.dstack([scene(1), alpha]), format="rgba")
    made, image = (
        seen_through.reformat(format=pixels, interpolation=Interpolation.POINT, threads=1)
        for _ in range(2)
    )
    image = hidden(image, "0.6,0.6,0.4,0.4")
    before, after = (Converter().to_8_bits(one) for one in (made, image))
    most = 2
    if "grayf" in pixels:  # is held as RGB, and what converts it to that is not exact
        before, most = np.dstack([before] * 3), 14
    assert before.shape == after.shape
    assert np.abs(after[:8, :16].astype(int) - before[:8, :16]).max() <= most
    finest = [max(part.bits for part in one.format.components) for one in (made, image)]
    assert finest[1] >= min(finest[0], 16)


def test_there_are_formats_of_every_kind() -> None:
    kinds = {"yuv420p", "yuv422p10le", "yuv444p16be", "yuvj420p", "nv12", "p010le", "rgb24", "bgra"}
    kinds |= {"gray", "gray16le", "ya8", "gbrp12le", "gbrap", "yuva420p", "yuyv422", "rgb565le"}
    assert kinds <= set(FORMATS)
    assert len(FORMATS) > 150


@pytest.mark.parametrize("mode", ["P", "1"])
def test_formats_whose_pixels_cannot_be_painted(mode: str, tmp_path: Path) -> None:
    found = []
    for seed in (1, 2):
        path = tmp_path / f"{seed}.png"
        picture = Image.fromarray(scene(seed, MASK)).quantize(16)
        (picture if mode == "P" else picture.convert("L").point(lambda grey: grey > 90, "1")).save(
            path
        )
        (frame,) = ImageSource("shots", [str(path)], mask=(MASK,)).frames()
        assert frame.picture.image is not None
        found.append(frame.picture.image.reformat(format="rgb24", threads=1).to_ndarray())
    box = read_mask(MASK).box(PIXELS)
    assert box is not None
    for shown in found:
        assert shown[box.top : box.bottom, box.left : box.right].max() == 0
        assert shown.max() > 90


def test_lines_of_two_fields_share_rows_of_chroma() -> None:
    """A row of chroma belongs to one field, and so to every other line of four."""
    text = f"0,10px,{WIDTH}px,4px"
    image = hidden(converted(scene(1), "yuv420p"), text)
    luma, chroma = (np.frombuffer(plane, np.uint8) for plane in stored(image)[:2])
    assert (luma.reshape(HEIGHT, WIDTH)[8:16] == 16).all()
    assert (chroma.reshape(HEIGHT // 2, WIDTH // 2)[4:8] == 128).all()
    assert (luma.reshape(HEIGHT, WIDTH)[7] != 16).any()


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "rgb24", "nv12"])
def test_blur_leaves_means_of_few_cells_alone(pixels: str) -> None:
    size = Size(320, 240)
    text = "0.25,0.25,0.5,0.5:blur"
    image = hidden(converted(scene(1, text, size=size), pixels), text)
    shown = image.reformat(format="rgb24", interpolation=Interpolation.POINT, threads=1)
    box = read_mask(text).box(size)
    assert box is not None
    area = shown.to_ndarray()[box.top : box.bottom, box.left : box.right]
    cells = area.reshape(4, area.shape[0] // 4, 4, area.shape[1] // 4, 3)
    assert (cells == cells[:, :1, :, :1]).all()
    noise = scene(1, text, size=size)[box.top : box.bottom, box.left : box.right]
    assert abs(area.mean() - noise.mean()) < 8
    assert area.std() < 0.2 * noise.std()


def test_a_small_blurred_area_is_one_mean() -> None:
    image = hidden(converted(scene(1, MASK), "gray"), f"{MASK}:blur")
    box = read_mask(MASK).box(PIXELS)
    assert box is not None
    (plane,) = stored(image)
    luma = np.frombuffer(plane, np.uint8).reshape(HEIGHT, WIDTH)
    assert len(np.unique(luma[box.top : box.bottom, box.left : box.right])) == 1


def test_black_does_not_shine_through_what_is_blurred() -> None:
    texts = ("0,0,1,1:blur", MASK)
    found = [hidden(converted(scene(seed, MASK), "yuv444p"), *texts) for seed in (1, 2)]
    assert stored(found[0]) == stored(found[1])
    alone = hidden(converted(scene(1), "yuv444p"), MASK)
    box = read_mask(MASK).box(PIXELS)
    assert box is not None
    for image in (found[0], alone):
        luma = np.frombuffer(stored(image)[0], np.uint8).reshape(HEIGHT, WIDTH)
        assert (luma[box.top : box.bottom, box.left : box.right] == 16).all()


@pytest.mark.parametrize("tag", range(1, 9))
def test_an_area_is_one_of_the_upright_picture(tag: int) -> None:
    orientation = from_exif(tag)
    size = Size(*orientation.upright(WIDTH, HEIGHT))
    box = read_mask(MASK).box(size)
    assert box is not None
    image = converted(scene(0), "rgb24")
    cover = areas(MASK).cover("here")
    shown = cover.hide(image, orientation).to_ndarray()
    upright = np.rot90(shown, orientation.rotation // 90)
    if orientation.mirrored:
        upright = upright[:, ::-1]
    is_black = (upright == 0).all(axis=2)
    expected = np.zeros((size.height, size.width), bool)
    expected[box.top : box.bottom, box.left : box.right] = True
    np.testing.assert_array_equal(is_black, expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "write X,Y,W,H"),
        ("0.1,0.1,0.2", "write X,Y,W,H"),
        ("0.1,0.1,0.2,0.2:pink", "'pink' is neither blur nor black"),
        ("0.1,0.1,a,0.2", "'a' is no length"),
        ("-0.1,0.1,0.2,0.2", "no length"),
        ("0.1,0.1,nan,0.2", "no length"),
        ("0.1,0.1,0,0.2", "more than 0"),
        ("0.9,0.1,0.2,0.2", "out of the picture"),
        ("0,0,5,5", "out of the picture"),
        ("1.5px,0,4px,4px", "pixels must be whole"),
        ("0,0,4px,4px@3x3", "out of the picture"),
        ("0,0,0.5,0.5@64x48", "omit @64x48"),
        ("0,0,4px,4px@0x0", "cannot have the size"),
    ],
)
def test_what_is_no_mask(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match="is no mask") as caught:
        FileSource("clip", "clip.mp4", mask=(text,))
    assert reason in str(caught.value)


def test_masks_of_one_feed_are_for_one_size() -> None:
    with pytest.raises(ConfigurationError, match="for 20x20 and for 30x30"):
        read_masks(["0,0,4px,4px@20x20", "0,0,4px,4px@30x30"])


def test_pixels_and_shares_are_grown_to_whole_pixels() -> None:
    size = Size(100, 50)
    assert read_mask("10px,5px,20px,40px").box(size) == (10, 5, 30, 45)
    assert read_mask("0.105,.1,20%,0.5").box(size) == (10, 5, 31, 30)
    assert read_mask("0,0,1,1").box(size) == (0, 0, 100, 50)
    assert read_mask("90px,0,11px,1").box(size) is None


def clip_of(path: Path, seed: int, frames: int = 12) -> Path:
    """A lossless clip with pictures that differ only under the mask, by the seed."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.gop_size = 4
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(frames):
            picture = moving_picture(4 * index, 96, 64)
            noise = np.random.default_rng([seed, index]).integers(0, 256, (64, 96, 3), np.uint8)
            box = read_mask(MASK).box(Size(96, 64))
            assert box is not None
            rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
            picture[rows, columns] = noise[rows, columns]
            image = converted(picture, "yuv420p")
            image.pts = index
            container.mux(stream.encode(image))
        container.mux(stream.encode(None))
    return path


def all_that_is_made(frame: Frame) -> list[object]:
    picture, thumbnailer = frame.picture, CpuThumbnailer()
    views = (View(32), View(32, crop=0.9, scaling="bicubic"))
    arrays = [thumbnailer.luma_grid(picture), thumbnailer.luma_rows(picture)]
    arrays += [thumbnailer.thumbnail(picture, view) for view in views]
    files = [Encoder(format).encode(picture).content for format in ("jpg", "png", "webp")]
    return [frame.key, frame.pts, frame.media_time, *(a.tobytes() for a in arrays), *files]


@pytest.mark.parametrize("decode", ["all", "fast", "adaptive", "keyframes"])
@pytest.mark.parametrize("filters", [None, "scale=60:-2,crop=40:30", "boxed"])
def test_random_pixels_under_a_mask_change_nothing(
    tmp_path: Path, decode: Decode, filters: str | None
) -> None:
    if filters is not None and decode == "fast":
        filters = None
    if filters == "boxed":
        filters = "crop=iw/2:ih/2:iw/4:ih/4,gblur=sigma=3"
    made, fetched = [], []
    for seed in (1, 2):
        path = str(clip_of(tmp_path / f"{seed}.mkv", seed))
        source = FileSource(
            "clip", path, mask=(MASK,), filters=filters, decode=decode, ahead=ThreadedMap(2)
        )
        frames = list(source.frames())
        made.append([all_that_is_made(frame) for frame in frames])
        again = source.fetch({frames[0].key.index, frames[-1].key.index})
        fetched.append([all_that_is_made(frame) for frame in again])
    assert made[0] == made[1]
    assert fetched[0] == fetched[1]
    assert fetched[0] == [made[0][0], made[0][-1]]
    bare = FileSource("clip", path)
    frame = next(iter(bare.frames()))
    assert Encoder().encode(frame.picture).content != made[0][0][-3]


@pytest.mark.parametrize("workers", [1, 3])
def test_a_picture_that_others_are_made_of_is_not_touched(tmp_path: Path, workers: int) -> None:
    path = write_video(tmp_path / "clip.mp4", frames=60, options={**X264, "bf": "2"}, gop=20)
    mask = "0.2,0.25,0.4,0.5"
    bare = FileSource("clip", str(path))
    covered = FileSource("clip", str(path), mask=(mask,), ahead=ThreadedMap(workers))
    pairs = list(zip(bare.frames(), covered.frames(), strict=True))
    assert len(pairs) == 60
    for plain, masked in pairs:
        assert plain.picture.image is not None
        assert masked.picture.image is not None
        expected = hidden(plain.picture.image, mask)
        assert stored(masked.picture.image) == stored(expected)
        assert (plain.pts, plain.media_time) == (masked.pts, masked.media_time)


def test_tags_and_turns_stay(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "turned.mp4", frames=3, rotation=90, options={**X264, "colorspace": "bt709"}
    )
    masked = next(iter(FileSource("clip", str(path), mask=("0,0,1,0.25",)).frames()))
    bare = next(iter(FileSource("clip", str(path)).frames()))
    one, other = masked.picture.image, bare.picture.image
    assert one is not None
    assert other is not None
    assert (one.colorspace, one.color_range, one.pts) == (
        other.colorspace,
        other.color_range,
        other.pts,
    )
    assert masked.picture.rotation == bare.picture.rotation == 90
    upright = np.rot90(one.to_ndarray(format="rgb24"))
    assert upright[:38].max() < 40
    assert upright[48:].max() > 100


def test_another_size_stops_the_feed(tmp_path: Path) -> None:
    options = {**X264, "bf": "0"}
    parts = [
        write_video(tmp_path / f"{width}.ts", size=(width, 120), frames=24, options=options)
        for width in (160, 128)
    ]
    path = join(tmp_path / "both.ts", parts)
    source = FileSource("clip", str(path), mask=("40px,40px,40px,40px",), ahead=ThreadedMap(3))
    seen: list[Frame] = []
    with pytest.raises(SourceError, match=r"are 128x120.* pixels of 160x120"):
        seen.extend(source.frames())
    assert 1 <= len(seen) <= 24
    shares = FileSource("clip", str(path), mask=("0.25,0.25,0.25,0.25",))
    assert {frame.width for frame in shares.frames()} == {160, 128}
    told = FileSource("clip", str(path), mask=("40px,40px,40px,40px@640x480",))
    with pytest.raises(SourceError, match=r"are 160x120.* pixels of 640x480"):
        next(iter(told.frames()))
    beyond = FileSource("clip", str(path), mask=("140px,40px,40px,40px",))
    with pytest.raises(SourceError, match="reaches out"):
        next(iter(beyond.frames()))


def test_images_are_masked_and_those_of_another_size_left_out(tmp_path: Path) -> None:
    paths = []
    for number, size in enumerate([Size(96, 64), Size(48, 64), Size(96, 64)]):
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(scene(number, size=size)).save(paths[-1])
    source = ImageSource("shots", [str(path) for path in paths], mask=("0px,0px,96px,32px",))
    frames = list(source.frames())
    assert [frame.key.index for frame in frames] == [0, 2]
    assert "48x64" in source.warnings()[0]
    assert frames[0].picture.image is not None
    shown = frames[0].picture.image.to_ndarray(format="rgb24")
    assert shown[:32].max() == 0
    assert shown[32:].max() > 100


def test_a_sender_that_changes_its_size_is_not_uncovered() -> None:
    shared = areas("10px,10px,20px,20px")
    options = LiveOptions(areas=shared)

    def call(*sizes: Size) -> list[Frame]:
        reception = Reception()
        for number, size in enumerate(sizes):
            image = converted(scene(number, size=size), "yuv420p")
            image.pts, image.time_base = number, Fraction(1, 10)
            reception.put(image, is_suspect=False)
        reception.end("the sender left")
        post = Post()
        post.hand_over(reception)
        source = WhipSource("phone", options, SystemClock(), post, lambda: None)
        return list(islice(source.session(0, 0.0), len(sizes)))

    (frame,) = call(Size(96, 64))
    assert frame.picture.image is not None
    assert frame.picture.image.to_ndarray(format="rgb24")[10:30, 10:30].max() <= 1
    with pytest.raises(SourceError, match=r"are 64x96.* pixels of 96x64"):
        call(Size(64, 96))  # the next session of the same feed
