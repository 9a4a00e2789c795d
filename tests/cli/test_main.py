"""What ends a command is its exit code, and a line for each problem."""

from __future__ import annotations

import runpy
import sys

import click
import pytest

from streamsel.cli.main import cli
from streamsel.errors import (
    ConfigurationError,
    DamagedRecordError,
    FolderInUseError,
    PortInUseError,
    SinkError,
)
from streamsel.version import __version__
from tests.cli.running import streamsel


def end_with(monkeypatch: pytest.MonkeyPatch, end: object) -> None:
    """Let any command end so: with an error, or by what it returns."""

    def main(*_: object, **__: object) -> object:
        if isinstance(end, BaseException):
            raise end
        return end

    monkeypatch.setattr(cli, "main", main)


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        (None, 0, ""),
        (0, 0, ""),
        (3, 3, ""),
        (ConfigurationError("one\ntwo"), 2, "streamsel: one\nstreamsel: two\n"),
        (DamagedRecordError("torn"), 2, "streamsel: torn\n"),
        (PortInUseError("in use"), 75, "streamsel: in use\n"),
        (FolderInUseError("taken"), 2, "streamsel: taken\n"),
        (SinkError("full"), 1, "streamsel: full\n"),
        (click.UsageError("no such option"), 2, "Error: no such option\n"),
        (click.Abort(), 130, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_every_end_has_its_code(
    monkeypatch: pytest.MonkeyPatch, end: object, code: int, told: str
) -> None:
    end_with(monkeypatch, end)
    ended = streamsel("select")
    assert (ended.code, ended.out, ended.err) == (code, "", told)


def test_a_reader_that_has_gone_away_is_not_written_to(monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(monkeypatch, BrokenPipeError())
    monkeypatch.setattr(sys, "stdout", sys.stdout)
    ended = streamsel("inspect")
    assert (ended.code, ended.err) == (1, "")


def test_every_command_is_listed_and_can_be_loaded() -> None:
    told = streamsel("--help")
    context = click.Context(cli)
    names = cli.list_commands(context)
    assert told.code == 0
    assert len(names) == 14
    for name in names:
        assert isinstance(cli.get_command(context, name), click.Command)
        assert f"  {name} " in told.out


def test_a_command_that_does_not_exist_is_a_mistake() -> None:
    ended = streamsel("selct")
    assert ended.code == 2
    assert "selct" in ended.err


def test_the_package_runs_as_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["streamsel", "--version"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("streamsel", run_name="__main__")
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"streamsel, version {__version__}\n"
