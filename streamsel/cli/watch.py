"""``streamsel watch``: runs the live service."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from streamsel.cli.completing import EMBEDDER, LOCATION
from streamsel.cli.defined import option
from streamsel.cli.option_groups import GroupedCommand
from streamsel.cli.options import FILTERGRAPH, MASK
from streamsel.config import definitions

_HELP = """Watch live feeds for months, and keep the few frames worth keeping of each.

\b
streamsel watch -c streamsel.yaml                      any number of feeds, sinks, MQTT
streamsel watch --feed gate=rtsp://10.0.0.4/main       one feed, without a file
streamsel watch --feed gate=rtsp://10.0.0.4/main -n 50/h -o kept

SIGTERM and Ctrl-C store all decisions and end it; SIGHUP reloads the file. Options given here take
precedence over the file's defaults, but not over the options of a single feed in it. Every user of
this machine can read a password on the command line: write ${NAME} in a file instead.
"""


@click.command("watch", cls=GroupedCommand, help=_HELP)
@click.option("-c", "--config", "file", type=click.Path(path_type=Path), help="The configuration.")
@click.option("--feed", "feeds", multiple=True, metavar="NAME=SOURCE", help="A feed; repeatable.")
@option("count", definitions.FeedCount, short="-n", as_text=True)
@option("share", definitions.Share, as_text=True)
@option("window", definitions.Window, as_text=True)
@option("burst", definitions.Burst, as_text=True)
@option("min_distance", definitions.MinDistance, as_text=True)
@option("near_duplicate", definitions.NearDuplicate, as_text=True)
@option("look_ahead", definitions.FeedLookAhead, as_text=True)
@option("max_bytes", definitions.MaxBytes, as_text=True)
@option("durability", definitions.Durability, as_text=True)
@option("fps", definitions.Fps, as_text=True)
@option("vf", definitions.Vf, metavar=FILTERGRAPH, as_text=True)
@option("mask", definitions.Mask, metavar=MASK, as_text=True)
@option("transport", definitions.Transport, as_text=True)
@option("decode", definitions.FeedDecode, as_text=True)
@option("size", definitions.Size, as_text=True)
@option("keep_pixels", definitions.KeepPixels, as_text=True)
@option("keep_hdr", definitions.KeepHdr, as_text=True)
@option("format", definitions.Format, as_text=True)
@option("quality", definitions.Quality, as_text=True)
@option("embedder", definitions.Embedder, type=EMBEDDER, as_text=True)
@option("weights", definitions.Weights, type=LOCATION, metavar="FILE", as_text=True)
@option("device", definitions.Device, as_text=True)
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
    from streamsel.config.places import nested
    from streamsel.config.schema import Config
    from streamsel.service.process import run_service

    names = [name for name, _ in map(_feed, feeds)]
    if len(set(names)) < len(names):
        raise click.UsageError("--feed names a feed twice; give each a name of its own")
    overrides = nested(dict(map(_feed, feeds)), {**given, "mask": list(mask) or None})
    if quiet or verbose:
        overrides["log_level"] = "warning" if quiet else "debug"

    def read() -> Config:
        config = load(file, os.environ, overrides)
        logging.getLogger("streamsel").setLevel(config.log_level.upper())
        return config

    log_to(sys.stderr)
    run_service(read, SystemClock(), events_to=sys.stdout if as_json else None)


def _feed(text: str) -> tuple[str, str]:
    name, equals, source = text.partition("=")
    if not equals or not name or not source:
        # Without the text itself, which may contain a password.
        raise click.UsageError("--feed takes NAME=SOURCE, like gate=rtsp://10.0.0.4/main")
    return name, source
