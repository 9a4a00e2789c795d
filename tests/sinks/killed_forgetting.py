"""Removes what is gone from copies of a folder, killed at every moment of it.

    python -m tests.sinks.killed_forgetting FOLDER SCOPE COPIES

The first copy is killed just before the first time that something in it is opened, made, renamed
or removed, the second before the second time, and so on; the last copy lives to the end.
"""

from __future__ import annotations

import os
import shutil
import sys
from itertools import count
from pathlib import Path

from streamsel.sinks.forgetting import remove_gone
from tests.sinks.killed_writer import kill_at


def main(folder: str, scope: str, copies: str) -> None:
    for moment in count(1):
        copy = Path(copies) / f"{moment:03d}"
        shutil.copytree(folder, copy)
        if not (child := os.fork()):
            kill_at(str(copy), moment)
            remove_gone(copy, [scope])
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
