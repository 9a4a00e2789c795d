"""What must hold of a service's folder after any crash, given what its writers said before."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from streamsel.frame import FrameKey
from tests.sinks.killed_service import SCOPE, SIZE_BYTES
from tests.sinks.live_streams import content, files, opened

ROOT = Path(__file__).parents[2]


def start(
    folder: Path, durability: str, moment: int = 0, out: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    writer = ["-m", "tests.sinks.killed_service", str(folder), durability, str(moment)]
    return subprocess.Popen([sys.executable, *writer], cwd=ROOT, stdout=out, text=True)


@dataclass
class Told:
    """What writers said, one after another: of each turn the last plan counts."""

    plans: dict[int, dict[str, Any]] = field(default_factory=dict)
    done: dict[int, float] = field(default_factory=dict)
    given: list[int] = field(default_factory=list)

    def hear(self, lines: Iterable[str]) -> None:
        for line in lines:
            if not line.endswith("\n"):
                return
            told = json.loads(line)
            if "done" in told:
                self.done[told["done"]] = told["at"]
            else:
                self.plans[told["turn"]] = told
                self.given += told["given"]

    def last_done(self, by: float = float("inf")) -> int:
        """The last turn that changed the kept set and was done at a moment, -1: none."""
        changed = [n for n, at in self.done.items() if at <= by and self.plans[n]["kept"]]
        return max(changed, default=-1)

    def live_after(self, turn: int) -> list[int]:
        live: dict[int, None] = {}
        for number in range(turn + 1):
            live |= dict.fromkeys(self.plans[number]["kept"])
            for index in self.plans[number]["gone"]:
                del live[index]
        return list(live)


def check(folder: Path, told: Told) -> int:
    """Check a folder as it was left; return the last turn that is recorded, -1: none.

    Before the service is started again each claim has its whole file; after it was, folder and
    record agree, as they were after one of the turns. No number was ever given twice.
    """
    assert len(set(told.given)) == len(told.given)
    if not (folder / "streamsel.db").exists():
        return -1
    found = files(folder) if (folder / "frames").exists() else {}
    database = sqlite3.connect(folder / "streamsel.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    claims = dict(database.execute("SELECT path, hex(sha256) FROM kept WHERE path IS NOT NULL"))
    database.close()
    for path, digest in claims.items():
        assert found[path] == digest.lower()

    with closing(opened(folder)) as sink:
        turn = int(sink.selection(SCOPE) or b"-1")
        live = [one.frame.key.index for one in sink.kept_candidates(SCOPE)]
        assert sink.next_index(SCOPE) > max(told.given, default=-1)
        assert sink.lost() == []
    assert sorted(live) == sorted(told.live_after(turn))
    whole = {
        sha256(content(FrameKey(SCOPE, index), SIZE_BYTES)).hexdigest(): index for index in live
    }
    assert sorted(whole[digest] for digest in files(folder).values()) == sorted(live)
    assert len((folder / "manifest.jsonl").read_text().splitlines()) == len(live)
    assert not list(folder.rglob("*.part"))
    return turn
