"""Detects missing reference frames in H.264 streams that lose packets.

The decoder reports a frame that arrived in part, but not one that is missing entirely: it silently
refers to another. Reference frames are numbered (ITU-T H.264, 7.4.3, frame_num), modulo a power of
two given in the sequence parameter set, so gaps are detectable.
"""

from __future__ import annotations

from streamsel.sources.decode.sequence import Sequence, numbers_of, sequence_of
from streamsel.sources.decode.units import delimited, kind_of

_SLICE, _INTRA_SLICE, _PARAMETERS = 1, 5, 7


class Continuity:
    """Checks the frame numbers of one session. Call :meth:`follows` in decoding order.

    ``parameters`` are the parameter sets of the session's description, with start codes; may be
    empty. Gaps that the stream allows (gaps_in_frame_num_value_allowed_flag) count as missing
    frames too, because they look the same.
    """

    def __init__(self, parameters: bytes) -> None:
        self._sequence: Sequence | None = None
        self._last: int | None = None
        self.follows(parameters)

    def follows(self, unit: bytes) -> bool:
        """Whether no reference frame is missing between the last access unit and this one."""
        for one in delimited(unit):
            kind, is_reference, content = kind_of("h264", one), bool(one[0] & 96), one[1:]
            try:
                if kind == _PARAMETERS:
                    self._sequence = None
                    self._sequence = sequence_of(content)
                elif kind == _INTRA_SLICE:
                    self._last = 0
                    return True
                elif kind == _SLICE:
                    return self._sequence is not None and self._take(
                        self._sequence, content, is_reference=is_reference
                    )
            except ValueError:
                return False
        return True

    def _take(self, sequence: Sequence, content: bytes, *, is_reference: bool) -> bool:
        """Whether a slice is of the next frame, or of the second field of the last one."""
        number, _ = numbers_of(content, sequence)
        last = self._last
        if is_reference:
            self._last = number
        is_next = last is None or number == (last + 1) % sequence.modulus
        return is_next or (sequence.has_fields and number == last)
