"""The page of filters names what is there, and what stands in for what is not."""

from __future__ import annotations

import re
from pathlib import Path

import click
from av.filter.filter import filters_available

from streamsel.cli.select import command
from streamsel.sources.decode.filter_list import INSTEAD

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "filters.md"


def test_the_page_of_filters() -> None:
    there, missing = PAGE.read_text().split("## What PyAV's wheels lack")
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| [\w, ]+ \|(.*)\|$", there, re.M)))
    assert len(named) > 50
    assert set(named) <= filters_available
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", missing, re.MULTILINE)
    assert dict(rows) == {name: instead or "-" for name, instead in INSTEAD.items()}


def test_the_help_names_what_is_there_and_what_is_not() -> None:
    (option,) = [one for one in command.params if "--vf" in one.opts]
    assert isinstance(option, click.Option)
    there, _, lacking = str(option.help).partition("; this build lacks ")
    names = re.compile(r"\b[a-z]+[0-9]?[a-z]*\b")
    assert {"crop", "scale", "yadif", "fps"} <= set(names.findall(there)) & filters_available
    told = set(names.findall(lacking))
    assert {"eq", "boxblur", "drawtext", "delogo", "hqdn3d", "mpdecimate", "zscale"} <= told
    assert not told & filters_available
