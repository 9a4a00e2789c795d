"""The unit for machines without containers: it can be read, and it is shut tight."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import leave_out

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "systemd"
_MOST_EXPOSED = "15"  # of 100; most services of a distribution have over 90


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        leave_out("systemd-analyze is not installed (apt-get install systemd)")
    return str(found)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A folder of units, in which the program is one that there is."""
    text = (FOLDER / "streamsel.service").read_text()
    (tmp_path / "streamsel.service").write_text(
        text.replace("/opt/streamsel/bin/streamsel", "/bin/true")
    )
    return tmp_path


def test_the_unit_can_be_read(analyze: str, units: Path) -> None:
    told = subprocess.run(
        [analyze, "verify", "--man=no", units / "streamsel.service"], capture_output=True, text=True
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


@pytest.mark.parametrize("name", ["disk", "gpu", "webcam"])
def test_what_is_let_in_can_be_read(analyze: str, units: Path, name: str) -> None:
    beside = units / "streamsel.service.d"
    beside.mkdir()
    shutil.copy(FOLDER / f"{name}.conf", beside)
    told = subprocess.run(
        [analyze, "verify", "--man=no", units / "streamsel.service"], capture_output=True, text=True
    )
    assert (told.returncode, told.stdout + told.stderr) == (0, "")


def test_the_unit_is_shut_tight(analyze: str, units: Path) -> None:
    threshold = f"--threshold={_MOST_EXPOSED}"
    unit = units / "streamsel.service"
    told = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", threshold, unit],
        capture_output=True,
        text=True,
    )
    assert told.returncode == 0, told.stdout


def test_the_unit_waits_for_the_disk_of_its_folder() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(FOLDER / "streamsel.service")
    folder = Path("/var/lib", unit["Service"]["StateDirectory"])
    assert [*map(Path, unit["Unit"]["RequiresMountsFor"].split())] == [folder]
    assert unit["Service"]["WorkingDirectory"] == str(folder)


def test_the_unit_waits_for_a_clock_that_is_set() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(FOLDER / "streamsel.service")
    for relation in ("Wants", "After"):
        assert "time-sync.target" in unit["Unit"][relation].split()


def test_users_and_folders_are_those_of_the_unit(analyze: str, tmp_path: Path) -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.read(FOLDER / "streamsel.service")
    service = unit["Service"]
    root = tmp_path / "root"
    for folder in ("etc/streamsel", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d"):
        (root / folder).mkdir(parents=True)
    for name in ("streamsel.yaml", "environment", "token"):
        (root / "etc/streamsel" / name).touch()
    shutil.copy(FOLDER / "streamsel.sysusers.conf", root / "usr/lib/sysusers.d/streamsel.conf")
    shutil.copy(FOLDER / "streamsel.tmpfiles.conf", root / "usr/lib/tmpfiles.d/streamsel.conf")
    for command in (["systemd-sysusers"], ["systemd-tmpfiles", "--create"]):
        told = subprocess.run([*command, f"--root={root}"], capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
    users = (root / "etc/passwd").read_text()
    assert users.startswith(f"{service['User']}:")
    state = root / "var/lib" / service["StateDirectory"]
    assert state.stat().st_mode & 0o777 == int(service["StateDirectoryMode"], 8)
    assert state.stat().st_uid == int(users.split(":")[2])
    token = service["LoadCredential"].partition(":")[2]
    assert (root / token.lstrip("/")).stat().st_mode & 0o077 == 0
