"""Two networks of their own with a cable between them that loses packets, or is cut."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self
from uuid import uuid4

from tests.conftest import leave_out

_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


class Namespaces:
    """A network namespace for servers and one for clients; use as a context manager.

    Addresses may be the same as in other pairs, for nothing leads out of either. Programs are run
    in them by putting ``server_prefix`` or ``client_prefix`` before their command; the calling
    thread enters by :meth:`as_client`. Needs root.
    """

    server_host = "10.77.0.1"
    client_host = "10.77.0.2"

    def __init__(self) -> None:
        if os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("iptables")):
            leave_out("network namespaces need root (apt-get install iproute2 iptables)")
        name = f"t{uuid4().hex[:9]}"
        self._server, self._client = f"{name}-s", f"{name}-c"
        self.server_prefix = ("ip", "netns", "exec", self._server)
        self.client_prefix = ("ip", "netns", "exec", self._client)

    def __enter__(self) -> Self:
        made = subprocess.run(["ip", "netns", "add", self._server], capture_output=True)
        if made.returncode:
            leave_out(f"network namespaces cannot be made: {made.stderr.decode().strip()}")
        try:
            self._connect()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    @contextlib.contextmanager
    def as_client(self) -> Iterator[None]:
        """Let what this thread connects, and threads that it starts, be in the client's network."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self._client}", os.O_RDONLY)
        try:
            _enter(there)
            yield
        finally:
            _enter(home)
            os.close(there)
            os.close(home)

    def lose(self, share: float, *, protocol: str = "udp") -> None:
        """Lose this share of the packets that the server sends, chosen at random."""
        # Where they arrive: a sender would be told that its own packets were dropped.
        chance = ("-m", "statistic", "--mode", "random", "--probability", share)
        self._drop(self.client_prefix, "INPUT", "-p", protocol, *chance)

    def lost(self) -> int:
        """How many packets were lost on their way to the client."""
        listed = (*self.client_prefix, "iptables", "-w", "-nvxL", "INPUT")
        rows = subprocess.run(listed, capture_output=True, text=True, check=True).stdout
        return sum(int(row.split()[0]) for row in rows.splitlines() if " DROP " in row)

    def cut(self) -> None:
        """Cut the cable: nothing passes, and nobody is notified."""
        for prefix in (self.server_prefix, self.client_prefix):
            self._drop(prefix, "INPUT")

    def mend(self) -> None:
        """Let all packets pass again."""
        for prefix in (self.server_prefix, self.client_prefix):
            _run(*prefix, "iptables", "-w", "-F")

    def _drop(self, prefix: Sequence[str], chain: str, *which: object) -> None:
        _run(*prefix, "iptables", "-w", "-A", chain, *which, "-j", "DROP")

    def _connect(self) -> None:
        _run("ip", "netns", "add", self._client)
        ends = ("eth0", "netns", self._server), ("eth0", "netns", self._client)
        _run("ip", "link", "add", *ends[0], "type", "veth", "peer", "name", *ends[1])
        for prefix, host in (
            (self.server_prefix, self.server_host),
            (self.client_prefix, self.client_host),
        ):
            _run(*prefix, "ip", "address", "add", f"{host}/30", "dev", "eth0")
            _run(*prefix, "ip", "link", "set", "eth0", "up")
            _run(*prefix, "ip", "link", "set", "lo", "up")

    def _remove(self) -> None:
        for name in (self._server, self._client):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
