"""``streamsel watch``: runs the live service."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from streamsel.cli.completing import EMBEDDER, LOCATION
from streamsel.cli.option_groups import GroupedCommand
from streamsel.cli.options import FILTERS_HELP, MASK_HELP

_HELP = """Watch live feeds for months, and keep the few frames worth keeping of each.

\b
streamsel watch -c streamsel.yaml                      any number of feeds, sinks, MQTT
streamsel watch --feed gate=rtsp://10.0.0.4/main       one feed, without a file
streamsel watch --feed gate=rtsp://10.0.0.4/main -n 50/h -o kept

SIGTERM and Ctrl-C store all decisions and end it; SIGHUP reloads the file. Options given here take
precedence over the file's defaults, but not over the options of a single feed in it. Every user of
this machine can read a password on the command line: write ${NAME} in a file instead.
"""

_FEED_OPTIONS = {
    "count": "count",
    "share": "share",
    "window": "window",
    "min_distance": "min_distance",
    "fps": "fps",
    "vf": "vf",
    "mask": "mask",
    "transport": "transport",
    "decode": "decode",
    "embedder": "embedder",
    "weights": "weights",
    "device": "device",
}
_PICTURE_OPTIONS = ("size", "keep_pixels", "keep_hdr", "format", "quality")


@click.command("watch", cls=GroupedCommand, help=_HELP)
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The configuration.")
@click.option("--feed", "feeds", multiple=True, metavar="NAME=SOURCE", help="A feed; repeatable.")
@click.option("-n", "--count", help="Frames to keep of each feed: 500, 50/h, 1000/d.")
@click.option("--share", help="Keep about this share of all frames instead: 0.2 or 20%.")
@click.option("--window", help="Drop frames not seen again for this long: 24h.")
@click.option("--min-distance", help="Minimum distance between two kept frames, 0..2.")
@click.option("--max-bytes", help="Evict the most redundant frames above this: 20GB.")
@click.option("--durability", type=click.Choice(["strict", "batched"]), help="Of what is stored.")
@click.option("--fps", help="Process at most this many frames per second.")
@click.option("--vf", metavar="FILTERGRAPH", help=FILTERS_HELP)
@click.option("--mask", multiple=True, metavar="X,Y,W,H[:blur|black]", help=MASK_HELP)
@click.option("--transport", type=click.Choice(["tcp", "udp"]), help="Transport of RTSP video.")
@click.option(
    "--decode", type=click.Choice(["all", "reference", "keyframes"]), help="Which frames."
)
@click.option("--size", help="Fit kept pictures into 640x360, 640x or x360; 640x360! stretches.")
@click.option(
    "--keep-pixels",
    is_flag=True,
    default=None,
    help="Keep the stored shape even if pixels are not square.",
)
@click.option("--keep-hdr", is_flag=True, default=None, help="Keep HDR: png or avif.")
@click.option(
    "--format", type=click.Choice(["jpg", "png", "webp", "avif"]), help="Of kept pictures."
)
@click.option("--quality", help="1..100, of kept pictures.")
@click.option("--embedder", type=EMBEDDER, help="See: embedders.")
@click.option(
    "--weights", type=LOCATION, metavar="FILE", help="File with weights for the embedder."
)
@click.option("--device", help="auto, cpu, cuda or cuda:N.")
@click.option(
    "-o", "--output", type=LOCATION, metavar="FOLDER", help="The folder.  [default: kept]"
)
@click.option("--listen", help="Address of the HTTP server.  [default: 127.0.0.1:9464]")
@click.option("-q", "--quiet", is_flag=True, help="Only warnings and errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.option("--json", "as_json", is_flag=True, help="Each event as a line of JSON on stdout.")
def command(
    file: Path | None,
    feeds: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    as_json: bool,
    mask: tuple[str, ...],
    **given: Any,
) -> None:
    """Run the live service until it is stopped."""
    if file is None and not feeds:
        raise click.UsageError("give a configuration (-c streamsel.yaml) or feeds (--feed)")
    from streamsel.cli.logs import log_to
    from streamsel.clock import SystemClock
    from streamsel.config.load import load
    from streamsel.config.schema import Config
    from streamsel.service.process import run_service

    names = [name for name, _ in map(_feed, feeds)]
    if len(set(names)) < len(names):
        raise click.UsageError("--feed names a feed twice; give each a name of its own")
    overrides = _overrides(feeds, {**given, "mask": list(mask) or None})
    if quiet or verbose:
        overrides["log_level"] = "warning" if quiet else "debug"

    def read() -> Config:
        config = load(file, os.environ, overrides)
        logging.getLogger("streamsel").setLevel(config.log_level.upper())
        return config

    log_to(sys.stderr)
    run_service(read, SystemClock(), events_to=sys.stdout if as_json else None)


def _overrides(feeds: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Return the command line's values nested like the sections of a configuration."""
    sections: dict[str, Any] = {
        "defaults": {to: given[name] for name, to in _FEED_OPTIONS.items()},
        "pictures": {name: given[name] for name in _PICTURE_OPTIONS},
        "disk": {
            "path": given["output"],
            "max_bytes": given["max_bytes"],
            "durability": given["durability"],
        },
        "service": {"listen": given["listen"]},
        "feeds": dict(_feed(text) for text in feeds),
    }
    sections = {
        section: chosen
        for section, values in sections.items()
        if (chosen := {name: value for name, value in values.items() if value is not None})
    }
    if disk := sections.pop("disk", None):
        if "path" in disk:
            disk["path"] = str(Path(disk["path"]).absolute())
        sections["sinks"] = {"disk": disk}
    return sections


def _feed(text: str) -> tuple[str, dict[str, str]]:
    name, equals, source = text.partition("=")
    if not equals or not name or not source:
        # Without the text itself, which may contain a password.
        raise click.UsageError("--feed takes NAME=SOURCE, like gate=rtsp://10.0.0.4/main")
    return name, {"source": source}
