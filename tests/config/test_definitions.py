"""An option has one definition, whichever surface it stands on; every exception is listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import click
import pytest
from pydantic.fields import FieldInfo

from streamsel.cli.defined import DefinedOption
from streamsel.cli.main import cli
from streamsel.config.annotated import Definition, definitions_of
from streamsel.config.options import (
    EmbedOptions,
    ReadOptions,
    RunOptions,
    SelectOptions,
    WriteOptions,
    run_options,
)
from streamsel.config.places import PLACES
from streamsel.config.schema import Config
from streamsel.config.sections.feeds import Defaults, PrefilterConfig
from streamsel.config.sections.sinks import DiskConfig, PicturesConfig
from streamsel.errors import ConfigurationError
from streamsel.prefilter.options import BOUNDS, PrefilterOptions

# The sections whose options are those of a run, too.
SECTIONS = (Defaults, PicturesConfig, DiskConfig)
RUN = (ReadOptions, EmbedOptions, SelectOptions, WriteOptions)

# Options that a live feed has in another form than a file, each with the reason.
OTHER_VALUES = {
    "count": "a feed has no end, so its count may be per hour: 50/h",
    "look_ahead": "a feed holds the pictures of these frames in memory, so they are bounded",
    "decode": "a feed needs its loop filter, and cannot be decoded again",
}
OTHER_DEFAULTS = {"look_ahead": "a feed decides at once, a file may wait"}
OTHER_TYPES = {"weights": "a path in a configuration starts at the folder of its file"}
# Options of a command that mean something else there.
OWN_MEANING = {"compare": {"decode": "several ways, separated by commas", "per_input": "tables"}}


def definition(field: FieldInfo) -> Definition:
    annotation: Any = field.annotation
    return Definition.of(Annotated[annotation, *field.metadata] if field.metadata else annotation)


def in_configuration() -> Iterator[tuple[str, Definition, object]]:
    for section in SECTIONS:
        for name, field in section.model_fields.items():
            yield name, definition(field), field.default


def of_a_run() -> dict[str, tuple[Definition, object]]:
    """Every option of a run, by the name that users write."""
    return {
        {"filters": "vf"}.get(name, name): (found, getattr(options(), name))
        for options in RUN
        for name, found in definitions_of(options).items()
    }


def command(name: str) -> Mapping[str, click.Option]:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return {one.name or "": one for one in found.params if isinstance(one, click.Option)}


def test_feeds_and_runs_share_the_definitions_of_their_options() -> None:
    run, met = of_a_run(), set()
    for name, live, default in in_configuration():
        if name in run:
            met.add(name)
            filed, filed_default = run[name]
            same = (live.doc, live.choices) == (filed.doc, filed.choices)
            same &= live.kind is filed.kind or filed.kind is None
            assert same or name in OTHER_VALUES, name
            assert live.type == filed.type or name in {*OTHER_VALUES, *OTHER_TYPES}, name
            assert (default == filed_default) != (name in OTHER_DEFAULTS), name
    assert met >= {"count", "window", "fps", "vf", "mask", "device", "quality", "durability"}
    assert met >= OTHER_VALUES.keys() | OTHER_DEFAULTS.keys() | OTHER_TYPES.keys()


@pytest.mark.parametrize("name", ["select", "compare"])
def test_commands_on_files_share_the_definitions_of_a_run(name: str) -> None:
    run, own = of_a_run(), OWN_MEANING.get(name, {})
    for option, made in command(name).items():
        if option in own:
            assert not isinstance(made, DefinedOption)
        elif option in run:
            assert isinstance(made, DefinedOption), option
            assert made.definition == run[option][0]
            assert made.default == run[option][1], option


def test_watch_shares_the_definitions_of_a_configuration() -> None:
    live = {name: found for name, found, _ in in_configuration()}
    shared = {name: one for name, one in command("watch").items() if name in live}
    for name, made in shared.items():
        assert isinstance(made, DefinedOption), name
        assert (made.definition.doc, made.definition.choices) == (
            live[name].doc,
            live[name].choices,
        )
        assert not made.default
    assert len(shared) >= 20


@pytest.mark.parametrize("name", BOUNDS)
def test_checks_before_embedding_have_the_same_bounds_everywhere(name: str) -> None:
    kind = definition(PrefilterConfig.model_fields[name]).kind
    assert kind is not None
    made: Callable[..., PrefilterOptions] = PrefilterOptions
    least, most = BOUNDS[name]
    for value in (least, 10**5 if most is None else most):
        kind.require(name, value)
        made(**{name: value})
    for value in (least - 1, *([] if most is None else [most + 1])):
        with pytest.raises(ConfigurationError, match=name):
            kind.require(name, value)
        with pytest.raises(ConfigurationError, match=name):
            made(**{name: value})


@pytest.mark.parametrize(
    ("option", "field"),
    [
        ("black_level", "black_level"),
        ("frozen_after", "freeze_seconds"),
        ("unchanged_level", "unchanged_mean"),
        ("min_sharpness", "min_sharpness"),
    ],
)
def test_commands_share_the_limits_of_a_configuration(option: str, field: str) -> None:
    made, limit = command("select")[option], PrefilterConfig.model_fields[field]
    assert isinstance(made, DefinedOption)
    assert made.definition == definition(limit)
    assert made.type_cast_value(click.Context(cli), made.default) == limit.default


def test_checks_before_embedding_have_the_same_defaults_everywhere() -> None:
    assert run_options({}).prefilter == PrefilterOptions()
    assert PrefilterOptions(**dict(PrefilterConfig())) == PrefilterOptions()


@pytest.mark.parametrize(
    ("name", "checked"),
    [
        ("keep_exact_duplicates", "exact_duplicates"),
        ("keep_unchanged", "unchanged_mean"),
        ("keep_corrupt", "corrupt"),
        ("keep_black", "black_share"),
        ("keep_uniform", "uniform_share"),
        ("keep_frozen", "freeze_seconds"),
    ],
)
def test_what_is_kept_is_not_checked_for(name: str, checked: str) -> None:
    off = run_options({name: True}).prefilter
    on = run_options({name: False}).prefilter
    assert not getattr(off, checked)
    assert getattr(on, checked)
    assert on == PrefilterOptions()


def test_values_arrive_under_the_names_that_users_write() -> None:
    given = {"count": 3, "vf": "hflip", "format": "png", "device": "cpu", "frozen_after": 5.0}
    made = run_options({**given, "unknown": 1})
    assert made == RunOptions(
        read=ReadOptions(filters="hflip"),
        prefilter=PrefilterOptions(freeze_seconds=5.0),
        embed=EmbedOptions(device="cpu"),
        select=SelectOptions(count=3),
        write=WriteOptions(format="png"),
    )


@pytest.mark.parametrize("name", PLACES)
def test_options_of_a_service_stand_where_they_are_said_to(name: str) -> None:
    section: Any = Config
    *sections, key = PLACES[name]
    for step in sections:
        annotation = section.model_fields[step].annotation
        section = Definition.of(annotation).type
    assert key in section.model_fields
