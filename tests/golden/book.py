"""All that is written down, made anew: the records of the clips and those of the feeds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden import feeds, selections
from tests.golden.records import Row, Value, differences, from_text, to_text

FOLDER = Path(__file__).parent / "records"


def pages() -> list[str]:
    """The names of the committed files."""
    return [*selections.names(), *feeds.names()]


def made(drawn: Path, folder: Path) -> Iterator[tuple[str, dict[str, list[Row]]]]:
    """Make every page anew: its name, and its rows by record. ``folder`` takes the runs."""
    for name in selections.names():
        place = folder / name
        place.mkdir()
        yield name, dict(selections.selections(name, drawn, place))
    parts = {part: feeds.replay(folder / "service", part) for part in feeds.PARTS}
    for scope in feeds.SCOPES:
        yield f"feed-{scope}", {part: rows[scope] for part, rows in parts.items()}


def all_made() -> Iterator[tuple[str, dict[str, list[Row]]]]:
    """Make every page in a folder that goes afterwards."""
    with TemporaryDirectory() as name:
        drawn = Path(name, "drawn")
        drawn.mkdir()
        yield from made(drawn, Path(name))


def write(name: str, records: dict[str, list[Row]]) -> None:
    """Write a page as it is to be committed."""
    FOLDER.mkdir(exist_ok=True)
    text = "".join(
        to_text([{"kind": "record", "name": record}, *rows]) for record, rows in records.items()
    )
    (FOLDER / f"{name}.jsonl").write_text(text)


def read(name: str) -> dict[str, list[list[Value]]]:
    """The rows of a committed page, by record."""
    records: dict[str, list[list[Value]]] = {}
    rows: list[list[Value]] = []
    for row in from_text((FOLDER / f"{name}.jsonl").read_text()):
        if row[0] == "record":
            rows = records.setdefault(str(row[1]), [])
        else:
            rows.append(row)
    return records


def faults(name: str, record: str, rows: list[Row]) -> list[str]:
    """Say where a record is not as it was committed."""
    return [f"{name}, {record}: {one}" for one in differences(read(name)[record], rows)]
