"""Tells, of H.264 that may lose packets, whether frames that later ones refer to are missing.

The decoder notices a frame that came in part, not one that did not come at all: it takes another in
its place and says nothing. But the frames that others refer to are numbered (ITU-T H.264, 7.4.3,
frame_num), modulo a power of two that the sequence parameter set names (7.3.2.1.1).
"""

from __future__ import annotations

from collections.abc import Iterator

from streamsel.sources.bits import Bits

_SLICE, _INTRA_SLICE, _PARAMETERS = 1, 5, 7
_START = b"\0\0\1"
_SLICE_HEADER_BYTES = 24
_PROFILES_WITH_FORMAT = {44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244}


class Continuity:
    """Follows the frame numbers of one session; call in decoding order.

    ``parameters`` is what the session's description says of the video, with start codes; it may
    be empty. A gap in numbers that the stream allows counts as one, too: what is missing then
    cannot be told from what was left out.
    """

    def __init__(self, parameters: bytes) -> None:
        self._modulus = 0
        self._separate_planes = False
        self._has_fields = False
        self._last: int | None = None
        self.follows(parameters)

    def follows(self, unit: bytes) -> bool:
        """Whether nothing that this access unit may refer to is missing since the one before."""
        for kind, is_reference, content in _nal_units(unit):
            try:
                if kind == _PARAMETERS:
                    self._read_parameters(Bits(content))
                elif kind == _INTRA_SLICE:
                    self._last = 0
                    return True
                elif kind == _SLICE:
                    number = self._frame_number(Bits(content[:_SLICE_HEADER_BYTES]))
                    return self._take(number, is_reference)
            except ValueError:
                return False
        return True

    def _take(self, number: int, is_reference: bool) -> bool:
        """Compare with the last one: it is the next, or the second field of the same picture."""
        last = self._last
        if is_reference:
            self._last = number
        is_next = last is None or number == (last + 1) % self._modulus
        return is_next or (self._has_fields and number == last)

    def _frame_number(self, bits: Bits) -> int:
        for _ in ("first_mb_in_slice", "slice_type", "pic_parameter_set_id"):
            bits.code()
        if not self._modulus:
            raise ValueError
        if self._separate_planes:
            bits.take(2)
        return bits.take(self._modulus.bit_length() - 1)

    def _read_parameters(self, bits: Bits) -> None:
        self._modulus = 0
        profile = bits.take(8)
        bits.take(16)
        bits.code()
        self._separate_planes = False
        if profile in _PROFILES_WITH_FORMAT:
            is_444 = bits.code() == 3
            if is_444:
                self._separate_planes = bool(bits.take(1))
            for _ in ("bit_depth_luma", "bit_depth_chroma"):
                bits.code()
            bits.take(1)
            if bits.take(1):
                for length in (*[16] * 6, *[64] * (6 if is_444 else 2)):
                    if bits.take(1):
                        _pass_over_scaling_list(bits, length)
        modulus = 1 << bits.code() + 4
        _pass_over_order_counts(bits)
        bits.code()
        bits.take(1)
        for _ in ("width_in_mbs", "height_in_map_units"):
            bits.code()
        self._has_fields = not bits.take(1)
        self._modulus = modulus


def _pass_over_scaling_list(bits: Bits, length: int) -> None:
    """Read past a list (7.3.2.1.1.1), which ends early once a step leads to zero."""
    scale = 8
    for _ in range(length):
        code = bits.code()
        scale = (scale + ((code + 1) // 2 if code % 2 else -(code // 2))) % 256
        if scale == 0:
            return


def _pass_over_order_counts(bits: Bits) -> None:
    """Read past what is said of the order of pictures."""
    kind = bits.code()
    if kind == 0:
        bits.code()
    elif kind == 1:
        bits.take(1)
        bits.code()
        bits.code()
        for _ in range(bits.code()):
            bits.code()


def _nal_units(unit: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Yield kind, whether others refer to it, and payload of each NAL unit (Annex B)."""
    at = unit.find(_START)
    while at >= 0:
        begins = at + len(_START)
        at = unit.find(_START, begins)
        content = unit[begins : at if at >= 0 else None]
        if content:
            yield content[0] & 31, bool(content[0] & 96), content[1:]
