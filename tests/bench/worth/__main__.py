"""What is a selection worth? Rewrites the first section of the benchmarks.

    python -m tests.bench.worth --media FOLDER --peers VENV/bin --out docs/benchmarks.md
    python -m tests.bench.worth events --seeds 6 --product-only --cache FOLDER

The second generates, decodes and embeds each camera once; after that it only judges, in seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import click

from streamsel.config.options import RunOptions, run_options
from tests.bench.speed.tables import machine, write_between_marks
from tests.bench.worth import sets
from tests.bench.worth.figures import Worth, median_share, together, told, worth_of
from tests.bench.worth.media import Media, Recipe, given, made
from tests.bench.worth.peers import Footage
from tests.bench.worth.report import (
    Row,
    Yardstick,
    events_table,
    losses,
    medians_table,
    videos_table,
)
from tests.bench.worth.tape import recorded
from tests.bench.worth.ways import AT_ONCE, WAYS, replayed

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_CACHE = Path(gettempdir()) / "streamsel-worth"
_CAMERAS, _QUICK_CAMERAS = 5, 2
_WALLS, _QUICK_WALLS = 3, 1
_PARTS = ("events", "identities", "others")

_cache = click.option(
    "--cache",
    type=click.Path(path_type=Path),
    default=_CACHE,
    show_default=True,
    help="Where generated videos are kept for the next time.",
)
_people = click.option("--people", type=_FOLDER, help="Cut-outs of people, PERSON-FRAME.webp.")
_media = click.option("--media", type=_FOLDER, help="Clips of which frames are backgrounds too.")
_peers = click.option(
    "--peers", "programs", type=_FOLDER, help="The bin of an environment with the peers' programs."
)


@click.group(invoke_without_command=True)
@_cache
@_people
@_media
@_peers
@click.option("--replay", is_flag=True, help="Replay the product instead of running it.")
@click.option("--quick", is_flag=True, help="Fewer videos, and replay.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(_PARTS),
    help="Which tables; by default all.",
)
@click.option("--out", type=_FILE, help="The page to write into; by default only print.")
@click.pass_context
def main(
    context: click.Context,
    cache: Path,
    people: Path | None,
    media: Path | None,
    programs: Path | None,
    replay: bool,
    quick: bool,
    parts: tuple[str, ...],
    out: Path | None,
) -> None:
    """Measure what selections are worth, the product's and those of peers."""
    if context.invoked_subcommand is not None:
        return
    found = {"media": media, "people": people}
    cameras = sets.cameras(range(_QUICK_CAMERAS if quick else _CAMERAS), **found)
    walls = sets.identities(range(_QUICK_WALLS if quick else _WALLS), **found)
    others = sets.others(0, people=people)
    for part, recipes, counts in (
        ("events", cameras, sets.COUNTS),
        ("identities", walls, sets.IDENTITY_COUNTS),
        ("others", others, sets.OTHER_COUNTS),
    ):
        if part in (parts or _PARTS):
            yardstick = _yardstick(recipes, cache, programs, counts)
            body = _BODIES[part](yardstick, yardstick.rows(_say, replay=replay or quick))
            click.echo(body)
            if out is not None:
                write_between_marks(out, f"worth {part}", body)


def _events_body(yardstick: Yardstick, rows: Sequence[Row]) -> str:
    events = sum(worth_of(one.truth, []).events for one in yardstick.videos)
    heading = f"### Events before {len(yardstick.videos)} fixed cameras, of {events}"
    return "\n\n".join(
        [heading, f"On {machine()}.", events_table(rows), losses(rows, WAYS[0].name)]
    )


def _identities_body(yardstick: Yardstick, rows: Sequence[Row]) -> str:
    heading = f"### People before a wall, of 6, {len(yardstick.videos)} walls"
    return "\n\n".join([heading, medians_table(rows), losses(rows, WAYS[0].name)])


def _others_body(yardstick: Yardstick, rows: Sequence[Row]) -> str:
    heading = "### Where the camera is not fixed, at k " + " / ".join(map(str, yardstick.counts))
    table = videos_table(rows, yardstick.videos)
    return "\n\n".join([heading, table, losses(rows, WAYS[0].name)])


_BODIES = {"events": _events_body, "identities": _identities_body, "others": _others_body}


@main.command()
@_cache
@_people
@_media
@_peers
@click.option("--seeds", default=_CAMERAS, show_default=True, help="Number of cameras.")
@click.option("--first", default=0, show_default=True, help="The first camera's seed.")
@click.option(
    "--clip",
    "clips",
    multiple=True,
    type=_FILE,
    help="A video beside which its truth lies, NAME.jsonl, instead of cameras; may be repeated.",
)
@click.option("--identities", is_flag=True, help="Six people before a wall instead of cameras.")
@click.option("--others", is_flag=True, help="Pan, moving camera, screen and film instead.")
@click.option("-n", "--count", "counts", multiple=True, type=int, help="Frames to keep.")
@click.option("--live", is_flag=True, help="Decide as a live feed is decided.")
@click.option(
    "-o",
    "--option",
    "written",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option of select, e.g. min_distance=0.1; may be repeated.",
)
@click.option("--product-only", is_flag=True, help="Leave the peers out.")
def events(
    cache: Path,
    people: Path | None,
    media: Path | None,
    programs: Path | None,
    seeds: int,
    first: int,
    clips: tuple[Path, ...],
    identities: bool,
    others: bool,
    counts: tuple[int, ...],
    live: bool,
    written: tuple[str, ...],
    product_only: bool,
) -> None:
    """Events with a kept frame, and what else is kept, by replay."""
    options = _options(written, live=live)
    numbers, found = range(first, first + seeds), {"media": media, "people": people}
    wanted: Sequence[Recipe] = sets.cameras(numbers, **found)
    usual: Sequence[int] = sets.COUNTS
    if identities:
        wanted, usual = sets.identities(numbers, **found), sets.IDENTITY_COUNTS
    elif others:
        wanted, usual = sets.others(first, people=people), sets.OTHER_COUNTS
    videos = [given(clip) for clip in clips] or [_made(one, cache) for one in wanted]
    yardstick = _measured(videos, cache, programs, counts or usual)
    if not product_only:
        rows = yardstick.rows(_say, replay=True)
        click.echo(events_table(rows))
        return
    worths: dict[int, list[Worth]] = {count: [] for count in yardstick.counts}
    for video, footage in zip(videos, yardstick.footage, strict=True):
        began = time.perf_counter()
        for count, (kept,) in replayed([footage], options, yardstick.counts).items():
            worths[count].append(worth_of(video.truth, kept))
        last = [some[-1] for some in worths.values()]
        spent = time.perf_counter() - began
        _say(f"{video.name}: {[one.found for one in last]} of {last[0].events} ({spent:.1f} s)")
    for count, some in worths.items():
        whole = together(some)
        click.echo(
            f"k {count}: {whole.found} of {whole.events} events, median {median_share(some):.0%}; "
            f"kept: event {whole.kinds.get('event', 0)}, {told(whole.kinds)}"
        )


def _yardstick(
    recipes: Sequence[Recipe], cache: Path, programs: Path | None, counts: Sequence[int]
) -> Yardstick:
    return _measured([_made(one, cache) for one in recipes], cache, programs, counts)


def _measured(
    videos: Sequence[Media], cache: Path, programs: Path | None, counts: Sequence[int]
) -> Yardstick:
    footage = [
        Footage(one.path, recorded(one.path, cache), cache / "picks", programs) for one in videos
    ]
    return Yardstick(videos, footage, counts)


def _made(recipe: Recipe, cache: Path) -> Media:
    media = made(recipe, cache)
    _say(f"{media.name}: {media.path}")
    return media


def _options(written: Sequence[str], *, live: bool) -> RunOptions:
    found: dict[str, Any] = dict(AT_ONCE) if live else {}
    for text in written:
        name, _, value = text.partition("=")
        found[name.replace("-", "_")] = _value(value)
    return run_options(found)


def _value(text: str) -> Any:
    """A number, true, false, or else a word."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
