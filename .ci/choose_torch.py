"""Installs the build of torch that this machine can use, into the environment that runs this.

The environment variable TORCH may name the torch to install: a requirement for pip, a
wheel, ``--find-links`` or an index; or a folder of wheels. Otherwise it is the build for CPUs if
there is no NVIDIA driver, else the one on PyPI, which is built for CUDA. The versions are those of
lock/torch.txt, unless TORCH names others or ``--newest`` is given.

    python .ci/choose_torch.py [--newest] [--show] torch [torchvision]
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.request import urlopen

LOCK = Path(__file__).parent / "lock" / "torch.txt"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# Files of the driver on Linux, and on Linux within Windows.
DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/usr/lib/wsl/lib/nvidia-smi"))
_PATIENCE = 5.0


def words(packages: Sequence[str], env: Mapping[str, str], *, newest: bool = False) -> list[str]:
    """Return the arguments of ``pip install`` for ``packages``; the first is torch."""
    given = env.get("TORCH", "").strip()
    if given:
        return [*_given(given), *packages[1:]]
    pins = [] if newest else ["--constraint", str(LOCK)]
    if driver_seen(env):
        return [*pins, *packages]
    index = env.get("TORCH_CPU_INDEX") or CPU_INDEX
    if complaint := unreachable(index):
        print(
            f"{index} cannot be reached ({complaint}), so torch comes from where pip looks "
            "otherwise; that may be the build for CUDA, of gigabytes. TORCH= takes another",
            file=sys.stderr,
        )
        return [*pins, *packages]
    # Beside PyPI, not in its place: +cpu counts as newer than the same version without.
    return ["--extra-index-url", index, *pins, *packages]


def driver_seen(env: Mapping[str, str]) -> bool:
    """Whether NVIDIA's driver is on this machine."""
    program = shutil.which("nvidia-smi", path=env.get("PATH"))
    return program is not None or any(driver.exists() for driver in DRIVERS)


def _given(text: str) -> list[str]:
    """Split what was given as a shell would; a folder is where wheels of torch lie."""
    if Path(text).is_dir():
        return ["--find-links", text, "torch"]
    return shlex.split(text)


def unreachable(index: str) -> str:
    """Why an index does not answer; empty where it does."""
    try:
        urlopen(f"{index.rstrip('/')}/torch/", timeout=_PATIENCE).close()
    except OSError as error:
        return str(error)
    return ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, or show what would be run; return the exit status."""
    parser = argparse.ArgumentParser(description="Install the torch that this machine can use.")
    parser.add_argument("--newest", action="store_true", help="not the versions of the lock")
    parser.add_argument("--show", action="store_true", help="print the command, run nothing")
    parser.add_argument("packages", nargs="+", help="torch, and what is made for it")
    asked = parser.parse_args(arguments)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    command = [*pip, *words(asked.packages, os.environ, newest=asked.newest)]
    print(shlex.join(command), flush=True)
    return 0 if asked.show else subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
