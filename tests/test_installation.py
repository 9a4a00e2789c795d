"""The package as it is installed: whole, and without its dependencies but numpy."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from email.parser import Parser
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]

# What README shows of the coreset, and which packages are there afterwards.
OFFER = """
import sys
import numpy as np
from streamsel import Coreset

coreset = Coreset(capacity=2, dim=2)
for name, angle in [("east", 0.0), ("nearly east", 0.01), ("north", 1.57), ("west", 3.14)]:
    coreset.offer(name, np.array([np.cos(angle), np.sin(angle)], np.float32))
found = {name.partition(".")[0] for name in sys.modules} - sys.stdlib_module_names
print(sorted(coreset.keys), sorted(name for name in found if not name.startswith("_")))
"""


def pip(*arguments: object) -> None:
    """Call pip without a network, on what there is."""
    ended = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built of the checkout by what the tests' environment has."""
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w", folder, ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the package, and numpy as its only dependency."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip("--python", python, "install", "--no-deps", "--no-index", wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    numpy = distribution("numpy")
    for name in {file.parts[0] for file in numpy.files or ()} - {"..", "bin"}:
        (packages / name).symlink_to(str(numpy.locate_file(name)))
    return python


def run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-c", code], cwd="/", capture_output=True, text=True, check=False
    )


def test_the_whole_asks_for_all_that_the_project_names(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        (name,) = (one for one in content.namelist() if one.endswith(".dist-info/METADATA"))
        asked = Parser().parsestr(content.read(name).decode()).get_all("Requires-Dist") or []
        files = set(content.namelist())
    named = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    asked_always = [one for one in map(Requirement, asked) if "extra ==" not in str(one.marker)]
    assert sorted(map(str, asked_always)) == sorted(str(Requirement(one)) for one in named)
    assert {"streamsel/py.typed", "streamsel/embed/weights/builtin.safetensors"} <= files
    assert not {one for one in files if one.startswith("tests")}


def test_the_coreset_needs_numpy_alone(bare: Path) -> None:
    ended = run(bare, OFFER)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.strip() == "['east', 'north'] ['numpy', 'streamsel']"


def test_stand_ins_need_numpy_alone(bare: Path) -> None:
    ended = run(bare, "from streamsel.testing import ManualClock; print(ManualClock().monotonic())")
    assert (ended.returncode, ended.stdout) == (0, "1000.0\n"), ended.stderr


def test_what_needs_more_names_the_package_that_is_missing(bare: Path) -> None:
    ended = run(bare, "import streamsel; streamsel.select")
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert re.match(
        r"ModuleNotFoundError: streamsel\.select needs \w+, which is not installed; install", last
    )
