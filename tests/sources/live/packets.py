"""Makes MPEG-TS of one PES packet after another, as a multiplexer does."""

from __future__ import annotations

PACKET = 188
VIDEO, SOUND = 256, 257
_IDS = {VIDEO: 0xE0, SOUND: 0xC0}


def pes_packets(pid: int, size: int, *, clock: bool = False) -> list[bytes]:
    """The packets of a PES packet of so many bytes; ``clock``: the first one tells the time."""
    left = (b"\0\0\1" + bytes([_IDS[pid], 0, 0, 0x80, 0, 0])).ljust(size, b"\xaa")
    packets: list[bytes] = []
    while left:
        begins = not packets
        field = b"\x10" + bytes(6) if begins and clock else b""
        room = PACKET - 4 - (1 + len(field) if field else 0)
        if len(left) < room:  # what is left over is stuffed
            spare = PACKET - 4 - len(left) - 1
            field = (field or (b"\0" if spare else b"")).ljust(spare, b"\xff")
            control, adaptation = 0x30, bytes([len(field)]) + field
        else:
            control = 0x30 if field else 0x10
            adaptation = bytes([len(field)]) + field if field else b""
        head = bytes([0x47, begins << 6 | pid >> 8, pid & 255, control | len(packets) & 15])
        taken = PACKET - len(head) - len(adaptation)
        packets.append(head + adaptation + left[:taken])
        left = left[taken:]
    return packets
