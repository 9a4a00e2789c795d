"""``streamsel`` without the seconds that importing torch takes: a fork for each command.

``python -m tests.docs.warm SOCKET`` imports everything once and waits; a command is forwarded to it
with its arguments, folder, variables and open files, and runs ``main`` as ever.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from streamsel.cli.main import main

_IMPORTED = (
    "torch",
    "streamsel.api.compare",
    "streamsel.api.select",
    "streamsel.embed.builtin",
)
_MESSAGE_BYTES = 1 << 16

# What is signalled, and what is taken to another network, must be a process of its own.
_ALONE = {"watch"}
_ALONE_ON_A_NETWORK = {"watch", "select"}

# Runs with nothing but the standard library, so at once.
CLIENT = """\
#!{python} -IS
import json
import os
import socket
import sys

if sys.argv[1] in {alone!r}:
    os.execv({python!r}, [{python!r}, "-m", "streamsel", *sys.argv[1:]])
with socket.socket(socket.AF_UNIX) as asked:
    asked.connect({path!r})
    message = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(asked, [message], [0, 1, 2])
    sys.exit(int(asked.recv(16) or b"1"))
"""


@contextmanager
def warm_command(socket_path: Path, prefix: Sequence[str] = ()) -> Iterator[str]:
    """Keep the process; yield the text of a program that forwards to it.

    ``prefix`` goes before its command, to keep it in a network namespace.
    """
    command = [*prefix, sys.executable, "-m", "tests.docs.warm", str(socket_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            alone = _ALONE_ON_A_NETWORK if prefix else _ALONE
            yield CLIENT.format(python=sys.executable, path=str(socket_path), alone=alone)
        finally:
            process.kill()


def serve(path: str) -> None:
    """Run each command that is forwarded, until killed."""
    for name in _IMPORTED:
        import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            asked, _ = listener.accept()
            with asked:
                if os.fork() == 0:
                    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                    asked.send(str(_run(asked)).encode())
                    os._exit(0)


def _run(asked: socket.socket) -> int:
    message, files, _, _ = socket.recv_fds(asked, _MESSAGE_BYTES, 3)
    for place, file in enumerate(files):
        os.dup2(file, place)
    arguments, folder, variables = json.loads(message)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    sys.argv = ["streamsel", *arguments]
    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve(sys.argv[1])
