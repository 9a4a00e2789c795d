"""Tells where MPEG-TS (ISO/IEC 13818-1) may be cut."""

from __future__ import annotations

PACKET = 188
SYNC = 0x47
_VIDEO_IDS = range(0xE0, 0xF0)
_PCR_BYTES, _OPCR_BYTES, _SPLICE_BYTES = 6, 6, 1


def is_transport_stream(head: bytes) -> bool:
    """Whether content begins with two packets of MPEG-TS.

    >>> is_transport_stream(bytes([0x47, *bytes(187)]) * 2)
    True
    """
    return len(head) > PACKET and head[0] == head[PACKET] == SYNC


def video_pid(content: bytes) -> int | None:
    """Return the first elementary stream with pictures; None where none begins in it.

    ``content`` begins with a packet.
    """
    for start in range(0, len(content) - PACKET + 1, PACKET):
        packet = content[start : start + PACKET]
        payload = _payload(packet)
        begins = packet[0] == SYNC and packet[1] & 0x40 and payload[:3] == b"\0\0\1"
        if begins and len(payload) > 3 and payload[3] in _VIDEO_IDS:
            return _pid(packet)
    return None


def ends_padded(content: bytes, pid: int) -> bool | None:
    """Whether the last packet with payload of an elementary stream is padded to its size.

    Where it is, a PES packet ends with it: only its rest does not fill a packet. Where it is not,
    the PES packet may be cut off, or end exactly there. None if the stream has no such packet in
    it. ``content`` are whole packets.
    """
    for start in range(len(content) - PACKET, -1, -PACKET):
        packet = content[start : start + PACKET]
        if packet[0] != SYNC:
            return False
        if _pid(packet) == pid and packet[3] & 0x10:
            return bool(packet[3] & 0x20) and _has_stuffing(packet)
    return None


def _pid(packet: bytes) -> int:
    return (packet[1] & 0x1F) << 8 | packet[2]


def _payload(packet: bytes) -> bytes:
    if not packet[3] & 0x10:
        return b""
    return packet[5 + packet[4] :] if packet[3] & 0x20 else packet[4:]


def _has_stuffing(packet: bytes) -> bool:
    """Whether a packet's adaptation field is longer than what it says (2.4.3.4)."""
    length, flags = packet[4], packet[5]
    if length == 0 or flags == 0:  # the field has no other purpose
        return True
    used = 1
    used += _PCR_BYTES * bool(flags & 0x10) + _OPCR_BYTES * bool(flags & 0x08)
    used += _SPLICE_BYTES * bool(flags & 0x04)
    for is_there in (flags & 0x02, flags & 0x01):  # private data, then an extension
        if is_there:
            used += 1 + (packet[4 + 1 + used] if 4 + 1 + used < PACKET else PACKET)
    return length > used
