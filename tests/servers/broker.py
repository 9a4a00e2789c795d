"""A real mosquitto on a port of its own, to be refused by, killed, frozen and started again."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.conftest import leave_out
from tests.polling import attempts

ADDRESS = "127.0.0.1"
_PATIENCE = 10.0
_ATTEMPTS = 5


class Broker:
    """A broker on the loopback; use as a context manager.

    ``users`` (name to password) closes it to everyone else; ``acl`` are the lines of its access
    list. ``tls`` are the authority, the certificate and the key. ``settings`` are more lines of
    its configuration. What it holds survives ``kill`` and ``start`` as far as its settings say.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: Mapping[str, str] | None = None,
        acl: Sequence[str] = (),
        tls: Certificates | None = None,
        settings: Sequence[str] = (),
    ) -> None:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if program is None:
            leave_out("mosquitto is not installed (apt-get install mosquitto mosquitto-clients)")
        self._program = str(program)
        self._folder = folder
        self._users = users
        self._acl = acl
        self._tls = tls
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        for _ in range(_ATTEMPTS):
            self.port = _free_port()
            self._configure()
            if self._try_start():
                return self
        raise RuntimeError(f"mosquitto does not start: {self.log}")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start again, on the same port."""
        if not self._try_start():
            raise RuntimeError(f"mosquitto does not start again: {self.log}")

    def kill(self) -> None:
        """kill -9: nothing is saved."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end in good order."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop its process, its connections left open."""
        self._running.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._running.send_signal(signal.SIGCONT)

    @property
    def log(self) -> str:
        """What it said, over all its lives."""
        path = self._folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the broker does not run"
        return self._process

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def _try_start(self) -> bool:
        with open(self._folder / "log", "ab") as log:
            command = [self._program, "-c", str(self._folder / "mosquitto.conf")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in attempts(_PATIENCE):
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection((ADDRESS, self.port), timeout=1).close()
            except OSError:
                continue
            return self._process.poll() is None
        self.kill()
        return False

    def _configure(self) -> None:
        lines = [
            *(["user root"] if os.geteuid() == 0 else []),
            "per_listener_settings false",
            f"listener {self.port} {ADDRESS}",
            "persistence true",
            f"persistence_location {self._folder}/",
            "log_dest stderr",
            f"allow_anonymous {'true' if self._users is None else 'false'}",
        ]
        if self._users is not None:
            lines.append(f"password_file {self._passwords()}")
        if self._acl:
            access = self._folder / "acl"
            access.write_text("\n".join(self._acl) + "\n")
            access.chmod(0o600)
            lines.append(f"acl_file {access}")
        if self._tls is not None:
            lines += [
                f"cafile {self._tls.authority}",
                f"certfile {self._tls.certificate}",
                f"keyfile {self._tls.key}",
            ]
        (self._folder / "mosquitto.conf").write_text("\n".join([*lines, *self._settings]) + "\n")

    def _passwords(self) -> Path:
        path = self._folder / "passwords"
        path.write_text("".join(f"{name}:{word}\n" for name, word in (self._users or {}).items()))
        path.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(path)], check=True, capture_output=True)
        return path


@dataclass(frozen=True, slots=True)
class Certificates:
    """PEM files of an authority, and of a certificate that it signed for one host."""

    authority: Path
    certificate: Path
    key: Path


def certify(folder: Path, host: str) -> Certificates:
    """Make an authority, and a certificate signed by it for a host's name or address."""
    folder.mkdir(parents=True)
    made = Certificates(folder / "ca.pem", folder / "cert.pem", folder / "key.pem")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    ca_key, request, extensions = folder / "ca-key.pem", folder / "request.pem", folder / "names"
    extensions.write_text(f"subjectAltName={'IP' if host[0].isdigit() else 'DNS'}:{host}\n")
    authority = ["req", "-x509", *curve, "-keyout", ca_key, "-out", made.authority]
    asked = ["req", *curve, "-keyout", made.key, "-out", request]
    signed = ["x509", "-req", "-in", request, "-CA", made.authority, "-CAkey", ca_key]
    _openssl(*authority, "-subj", "/CN=test authority", "-days", "2")
    _openssl(*asked, "-subj", f"/CN={host}")
    _openssl(*signed, "-CAcreateserial", "-extfile", extensions, "-out", made.certificate)
    return made


def _openssl(*arguments: object) -> None:
    if shutil.which("openssl") is None:
        leave_out("openssl is not installed (apt-get install openssl)")
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def _free_port() -> int:
    """Find a free port below those that the system gives to clients.

    A broker that is killed wants its port back: no client may get it meanwhile.
    """
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((ADDRESS, port))
            return port
