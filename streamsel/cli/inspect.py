"""``streamsel inspect``: explains why a frame was kept, refused or evicted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from streamsel.cli.options import loudness_options
from streamsel.config.units import write_seconds
from streamsel.json_text import json_text

if TYPE_CHECKING:
    from streamsel.report.inspection import Inspection
    from streamsel.report.overview import Overview

_EXAMPLES = """\b
Examples:
  streamsel inspect kept
  streamsel inspect kept walk-000123
  streamsel inspect kept kept/frames/walk/000123_00004.920.jpg --json
"""


@click.command("inspect", epilog=_EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("frame", required=False)
@loudness_options
def command(
    folder: Path, frame: str | None, quiet: bool, verbose: bool, as_json: bool, **_: Any
) -> int:
    """Show the state of a run, or why one of its frames was kept, refused or evicted.

    FOLDER is that of a selection or a service, which may be running. FRAME is an id, FEED:INDEX, or
    the path of a kept picture.
    """
    from streamsel.report.inspection import inspect_frame
    from streamsel.report.overview import overview

    if frame is None:
        seen = overview(folder)
        click.echo(json_text(seen.as_json()) if as_json else _overview(seen))
    else:
        found = inspect_frame(folder, frame)
        click.echo(json_text(found.as_json()) if as_json else _inspection(found))
    return 0


def _overview(seen: Overview) -> str:
    of_count = of_each = ""
    if seen.count is not None and seen.per_input:
        of_each = f" (at most {seen.count:,} of each input)"
    elif seen.count is not None:
        of_count = f" of {seen.count:,}"
    of_bytes = "" if seen.max_bytes is None else f" of {seen.max_bytes / 1e6:,.1f}"
    closest = "" if seen.closest is None else f"; the closest two are {seen.closest:.3f} apart"
    lines = [
        f"{seen.folder}: {seen.status} ({seen.method}), embedder {seen.embedder} "
        f"{seen.embedder_digest}",
        f"kept {seen.kept:,}{of_count} frames{of_each}, "
        f"{seen.bytes / 1e6:,.1f}{of_bytes} MB{closest}",
        f"admitted {seen.admitted:,}, evicted {seen.evicted:,}",
    ]
    for outcome, counts in (("covered", seen.covered), ("refused", seen.refused)):
        if counts:
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
            lines.append(f"{outcome}: {reasons}")
    lines += [
        f"  selector {scope.name}: at most {scope.capacity:,} frames, spacing {scope.spacing:.3f}"
        for scope in seen.scopes
        if scope.capacity is not None
    ]
    for feed in seen.feeds:
        trouble = feed.error or feed.reason
        state = f" {feed.state}" if feed.state else ""
        lines.append(
            f"  {feed.name}{state}: kept {feed.kept:,} of {feed.source}"
            + (f" ({trouble})" if trouble else "")
            + _fixed(seen.fixed_cameras.get(feed.name))
        )
    lines += [
        f"  {gone.scope} is gone: {gone.frames:,} frames of {', '.join(gone.feeds)}, "
        f"{gone.bytes / 1e6:,.1f} MB (see streamsel forget)"
        for gone in seen.gone
    ]
    return "\n".join(lines)


def _fixed(since: float | None) -> str:
    return (
        ""
        if since is None
        else f"; its camera counts as fixed since {write_seconds(round(since, 1))}"
    )


def _inspection(found: Inspection) -> str:
    lines = [f"{found.id}: {'kept' if found.kept else 'not kept'}"]
    if found.path is not None:
        lines[0] += f", {found.path}"
    for step in found.steps:
        line = f"  {step.what} ({step.reason}): {step.rule}"
        if step.distance is not None:
            line += f"; distance {step.distance:.3f}"
        if step.other is not None:
            line += f" to {step.other}{_in_brackets(step.other_path)}"
        if step.threshold is not None:
            line += f", threshold {step.threshold:.3f}"
        if step.cause is not None and step.cause != found.id:
            line += f", when {step.cause} came"
        lines.append(line)
    if found.change_share is not None and found.weight is not None:
        camera = "fixed" if found.fixed else "not yet fixed"
        weight = f"{found.weight:.2f}" if found.fixed else f"1, and {found.weight:.2f} once it is"
        lines.append(
            f"  {found.change_share:.1%} of the picture changed; camera: {camera}; weight: {weight}"
        )
    if found.stands_in is not None:
        lines.append(f"  {found.stands_in} represents it now{_in_brackets(found.stands_in_path)}")
    return "\n".join(lines)


def _in_brackets(path: str | None) -> str:
    return "" if path is None else f" ({path})"
