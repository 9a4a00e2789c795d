"""Groups the options of long commands in ``--help``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import click

_REST = "Other options"

GROUPS: Mapping[str, tuple[str, ...]] = {
    "Feeds": ("--config", "--feed"),
    "Frames to keep": (
        *("--count", "--share", "--method", "--min-distance", "--window", "--per-input"),
        *("--near-duplicate", "--burst", "--calibration", "--look-ahead", "--seed"),
    ),
    "Result": (
        *("--output", "--resume", "--overwrite", "--dry-run", "--max-bytes", "--durability"),
        *("--sink", "--plot", "--listen"),
    ),
    "Inputs": (
        *("--from-file", "--start", "--end", "--fps", "--mask", "--vf", "--decode", "--hwaccel"),
        *("--transport", "--jobs"),
    ),
    "Frames to judge": (
        *("--keep-exact-duplicates", "--keep-unchanged", "--unchanged-level", "--keep-corrupt"),
        *("--keep-black", "--black-level", "--keep-uniform", "--keep-frozen", "--frozen-after"),
        *("--min-sharpness", "--change-weight"),
    ),
    "Embedder": ("--embedder", "--weights", "--device", "--embeddings"),
    "Training": (
        *("--max-frames", "--holdout", "--epochs", "--batch", "--lr", "--keep", "--patience"),
    ),
    "Training from scratch": (
        *("--teacher", "--photos", "--views", "--steps", "--pool-seed", "--cache"),
    ),
    "Pictures": ("--format", "--quality", "--size", "--keep-pixels", "--keep-hdr"),
    "Messages": ("--quiet", "--verbose", "--json", "--help"),
}
"""The options of each group by their long names, in the order of the help."""


class GroupedCommand(click.Command):
    """A command with help that lists its options in groups, each with a heading."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group that has options of this command."""
        for heading, options in grouped(self.get_params(ctx)):
            records = [record for one in options if (record := one.get_help_record(ctx))]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def grouped(parameters: Iterable[click.Parameter]) -> Iterator[tuple[str, list[click.Option]]]:
    """Yield each heading with the options of that group; ungrouped options come last."""
    options = {max(one.opts, key=len): one for one in parameters if isinstance(one, click.Option)}
    for heading, names in GROUPS.items():
        if found := [options.pop(name) for name in names if name in options]:
            yield heading, found
    if options:
        yield _REST, list(options.values())
