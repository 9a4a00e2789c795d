"""Revoked login sessions, persisted over restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

from streamsel.clock import Clock
from streamsel.record.files import disk_errors, write_file
from streamsel.record.folder import LOGOUTS


class EndedLogins:
    """Revoked logins by name, until they would have expired anyway.

    Persisted in ``folder``; without one they are lost with the process.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._place = None if folder is None else folder / LOGOUTS
        self._clock = clock
        self._until: dict[str, int] = {}
        self._writing = asyncio.Lock()

    def load(self) -> None:
        """Load the stored logins; call before the first check.

        Raises :class:`SinkError` if they cannot be read: revoked logins must not become valid
        again.
        """
        if self._place is not None and self._place.exists():
            with disk_errors(self._place):
                lines = self._place.read_text(errors="replace").splitlines()
            for line in lines:
                until, _, name = line.partition(" ")
                if until.isascii() and until.isdigit() and len(until) < 18:
                    self._until[name] = int(until)

    def __contains__(self, name: str) -> bool:
        return name in self._until

    async def add(self, name: str, until: int) -> None:
        """Revoke a login that expires at ``until``.

        Raises :class:`SinkError` if it cannot be stored; it is revoked until a restart then.
        """
        self._until[name] = until
        now = self._clock.wall()
        self._until = {each: over for each, over in self._until.items() if over > now}
        if self._place is not None:
            async with self._writing:
                await asyncio.to_thread(self._write, self._place)

    def _write(self, place: Path) -> None:
        lines = [f"{until} {name}\n" for name, until in self._until.items()]
        with disk_errors(place):
            write_file(place, "".join(lines).encode(), sync=True)
