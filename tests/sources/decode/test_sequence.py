"""Sequence parameter sets and slice headers, written bit by bit."""

from __future__ import annotations

import pytest

from streamsel.sources.decode.sequence import Sequence, numbers_of, sequence_of


def code(number: int) -> str:
    """An Exp-Golomb code."""
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def signed(number: int) -> str:
    return code(2 * number - 1 if number > 0 else -2 * number)


def written(*bits: str) -> bytes:
    joined = "".join(bits) + "1"
    joined += "0" * (-len(joined) % 8)
    content = int(joined, 2).to_bytes(len(joined) // 8, "big")
    return content.replace(b"\0\0\1", b"\0\0\3\1").replace(b"\0\0\0", b"\0\0\3\0")


BASELINE, HIGH, HIGH_444 = 66, 100, 244


def sequence(
    profile: int = BASELINE,
    format: str = "",
    *,
    modulus_bits: int = 9,
    order: str = code(0) + code(2),
    is_progressive: str = "1",
) -> bytes:
    return written(
        *(f"{profile:08b}", "0" * 8, f"{30:08b}", code(0), format, code(modulus_bits - 4), order),
        *(code(3), "0", code(19), code(14), is_progressive, "1"),
    )


CHROMA_420 = code(1) + code(0) + code(0) + "0"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (sequence(), Sequence(512, False, False)),
        (sequence(modulus_bits=4), Sequence(16, False, False)),
        (sequence(is_progressive="0"), Sequence(512, False, True)),
        (sequence(HIGH, CHROMA_420 + "0"), Sequence(512, False, False)),
        (sequence(HIGH_444, code(3) + "1" + code(0) * 2 + "00"), Sequence(512, True, False)),
        (sequence(HIGH_444, code(3) + "0" + code(0) * 2 + "00"), Sequence(512, False, False)),
        (
            sequence(order=code(1) + "0" + code(5) * 2 + code(2) + code(7) * 2),
            Sequence(512, False, False),
        ),
        (sequence(order=code(2)), Sequence(512, False, False)),
    ],
)
def test_what_a_sequence_says_of_frame_numbers_and_fields(
    content: bytes, expected: Sequence
) -> None:
    assert sequence_of(content) == expected


@pytest.mark.parametrize(
    "lists",
    [
        "0" * 8,
        "1" + signed(1) * 16 + "0" * 7,
        "1" + signed(-8) + "0" * 7,  # the scale becomes 0: no more follow
        "1" + signed(-3) + signed(-5) + "0" * 7,
        "1" + signed(3) + signed(-3) * 3 + signed(-2) + "0" * 7,
        "0" * 6 + "1" + signed(1) * 64 + "0",
    ],
)
def test_scaling_lists_are_passed_over_to_their_end(lists: str) -> None:
    content = sequence(HIGH, CHROMA_420 + "1" + lists, is_progressive="0")
    assert sequence_of(content) == Sequence(512, False, True)


def test_444_has_six_lists_of_64() -> None:
    lists = "0" * 11 + "1" + signed(1) * 64
    content = sequence(HIGH_444, code(3) + "0" + code(0) * 2 + "0" + "1" + lists)
    assert sequence_of(content) == Sequence(512, False, False)


def test_what_is_cut_short_is_an_error() -> None:
    whole = sequence()
    for length in (0, 2, 4):
        with pytest.raises(ValueError, match="negative shift"):
            sequence_of(whole[:length])


@pytest.mark.parametrize(
    ("of", "bits", "expected"),
    [
        (Sequence(512, False, False), f"{300:09b}" + "1", (300, False)),
        (Sequence(16, False, False), f"{11:04b}" + "1", (11, False)),
        (Sequence(512, False, True), f"{300:09b}" + "1", (300, True)),
        (Sequence(512, False, True), f"{300:09b}" + "0", (300, False)),
        (Sequence(512, True, True), "10" + f"{300:09b}" + "1", (300, True)),
    ],
)
def test_a_slice_has_a_frame_number_and_may_be_a_field(
    of: Sequence, bits: str, expected: tuple[int, bool]
) -> None:
    assert numbers_of(written(code(0), code(7), code(0), bits), of) == expected
