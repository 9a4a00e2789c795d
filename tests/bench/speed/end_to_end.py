"""How fast whole selections are, beside ffmpeg and other tools, all in turn in one run.

    python -m tests.bench.speed.end_to_end --videos FOLDER --out docs/benchmarks.md

Every ratio is against ``ffmpeg -i X -f null -``: above 1 is faster than ffmpeg alone decodes. The
peers are found on the path, or in the virtual environment given with --peers.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from tests.bench.speed.clips import DEFAULT as DEFAULT_CLIPS
from tests.bench.speed.clips import KINDS, Clips
from tests.bench.speed.contest import contest
from tests.bench.speed.contestants import CONTESTANTS, Contestant, MissingError
from tests.bench.speed.measure import CommandError
from tests.bench.speed.tables import between_marks, machine, outcomes_table, write_between_marks

CACHE = Path(tempfile.gettempdir()) / "streamsel-bench-clips"
MARK = "speed"


def use_peers(environment: Path | None) -> None:
    """Put the programs of a virtual environment on the path of all that is measured."""
    if environment is not None:
        os.environ["PATH"] = f"{environment.resolve() / 'bin'}:{os.environ['PATH']}"


def versions(contestants: list[Contestant]) -> str:
    """Name each program that takes part; raises :class:`click.ClickException` for any missing."""
    found: dict[str, None] = {}
    missing = []
    for one in contestants:
        try:
            found[one.version(os.environ["PATH"])] = None
        except MissingError as error:
            missing.append(str(error))
    if missing:
        raise click.ClickException("\n".join(missing))
    return ", ".join(found)


def check_marks(out: Path | None, mark: str) -> None:
    """Before hours are spent, make sure that the tables will have a place."""
    if out is not None:
        try:
            between_marks(out.read_text(), mark, "")
        except ValueError as error:
            raise click.ClickException(f"{out}: {error}") from error


FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--videos", type=FOLDER, required=True, help="Folder of the real clips.")
@click.option("--seconds", type=click.IntRange(2), default=60, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True)
@click.option("-n", "--count", type=click.IntRange(1), default=30, show_default=True)
@click.option("--clips", type=click.Choice(list(KINDS)), multiple=True, default=DEFAULT_CLIPS)
@click.option("--only", type=click.Choice(list(CONTESTANTS)), multiple=True)
@click.option("--without", type=click.Choice(list(CONTESTANTS)), multiple=True)
@click.option("--peers", type=FOLDER, help="Virtual environment that holds the peers.")
@click.option("--cache", type=click.Path(path_type=Path), default=CACHE, help="For made clips.")
@click.option("--out", type=click.Path(exists=True, path_type=Path), help="Page for the tables.")
def main(
    videos: Path,
    seconds: int,
    rounds: int,
    count: int,
    clips: tuple[str, ...],
    only: tuple[str, ...],
    without: tuple[str, ...],
    peers: Path | None,
    cache: Path,
    out: Path | None,
) -> None:
    """Measure and print a table for each clip."""
    use_peers(peers)
    check_marks(out, MARK)
    reference = next(iter(CONTESTANTS))
    asked = {reference, *(only or CONTESTANTS)} - {*without} | {reference}
    contestants = [one for name, one in CONTESTANTS.items() if name in asked]
    facts = (
        f"{versions(contestants)}; {machine()}; {seconds} s of video, n = {count}, "
        f"medians of {rounds} in turn."
    )
    click.echo(facts)
    sections = [facts]
    made = Clips(videos, cache)
    for name in clips:
        try:
            outcomes = contest(
                contestants, made, KINDS[name], seconds=seconds, rounds=rounds, count=count
            )
        except (CommandError, FileNotFoundError, ValueError) as error:
            raise click.ClickException(f"{name}: {error}") from error
        sections.append(f"### {name}\n\n{outcomes_table(outcomes)}")
        click.echo(f"\n{sections[-1]}")
    if out is not None:
        write_between_marks(out, MARK, "\n\n".join(sections))


if __name__ == "__main__":
    main()
