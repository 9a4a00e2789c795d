"""What a frame costs, and how much memory is needed, as videos and selections grow.

    python -m tests.bench.speed.length --videos FOLDER --out docs/benchmarks.md

The clip is small, so that an hour of it can be read, and its loops differ, so that there are
thousands of frames worth keeping; near duplicates may be kept too. The cost of a frame is taken
without start-up: what the frames beyond those of a one-second clip cost.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import click

from tests.bench.speed.clips import SCENES, Clips, Kind
from tests.bench.speed.contest import contest
from tests.bench.speed.contestants import DECODE_MODES, ours
from tests.bench.speed.end_to_end import CACHE, FOLDER, check_marks, versions
from tests.bench.speed.measure import CommandError, Outcome, ratio
from tests.bench.speed.tables import figure, machine, table, write_between_marks

MARK = "length"
_HEADER = ("minutes", "k", "frames", "CPU ms/frame", "frames/s", "peak MB", "pictures")


@dataclass(frozen=True, slots=True)
class Size:
    """So many minutes of video, and so many frames to keep of it."""

    minutes: int
    count: int


def row(size: Size, outcome: Outcome) -> list[str]:
    """The cells of one size."""
    return [
        str(size.minutes),
        f"{size.count:,}",
        f"{outcome.clip_frames:,}",
        figure(ratio(1000 * outcome.cpu, outcome.frames), 3),
        figure(ratio(outcome.frames, outcome.wall), 0),
        f"{outcome.clip.peak_mb:.0f}",
        str(outcome.clip.pictures),
    ]


@click.command()
@click.option("--videos", type=FOLDER, required=True, help="Folder of the real clips.")
@click.option("--minutes", type=click.IntRange(1), multiple=True, default=(1, 10, 60))
@click.option("-n", "--count", type=click.IntRange(1), multiple=True, default=(100, 1000, 5000))
@click.option("--height", type=click.IntRange(64), default=360, show_default=True)
@click.option("--scene", type=click.Choice(list(SCENES)), default="changing", show_default=True)
@click.option("--decode", type=click.Choice(DECODE_MODES), default="all", show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, help="For made clips.")
@click.option("--out", type=click.Path(exists=True, path_type=Path), help="Page for the table.")
def main(
    videos: Path,
    minutes: tuple[int, ...],
    count: tuple[int, ...],
    height: int,
    scene: str,
    decode: str,
    rounds: int,
    cache: Path,
    out: Path | None,
) -> None:
    """Measure every length with every number of frames to keep."""
    check_marks(out, MARK)
    contestant = ours(decode, "--near-duplicate", "0")
    kind = replace(Kind(1080, "h264", scene), height=height)
    facts = (
        f"{versions([contestant])} ({contestant.name}) on {kind.name}; {machine()}; "
        f"medians of {rounds}."
    )
    click.echo(facts)
    made, rows = Clips(videos, cache), []
    for size in itertools.starmap(Size, itertools.product(minutes, count)):
        try:
            outcomes = contest(
                [contestant], made, kind, seconds=60 * size.minutes, rounds=rounds, count=size.count
            )
        except (CommandError, FileNotFoundError) as error:
            raise click.ClickException(str(error)) from error
        rows.append(row(size, outcomes[contestant.name]))
        click.echo(" | ".join(rows[-1]))
    body = f"{facts}\n\n{table(_HEADER, rows)}"
    click.echo(f"\n{body}")
    if out is not None:
        write_between_marks(out, MARK, body)


if __name__ == "__main__":
    main()
