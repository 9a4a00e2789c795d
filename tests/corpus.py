"""Makes files that are broken, lie, or are not what they say: what people's folders are full of."""

from __future__ import annotations

import random
import struct
import zlib
from pathlib import Path

from tests.sources.media import join, write_sound, write_video

_FAST = {"preset": "ultrafast", "bf": "0"}


def broken_files(folder: Path) -> dict[str, Path]:
    """Write the corpus into a folder; returns each file by its name. The same on every call."""
    folder.mkdir(parents=True, exist_ok=True)
    originals = _originals(folder)
    for path in originals:
        _damage(path)
    _liars(folder)
    _playlists(folder)
    _not_videos(folder)
    _jumps(folder)
    _bombs(folder)
    return {path.name: path for path in sorted(folder.iterdir())}


def _originals(folder: Path) -> list[Path]:
    vp9 = {"deadline": "realtime", "cpu-used": "8"}
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    first = {"movflags": "faststart"}
    return [
        write_video(folder / "base.mp4", options=_FAST),
        write_video(folder / "faststart.mp4", options=_FAST, container_options=first),
        write_video(folder / "fragmented.mp4", options=_FAST, container_options=fragments),
        write_video(folder / "base.mkv", options={"preset": "veryfast", "bf": "2"}),
        write_video(folder / "base.ts", options=_FAST),
        write_video(folder / "base.webm", "libvpx-vp9", options=vp9),
        write_video(folder / "base.avi", "mpeg4", options={"b": "400000"}),
        write_video(folder / "base.gif", "gif", pixels="rgb8", rate=10, frames=12),
    ]


def _damage(path: Path) -> None:
    """Cut a file off, flip its bits, and wipe a part of it."""
    whole = path.read_bytes()
    chance = random.Random(path.name)
    for percent in (10, 50, 90):
        cut = whole[: len(whole) * percent // 100]
        path.with_stem(f"{path.stem}_cut{percent}").write_bytes(cut)
    for per_million in (100, 1000, 10000):
        flipped = bytearray(whole)
        for _ in range(max(1, len(whole) * per_million // 1_000_000)):
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
        path.with_stem(f"{path.stem}_flipped{per_million}").write_bytes(flipped)
    wiped = bytearray(whole)
    middle = len(wiped) // 2
    length = min(4096, len(wiped) // 4)
    wiped[middle : middle + length] = bytes(length)
    path.with_stem(f"{path.stem}_wiped").write_bytes(wiped)


def _liars(folder: Path) -> None:
    """MP4 headers that claim sizes, lengths and counts that are not so."""
    lies = {
        "lies_about_samples.mp4": (b"stsz", 12, b"\x7f\xff\xff\xff"),
        "lies_about_size.mp4": (b"avc1", 28, b"\xff\xff\xff\xff"),
        "lies_about_time.mp4": (b"stts", 16, b"\x7f\xff\xff\xff"),
        "lies_about_offsets.mp4": (b"stco", 12, b"\x7f\xff\xff\xff"),
    }
    for name, (box, offset, value) in lies.items():
        header = bytearray((folder / "base.mp4").read_bytes())
        at = header.find(box) + offset
        header[at : at + 4] = value
        (folder / name).write_bytes(header)


def _playlists(folder: Path) -> None:
    """Texts that make a careless player open other files, or hosts."""
    start = "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n"
    there = (folder / "base.ts").resolve()
    to_host = f"{start}http://127.0.0.1:9/next.ts\n#EXT-X-ENDLIST\n"
    to_file = f"{start}file://{there}\n#EXT-X-ENDLIST\n"
    beside = f"{start}base.ts\n#EXT-X-ENDLIST\n"
    session = (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    texts = {
        "playlist_of_host": to_host,
        "playlist_of_file": to_file,
        "playlist_beside": beside,
        "concat_absolute": f"ffconcat version 1.0\nfile {there}\n",
        "concat_beside": "ffconcat version 1.0\nfile base.mp4\n",
        "session": session,
    }
    for name, text in texts.items():
        for suffix in (".mp4", ".sdp" if name == "session" else ".m3u8"):
            (folder / f"{name}{suffix}").write_text(text)


def _not_videos(folder: Path) -> None:
    chance = random.Random(1)
    (folder / "text.mp4").write_text("hello, this is not a video\n")
    (folder / "page.mp4").write_text("<html><body>404 not found</body></html>")
    (folder / "random.mp4").write_bytes(chance.randbytes(100_000))
    (folder / "zeros.mp4").write_bytes(bytes(50_000))
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "folder.mp4").mkdir(exist_ok=True)
    (folder / "video_named.jpg").write_bytes((folder / "base.mp4").read_bytes())
    (folder / "video_without_suffix").write_bytes((folder / "base.mp4").read_bytes())
    (folder / "wrong_suffix.avi").write_bytes((folder / "base.mp4").read_bytes())
    write_sound(folder / "sound.m4a")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    (folder / "noise.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chance.randbytes(2000))


def _jumps(folder: Path) -> None:
    """MPEG-TS that was put together: its clock jumps back, its pictures change size."""
    small = write_video(folder / "small.ts", options=_FAST, size=(96, 64), frames=25)
    base = folder / "base.ts"
    join(folder / "clock_jumps.ts", [base, base])
    join(folder / "size_changes.ts", [base, small, base])
    late = [95_440 * 25 + i for i in range(50)]
    write_video(folder / "clock_wraps.ts", options=_FAST, times=late)


def _bombs(folder: Path) -> None:
    """Small files that unpack to pictures of gigabytes."""
    (folder / "bomb.png").write_bytes(_png_bomb(20_000, 20_000))
    header = bytearray((folder / "base.mp4").read_bytes())
    for box, offset in ((b"avc1", 28), (b"tkhd", 80)):
        at = header.find(box) + offset
        header[at : at + 4] = struct.pack(">HH", 32_000, 32_000)
    (folder / "bomb.mp4").write_bytes(header)


def _png_bomb(width: int, height: int) -> bytes:
    packer = zlib.compressobj(9)
    row = bytes(1 + width)
    packed = b"".join(packer.compress(row) for _ in range(height // 100)) + packer.flush()

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )
