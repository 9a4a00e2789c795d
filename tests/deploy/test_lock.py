"""The lock holds all that is installed, once, with hashes, and torch apart."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = ROOT / ".ci" / "lock"
APART = {"torch", "torchvision"}
HASHED = ["run.txt", "build.txt", "test.txt", "uv.txt"]
PYTHONS = ["3.11.7", "3.12.1", "3.13.0"]


def pins(name: str) -> list[tuple[Requirement, str]]:
    """What a file pins, each with the rest of its entry."""
    text = (LOCK / name).read_text().replace("\\\n", " ")
    entries = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(Requirement(entry.partition(" --hash")[0]), entry) for entry in entries]


def versions(name: str, python: str) -> dict[str, str]:
    """The version of each package that a file gives a Python on Linux."""
    short = ".".join(python.split(".")[:2])
    machine = {
        "python_full_version": python,
        "python_version": short,
        "sys_platform": "linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    taken = [pin for pin, _ in pins(name) if pin.marker is None or pin.marker.evaluate(machine)]
    found: dict[str, str] = {canonicalize_name(pin.name): str(pin.specifier)[2:] for pin in taken}
    assert len(found) == len(taken), "a package is pinned twice"
    return found


def asked(*extras: str) -> list[Requirement]:
    """What pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    optional = project["project"]["optional-dependencies"]
    return [
        *map(Requirement, project["project"]["dependencies"]),
        *map(Requirement, project["build-system"]["requires"]),
        *(Requirement(each) for extra in extras for each in optional[extra]),
    ]


@pytest.mark.parametrize("name", HASHED)
def test_every_version_has_its_hashes_and_no_host(name: str) -> None:
    for pin, entry in pins(name):
        assert re.fullmatch(r"==[^=*,]+", str(pin.specifier)), entry
        assert "--hash=sha256:" in entry
        assert pin.name not in APART
    assert "://" not in (LOCK / name).read_text()


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize(
    ("name", "extras"), [("run.txt", []), ("test.txt", ["test", "lint", "training"])]
)
def test_what_is_asked_for_is_locked(name: str, extras: list[str], python: str) -> None:
    locked = versions(name, python) | versions("build.txt", python) | versions("torch.txt", python)
    for each in asked(*extras):
        version = locked[canonicalize_name(each.name)]
        assert each.specifier.contains(version), f"{each} is locked at {version}: make lock"


@pytest.mark.parametrize("python", PYTHONS)
def test_the_files_agree(python: str) -> None:
    every = versions("test.txt", python)
    for part in ("run.txt", "build.txt"):
        assert every.items() >= versions(part, python).items()
    torch = versions("torch.txt", python)
    assert torch.keys() >= APART
    assert {name: torch[name] for name in torch.keys() & every.keys()}.items() <= every.items()


def test_the_image_has_the_locked_torch() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text()
    [given] = re.findall(r"^ARG TORCH=(\S+)", dockerfile, re.MULTILINE)
    assert given == versions("torch.txt", PYTHONS[0])["torch"]
