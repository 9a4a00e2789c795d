"""Every snippet of README and the pages works, or is excused by name."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from streamsel.sinks.mqtt.store import open_to_fill
from tests.config.files import loaded
from tests.conftest import leave_out
from tests.docs.exceptions import COMMANDS, ELSEWHERE, SHOWN
from tests.docs.place import environment, make_inputs, network
from tests.docs.running import Reader, exception
from tests.docs.snippets import PAGES, ROOT, Snippet, snippets
from tests.docs.warm import warm_command

ALL = [snippet for page in PAGES for snippet in snippets(page)]
OURS = [one for one in ALL if (one.page, one.language) not in ELSEWHERE]
AT_REST = sorted({one.page for one in OURS if one.language in {"sh", "python"} and not one.is_live})
LIVE = sorted({one.page for one in OURS if one.is_live})
TUTORIAL = "docs/tutorial/first-selection.md"
_METHOD = re.compile(r"^ *(original|uniform|random|online|two-pass) +([\d. ]+?) *$", re.MULTILINE)
_SETTINGS = {"defaults", "feeds", "sinks", "service", "webrtc"}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


@pytest.fixture
def place(inputs: Path, tmp_path: Path, ffmpeg: Path) -> Path:
    return Path(shutil.copytree(inputs, tmp_path / "place", symlinks=True))


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with warm_command(tmp_path_factory.mktemp("warm") / "socket") as command:
        yield command


@pytest.fixture(scope="module")
def beside_cameras(
    ffmpeg: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Sequence[str], str]]:
    """What is put before a command there, and the ``streamsel`` program."""
    folder = tmp_path_factory.mktemp("network")
    with network(folder, ffmpeg) as prefix, warm_command(folder / "socket", prefix) as command:
        yield prefix, command


def settings_before(snippet: Snippet) -> str | None:
    """The configuration that the page has shown last before a snippet."""
    shown = [
        one.text
        for one in ALL
        if (one.page, one.language) == (snippet.page, "yaml") and one.line < snippet.line
    ]
    return next((text for text in reversed(shown) if _is_ours(text)), None)


def _is_ours(text: str) -> bool:
    top = yaml.safe_load(text)
    return isinstance(top, dict) and bool(_SETTINGS & top.keys())


def write_settings(place: Path, snippet: Snippet) -> None:
    if (text := settings_before(snippet)) is not None:
        file = place / "streamsel.yaml"
        file.write_text(text)
        file.chmod(0o600)


@pytest.mark.parametrize("page", sorted(set(AT_REST) - {TUTORIAL}))
def test_what_a_page_tells_to_type(
    page: str, place: Path, warm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    follow(page, Reader(place, environment(place.parent / "programs", warm)))


def test_the_tables_that_are_shown_come_out(
    place: Path, warm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    printed = follow(TUTORIAL, Reader(place, environment(place.parent / "programs", warm)))
    shown = [ROOT / "README.md", ROOT / TUTORIAL]  # by the demo, and by the comparison after it
    told = [row for page in shown for row in rows(page.read_text().replace("|", " "))]
    found = rows(printed)
    assert [method for method, _ in told] == [method for method, _ in found]
    assert len(told) == 10
    for (method, ours), (_, theirs) in zip(told, found, strict=True):
        # Another encoder draws other noise.
        assert ours == pytest.approx(theirs, 0.1, 0.02), method
    assert "kept 99 of 475 frames" in printed
    assert "\n99\n" in printed


def rows(text: str) -> list[tuple[str, list[float]]]:
    """The methods of a table, each with the figures from the count to the radius."""
    return [
        (method, [float(word) for word in figures.split()[:7]])
        for method, figures in _METHOD.findall(text)
    ]


def follow(page: str, reader: Reader) -> str:
    """Type what a page tells, cameras left out; return what was printed."""
    place = reader.folder
    embedding = np.zeros(256, np.float32)
    embedding[0] = 1.0
    names: dict[str, Any] = {"embedding": embedding}
    printed = ""
    for one in OURS:
        if one.page != page or one.is_live:
            continue
        if one.language == "sh":
            write_settings(place, one)
            printed += reader.follow(one)
        elif one.language == "python":
            shutil.rmtree(place / "kept") if ".write(" in one.text else None
            exec(compile(one.text, one.place, "exec"), names)
        elif one.language == "sql":
            ask(place, one)
    return printed


@pytest.mark.parametrize("page", LIVE)
def test_what_a_page_tells_to_type_beside_a_camera(
    page: str, inputs: Path, tmp_path: Path, beside_cameras: tuple[Sequence[str], str]
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    shutil.copy(inputs / "walk.mp4", place)
    prefix, command = beside_cameras
    reader = Reader(place, environment(tmp_path / "programs", command), prefix)
    told = [one for one in OURS if one.page == page and one.is_live]
    with reader.at_work():
        text = "".join(one.text for one in told)
        if "127.0.0.1:9464" in text and "streamsel watch" not in text:
            reader.start("streamsel watch --feed gate=rtsp://10.0.0.4/main")
        for one in told:
            write_settings(place, one)
            reader.follow(one)


def ask(place: Path, snippet: Snippet) -> None:
    """Ask the record, or an outbox, what a snippet asks."""
    if "quarantine" in snippet.text:
        database = open_to_fill(place / "outbox", durable=False)
    else:
        database = sqlite3.connect(place / "kept" / "streamsel.db")
    with closing(database):
        for statement in snippet.text.split(";"):
            database.execute(statement).fetchall()


@pytest.mark.parametrize(
    "snippet",
    [one for one in OURS if one.language in {"yaml", "json", "toml"}],
    ids=lambda one: one.place,
)
def test_a_file_that_is_shown_can_be_read(snippet: Snippet, tmp_path: Path) -> None:
    read: dict[str, Callable[[str], Any]] = {
        "yaml": yaml.safe_load,
        "json": json.loads,
        "toml": tomllib.loads,
    }
    content = read[snippet.language](snippet.text)
    if snippet.language == "yaml" and _is_ours(snippet.text):
        variables = dict.fromkeys(re.findall(r"\$\{(\w+)\}", snippet.text), "x")
        assert loaded(tmp_path, snippet.text, variables).feeds
    elif "scrape_configs" in content:
        check_for_prometheus(snippet.text, tmp_path)


def check_for_prometheus(text: str, folder: Path) -> None:
    if shutil.which("promtool") is None:
        leave_out("promtool is not installed (apt-get install prometheus)")
    (folder / "token").touch()
    file = folder / "prometheus.yml"
    file.write_text(re.sub(r"credentials_file: [^}\s]+", f"credentials_file: {folder}/token", text))
    told = subprocess.run(["promtool", "check", "config", file], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr


def test_there_is_no_snippet_that_nobody_tries() -> None:
    tried = {"sh", "python", "yaml", "json", "toml", "sql"} | SHOWN
    assert [one.place for one in OURS if one.language not in tried] == []


def test_every_exception_excuses_something() -> None:
    commands = [command for one in ALL if one.language == "sh" for command in one.commands()]
    assert {exception(command) for command in commands} >= COMMANDS.keys()
    written = {(one.page, one.language) for one in ALL}
    for place, test in ELSEWHERE.items():
        assert place in written
        assert (ROOT / test).exists()


def test_extras_that_are_named_exist() -> None:
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    told = "\n".join(page.read_text() for page in PAGES)
    named = set(re.findall(r"streamsel\[([\w-]+)\]", told))
    assert named
    assert named <= known["optional-dependencies"].keys()
