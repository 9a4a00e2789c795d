"""Parses H.264 sequence parameter sets (ITU-T H.264, 7.3.2.1.1) and slice headers (7.3.3)."""

from __future__ import annotations

from dataclasses import dataclass

from streamsel.sources.decode.bit_reader import BitReader

_SLICE_HEADER_BYTES = 24
_PROFILES_WITH_FORMAT = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}


@dataclass(frozen=True, slots=True)
class Sequence:
    """Fields of a sequence parameter set.

    Frame numbers count modulo ``modulus``. ``has_fields``: pictures may be coded as two fields.
    """

    modulus: int
    separate_planes: bool
    has_fields: bool


def sequence_of(content: bytes) -> Sequence:
    """Parse a sequence parameter set without its first byte. Raises ``ValueError``."""
    bits = BitReader(content)
    profile = bits.take(8)
    bits.take(16)
    bits.code()
    separate_planes = False
    if profile in _PROFILES_WITH_FORMAT:
        is_444 = bits.code() == 3
        if is_444:
            separate_planes = bool(bits.take(1))
        for _ in ("bit_depth_luma", "bit_depth_chroma"):
            bits.code()
        bits.take(1)
        if bits.take(1):
            for length in (*[16] * 6, *[64] * (6 if is_444 else 2)):
                if bits.take(1):
                    _skip_scaling_list(bits, length)
    modulus = 1 << bits.code() + 4
    _skip_order_counts(bits)
    bits.code()
    bits.take(1)
    for _ in ("width_in_mbs", "height_in_map_units"):
        bits.code()
    return Sequence(modulus, separate_planes, has_fields=not bits.take(1))


def numbers_of(content: bytes, sequence: Sequence) -> tuple[int, bool]:
    """Return a slice's frame number and whether it is a field; ``content`` lacks the first byte.

    Raises ``ValueError``.
    """
    bits = BitReader(content[:_SLICE_HEADER_BYTES])
    for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
        bits.code()
    if sequence.separate_planes:
        bits.take(2)
    number = bits.take(sequence.modulus.bit_length() - 1)
    return number, sequence.has_fields and bool(bits.take(1))


def _skip_scaling_list(bits: BitReader, length: int) -> None:
    """Skip a scaling list (7.3.2.1.1.1), which ends early when a scale becomes 0."""
    scale = 8
    for _ in range(length):
        code = bits.code()
        scale = (scale + ((code + 1) // 2 if code % 2 else -(code // 2))) % 256
        if scale == 0:
            return


def _skip_order_counts(bits: BitReader) -> None:
    """Skip the picture order count fields."""
    kind = bits.code()
    if kind == 0:
        bits.code()
    elif kind == 1:
        bits.take(1)
        bits.code()
        bits.code()
        for _ in range(bits.code()):
            bits.code()
