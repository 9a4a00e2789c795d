"""What the package exports, and that its functions have the options of the commands."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_type_hints

import click
import pytest

import streamsel
from streamsel import errors
from streamsel.cli.defined import DefinedOption
from streamsel.cli.main import cli
from streamsel.config.places import PLACES
from streamsel.config.sections.feeds import Defaults
from streamsel.config.sections.sinks import DiskConfig, PicturesConfig
from streamsel.errors import ConfigurationError

EXPORTED = {"select", "compare", "watch"}
EXPORTED |= {"Coreset", "Selection", "SelectedFrame", "Comparison", "Kept", "Evicted"}

# Arguments that are more convenient in Python than text is.
OTHER_TYPES: Mapping[str, object] = {
    "weights": "a path",
    "embeddings": "a path or several",
    "mask": "text or several",
    "sink": "text or several",
    "size": "text, or (width, height)",
}


def is_error(name: str) -> bool:
    thing = getattr(errors, name)
    return isinstance(thing, type) and issubclass(thing, errors.StreamselError)


def made(command: str) -> dict[str, DefinedOption]:
    """The options of a command that have a definition, by name."""
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    return {one.name or "": one for one in found.params if isinstance(one, DefinedOption)}


def test_what_users_need_is_exported_and_nothing_else() -> None:
    expected = EXPORTED | {name for name in vars(errors) if is_error(name)} | {"__version__"}
    assert set(streamsel.__all__) == expected
    assert len(streamsel.__all__) == len(expected)
    assert dir(streamsel) == streamsel.__all__
    for name in set(streamsel.__all__) - {"__version__"}:
        assert getattr(streamsel, name).__name__ == name


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="'selekt'"):
        _ = streamsel.selekt


def test_errors_are_imported_without_anything_else() -> None:
    script = (
        "import sys, streamsel\n"
        "streamsel.DiskFullError\n"
        "print(sorted({'numpy', 'av', 'torch', 'pydantic', 'click'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize("name", ["select", "compare"])
def test_arguments_have_the_types_and_the_defaults_of_the_options(name: str) -> None:
    function = getattr(streamsel, name)
    hints, arguments = get_type_hints(function), inspect.signature(function).parameters
    options = made(name)
    assert len(options) > 10
    for option, one in options.items():
        default = one.type_cast_value(click.Context(cli), one.default)
        assert arguments[option].default == default, option
        expected = one.definition.type | None if default is None else one.definition.type
        assert hints[option] == expected or option in OTHER_TYPES, option


def test_arguments_of_watch_are_those_of_a_configuration() -> None:
    arguments = set(inspect.signature(streamsel.watch).parameters) - {"feeds", "output"}
    sections = (Defaults, PicturesConfig, DiskConfig)
    fields = {name for section in sections for name in section.model_fields}
    # A feed that is not enabled, and verdicts in the past, are for services that run on.
    assert arguments == fields - {"path", "enabled", "history"}
    assert arguments | {"output"} == PLACES.keys() - {"enabled", "listen"}
    for name, parameter in inspect.signature(streamsel.watch).parameters.items():
        assert parameter.default in (None, ()) or name == "feeds"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"feeds": ["rtsp://10.0.0.4/main"]}, "feeds are addresses by name"),
        ({"feeds": {"gate": 5}}, "feeds is"),
        ({"feeds": {}}, "feeds"),
        ({"count": 2.5}, "count is 2.5; it must be int or str or None"),
        ({"count": 0}, "defaults.count is 0; it must be"),
        ({"count": "50/w"}, "defaults.count is 50/w"),
        ({"count": 5, "share": 0.5}, "give either count or share, not both"),
        ({"window": "yesterday"}, "defaults.window is yesterday"),
        ({"window": True}, "window is True; it must be float or str or None"),
        ({"near_duplicate": "some"}, "near_duplicate is 'some'; it must be float or auto or None"),
        ({"look_ahead": 1025}, "defaults.look_ahead is 1025"),
        ({"transport": "pigeon"}, "transport is 'pigeon'; it must be tcp or udp or None"),
        ({"decode": "fast"}, "decode is 'fast'"),
        ({"mask": "0,0,2,1"}, "defaults.mask"),
        ({"prefilter": {"black_levl": 3}}, "did you mean 'black_level'"),
        ({"prefilter": {"black_level": 256}}, "defaults.prefilter.black_level is 256"),
        ({"quality": 101}, "pictures.quality is 101"),
        ({"format": "png", "quality": 90}, "quality cannot be set for png"),
        ({"size": (0, 5)}, "size is 0x5"),
        ({"keep_hdr": "yes"}, "keep_hdr is 'yes'; it must be bool or None"),
        ({"max_bytes": "20GB"}, "max_bytes needs an output folder"),
        ({"durability": "strict"}, "durability needs an output folder"),
        ({"output": 5}, "output is 5"),
        ({"clip": {"before": 1.0}}, "clip needs a folder"),
    ],
)
def test_watch_refuses_wrong_arguments_at_the_call(wrong: dict[str, Any], said: str) -> None:
    arguments: dict[str, Any] = {"feeds": {"gate": "rtsp://10.0.0.4/main"}} | wrong
    with pytest.raises(ConfigurationError, match=said):
        streamsel.watch(**arguments)


def test_watch_takes_numbers_and_text(tmp_path: Path) -> None:
    """Nothing is opened before the first event is wanted."""
    streamsel.watch(
        {"gate": "rtsp://10.0.0.4/main"},
        count="50/h",
        window=3600,
        share=None,
        near_duplicate=0.1,
        mask=["0,0,0.4,0.2:black"],
        prefilter={"black_share": None, "min_sharpness": 0.2},
        size=(640, 360),
        format="webp",
        output=tmp_path / "kept",
        max_bytes="20GB",
    )
    assert not (tmp_path / "kept").exists()
