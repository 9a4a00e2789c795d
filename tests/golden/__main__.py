"""Golden records: what twelve clips and four live feeds came to, verdict by verdict.

    python -m tests.golden --bits FILE              # before a change that must change nothing
    python -m tests.golden --against FILE           # after it, on the same machine: to the last bit
    python -m tests.golden --write                  # where decisions are meant to be others now
    python -m tests.golden --store                  # where a stored format is new: see stored.py
    python -m tests.golden --shake 5                # before --write is committed: see below

The committed records are compared by ``tests/golden/test_golden.py`` on every machine: keys,
verdicts, events and reasons exactly, floats nearly, since processors round differently.
``--bits`` writes all floats, vectors, states and pictures exactly, for a comparison on one machine.
``--against`` ends with 1 and the first differences. ``--shake N`` turns every vector by a hundred
thousandth, N times over, and ends with 1 where any decision is another then: so none hangs on a
tie, or on how a processor rounds.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden import book, feeds, selections, stored
from tests.golden.records import Row, bit_differences, differences, to_bits

_SHAKEN_BY = 1e-5
_MOST_SAID = 10
_SEEN = ("seen", "picture")


def main() -> int:
    """Write or compare; the exit code."""
    parser = argparse.ArgumentParser(description="Golden records.")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--write", action="store_true", help="renew the committed records")
    wanted.add_argument("--store", action="store_true", help="renew the stored folders")
    wanted.add_argument("--bits", type=Path, metavar="FILE", help="write every record exactly")
    wanted.add_argument("--against", type=Path, metavar="FILE", help="compare with such a file")
    wanted.add_argument("--shake", type=int, metavar="N", help="try that nothing hangs on a bit")
    wishes = parser.parse_args()
    if wishes.write:
        for name, records in _pages():
            book.write(name, records)
    elif wishes.store:
        stored.store()
        book.write(*stored.said())
    elif wishes.bits is not None:
        wishes.bits.write_text("\n".join(_bits()))
    elif wishes.against is not None:
        return _say(bit_differences(wishes.against.read_text().split("\n"), list(_bits())))
    else:
        return _say(line for seed in range(wishes.shake) for line in _shaken(seed))
    return 0


def _pages() -> Iterator[tuple[str, dict[str, list[Row]]]]:
    yield from book.all_made()
    yield stored.said()


def _bits() -> Iterator[str]:
    for name, records in _pages():
        for line in to_bits(records):
            yield f"{name} {line}"


def _shaken(seed: int) -> Iterator[str]:
    """Say which decisions are others where every vector is turned a little."""
    with TemporaryDirectory() as place:
        drawn = Path(place, "drawn")
        drawn.mkdir()
        shake = selections.shaken(seed, _SHAKEN_BY)
        for name in selections.names():
            folder = Path(place, name)
            folder.mkdir()
            for record, rows in selections.selections(name, drawn, folder, shake):
                was = book.read(name)[record]
                if record == "online":  # the second time no pictures are looked at
                    was = [row for row in was if row[0] not in _SEEN]
                    rows = [row for row in rows if row["kind"] not in _SEEN]
                yield from (f"{name}, {record}: {one}" for one in differences(was, rows))
        made = feeds.feeds(seed, _SHAKEN_BY)
        for part in feeds.PARTS:
            for scope, rows in feeds.replay(Path(place, "service"), part, made).items():
                yield from book.faults(f"feed-{scope}", part, rows)


def _say(found: Iterator[str]) -> int:
    said = list(islice(found, _MOST_SAID))
    print("\n".join(said) or "the same")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
