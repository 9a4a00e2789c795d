"""Builds what the Dockerfile says without a container engine: its steps, in a root of their own.

The root is this machine's with a layer above that takes all that is written, and goes in the end.
What the build takes from the checkout is mounted, for the checkout may lie where nothing shows.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import urlopen

from dockerfile_parse import DockerfileParser

from tests.conftest import leave_out

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"

_BASE_PATH = f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"
_VARIABLE = re.compile(r"\$(?:{(\w+)}|(\w+))")
_CONTEXT = "/build-context"
_PREPARE = """\
set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount -t tmpfs tmpfs "$1/root/tmp"
mkdir "$1/root$3"
mount --bind "$2" "$1/root$3"
echo ready
exec sleep infinity
"""


class Image:
    """The root that the Dockerfile's steps make; use as a context manager.

    ``env`` and ``about`` are what the last stage says of it: variables, and instructions as
    HEALTHCHECK and USER.
    """

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0 or shutil.which("unshare") is None:
            leave_out("building the image's root needs root and mount namespaces")
        self._folder = folder
        self.env: dict[str, str] = {}
        self.about: dict[str, str] = {}
        self._arguments: dict[str, str] = {}
        self._shell = ["/bin/sh", "-c"]
        self._place = "/"

    def __enter__(self) -> Self:
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir(parents=True)
        command = ["unshare", "--mount", "--propagation", "private", "bash", "-c", _PREPARE]
        places = map(str, ["-", self._folder, ROOT, _CONTEXT])
        self._keeper = subprocess.Popen([*command, *places], stdout=subprocess.PIPE)
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"ready\n"
        # Python may lie in a home, where nobody else gets.
        for folder in Path(sys.base_prefix).parents:
            subprocess.run(self.command(["chmod", "o+x", str(folder)]), check=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keeper.kill()
        self._keeper.wait()
        assert self._keeper.stdout is not None
        self._keeper.stdout.close()
        shutil.rmtree(self._folder)

    def command(self, words: Sequence[str], user: str = "0:0") -> list[str]:
        """The words that run a command in the root."""
        root = str(self._folder / "root")
        return [*self._inside(), _program("chroot"), f"--userspec={user}", root, *words]

    def harden(self) -> None:
        """Nothing can be written any more but in /tmp and /data."""
        root, data = self._folder / "root", self._folder / "root" / "data"
        for words in (["mount", "--bind", data, data], ["mount", "-o", "remount,bind,ro", root]):
            subprocess.run([*self._inside(), *map(str, words)], check=True)

    def _inside(self) -> list[str]:
        return [_program("nsenter"), f"--mount=/proc/{self._keeper.pid}/ns/mnt"]

    def build(self) -> None:
        """Follow the Dockerfile: the stages that the last one is made of, one after another."""
        parser = DockerfileParser(fileobj=io.BytesIO(DOCKERFILE.read_bytes()))
        stages: list[list[dict[str, Any]]] = [[]]
        for step in parser.structure:
            if step["instruction"] == "FROM":
                stages.append([])
            stages[-1].append(step)
        for step in stages[0]:
            self._follow(step)
        for stage in stages[1:]:
            base, _, name = self._filled(stage[0]["value"]).partition(" AS ")
            if name != "torch-cuda":
                if not base.startswith("torch-"):
                    self.env, self._shell = {"PATH": _BASE_PATH}, ["/bin/sh", "-c"]
                for step in stage[1:]:
                    self._follow(step)

    def _follow(self, step: dict[str, Any]) -> None:
        kind, value = step["instruction"], step["value"]
        if kind == "ARG":
            name, _, default = value.partition("=")
            self._arguments[name] = default
        elif kind == "ENV":
            for one in shlex.split(value):
                name, _, text = one.partition("=")
                self.env[name] = (
                    _reachable(self._filled(text)) if "INDEX" in name else self._filled(text)
                )
        elif kind == "SHELL":
            self._shell = json.loads(value)
        elif kind == "WORKDIR":
            self._place = value
            self._run(["mkdir", "-p", value], "/")
        elif kind == "RUN":
            self._run([*self._shell, value], self._place)
        elif kind == "COPY":
            self._copy(shlex.split(value))
        elif kind != "COMMENT":
            self.about[kind] = value

    def _copy(self, words: list[str]) -> None:
        *sources, to = words
        if sources[0].startswith("--from="):
            assert sources[1:] == [to], "it is there already"
            return
        into = Path(self._place) / to
        for source in sources:
            self._run(["cp", "-r", f"{_CONTEXT}/{source}", str(into)], "/")

    def _run(self, words: Sequence[str], place: str) -> None:
        there = ["env", f"--chdir={place}", *words]
        ended = subprocess.run(
            self.command(there),
            env={**_network(), **self._arguments, **self.env},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, f"{words}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"

    def _filled(self, text: str) -> str:
        known = self._arguments | self.env
        return _VARIABLE.sub(lambda found: known[found[1] or found[2]], text)


def _program(name: str) -> str:
    """Where it is: what it runs may have a PATH of its own."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") or name


def _network() -> dict[str, str]:
    """How this machine reaches packages."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PIP_") or name.lower().endswith(("_proxy", "_cert_file", "_ca_bundle"))
    }


def _reachable(index: str) -> str:
    """Return an index of packages, or Python's own where that one cannot be reached."""
    try:
        urlopen(f"{index}/torch/", timeout=10).close()
    except OSError:
        return os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple")
    assert urlsplit(index).hostname == "download.pytorch.org"
    return index
