"""What playlists say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.sources.live.playlist import Segment, Variant, best_variant, read_playlist

URL = "http://host/a/live.m3u8"
PLAIN = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:3.84,\n7.ts\n"


def test_segments_are_numbered_and_found() -> None:
    listed = read_playlist(
        f"{PLAIN}#EXT-X-DISCONTINUITY\r\n#EXTINF:2, title\r\nhttps://other/8.ts?a=1\r\n", URL
    )
    assert listed.segments == (
        Segment("http://host/a/7.ts", 3.84),
        Segment("https://other/8.ts?a=1", 2.0),
    )
    assert (listed.first, listed.end, listed.target, listed.interval) == (7, 9, 4.0, 2.0)
    assert listed.is_plain
    assert not listed.is_ended
    assert read_playlist(f"{PLAIN}#EXT-X-ENDLIST\n", URL).is_ended


@pytest.mark.parametrize(
    "other",
    [
        '#EXT-X-MAP:URI="init.mp4"',
        "#EXT-X-BYTERANGE:1000@0",
        '#EXT-X-KEY:METHOD=AES-128,URI="key"',
        '#EXT-X-DEFINE:NAME="a",VALUE="b"',
        "#EXT-X-I-FRAMES-ONLY",
        "file:///etc/hostname",
        "http://viewer:canary@host/8.ts",
        "http://[",
    ],
)
def test_what_is_more_than_files_over_http_is_not_plain(other: str) -> None:
    assert not read_playlist(f"{PLAIN}{other}\n", URL).is_plain
    assert read_playlist(f"{PLAIN}#EXT-X-KEY:METHOD=NONE\n", URL).is_plain


def test_addresses_are_quoted_that_could_not_be_sent() -> None:
    listed = read_playlist(f"{PLAIN}#EXTINF:2,\nYard 1/8 é.ts?a=%20\n", URL)
    assert listed.segments[1].url == "http://host/a/Yard%201/8%20%C3%A9.ts?a=%20"
    assert listed.is_plain


@pytest.mark.parametrize("text", ["", f"<html>\n{PLAIN}", f" {PLAIN}"])
def test_a_text_that_is_no_playlist_has_no_target_duration(text: str) -> None:
    listed = read_playlist(text, URL)
    assert listed.target is None
    assert not listed.is_plain


@pytest.mark.parametrize(
    "rest", ["#EXT-X-A\r\n" * 200, "#EXT-X-STREAM-INF:A=1\n" * 30_000, f"x{' ' * 90_000}y"]
)
def test_a_list_of_variants_is_parsed_at_once_whatever_is_in_it(rest: str) -> None:
    """Patterns that can match a line in two ways would take years here."""
    found = best_variant(f"#EXTM3U\r\n#EXT-X-STREAM-INF:A=1\r\n{rest}", URL)
    assert (found is None) == rest.startswith("#")


def test_a_playlist_of_hundreds_of_thousands_of_segments_is_not_read_to_its_end() -> None:
    listed = read_playlist(PLAIN + "a\n" * 300_000, URL)
    assert len(listed.segments) < 30_000
    assert not listed.is_plain
    assert listed.target == 4.0


def test_a_variant_is_the_first_address_after_its_tag() -> None:
    text = "#EXTM3U\nno.m3u8\n#EXT-X-STREAM-INF:A=1\r\n#EXT-X-B\r\n\r\n yes.m3u8 \r\nno.m3u8\r\n"
    assert best_variant(text, URL) == Variant("http://host/a/yes.m3u8", True)


def test_the_variant_with_the_largest_pictures_is_the_best() -> None:
    def text(*about: str) -> str:
        lines = (f"#EXT-X-STREAM-INF:{one}\n{at}.m3u8\n" for at, one in enumerate(about))
        return "#EXTM3U\n" + "".join(lines)

    large, small, sound = "RESOLUTION=1280x720,A=1", "B=2,RESOLUTION=640x360", "BANDWIDTH=9"
    assert best_variant(PLAIN, URL) is None
    assert best_variant(text(small, sound, large), URL) == Variant("http://host/a/2.m3u8", True)
    assert best_variant(text(sound), URL) == Variant("http://host/a/0.m3u8", True)
    assert best_variant(text(sound, sound), URL) == Variant("http://host/a/0.m3u8", False)
    angles = '#EXT-X-MEDIA:TYPE=VIDEO,GROUP-ID="a"\n'
    assert best_variant(text(large) + angles, URL) == Variant("http://host/a/0.m3u8", False)


@given(st.text(max_size=300), st.sampled_from([PLAIN, "#EXTM3U\n", ""]))
def test_any_text_is_read_without_a_fault(text: str, head: str) -> None:
    listed = read_playlist(head + text, URL)
    best_variant(head + text, URL)
    assert 0.5 <= listed.interval <= 120
