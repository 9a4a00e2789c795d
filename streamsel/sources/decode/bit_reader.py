"""A bit reader for H.264 and HEVC headers (ITU-T H.264, 7.2 and 9.1)."""

from __future__ import annotations

_ESCAPE = b"\0\0\3"
_LONGEST_CODE = 32


class BitReader:
    """Reads the bits of a payload. Raises ``ValueError`` at its end."""

    def __init__(self, content: bytes) -> None:
        plain = content.replace(_ESCAPE, b"\0\0")
        self._value = int.from_bytes(plain, "big")
        self._left = 8 * len(plain)

    def take(self, bits: int) -> int:
        """Return the next bits as an unsigned number."""
        self._left -= bits
        return self._value >> self._left & (1 << bits) - 1  # a negative shift is a ValueError

    def code(self) -> int:
        """Return the next unsigned Exp-Golomb code (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > _LONGEST_CODE:
                raise ValueError
        return (1 << zeros) - 1 + self.take(zeros)
