"""Makes a release: checks the version, builds both archives, tries the wheel in a bare environment.

    python .ci/release.py VERSION [--packages-of PYTHON] [--no-tag]

Run it in an environment with the packages of lock/build.txt; ``make release VERSION=`` does. It
builds the last commit, not the folder. The wheel is installed into a new environment with the
packages of lock/run.txt and torch, or, offline, with those of another environment, and must then
select frames in an empty folder. Only after that is the commit tagged. Nothing is published: the
last line says what remains to be done.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from email.parser import HeaderParser
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = "dist"
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_DATED = re.compile(r"(\S+) - (\d{4}-\d{2}-\d{2})")


class RefusedError(Exception):
    """The release cannot be made; the message says what to do."""


def check_sources(root: Path, version: str) -> None:
    """Raise :class:`RefusedError` unless the last commit is a release of ``version``."""
    if not _VERSION.fullmatch(version):
        raise RefusedError(f"{version!r} is no version; write it like 1.2.0 or 1.2.0rc1")
    if git(root, "status", "--porcelain"):
        raise RefusedError("there are uncommitted changes; commit them, or remove them")
    if git(root, "tag", "--list", f"v{version}"):
        raise RefusedError(f"the tag v{version} exists; take the next version")
    if (found := stated_version(root)) != version:
        raise RefusedError(f"streamsel/version.py says {found}; write {version} and commit it")
    check_changelog((root / "CHANGELOG.md").read_text(), version)


def check_changelog(text: str, version: str) -> None:
    """Raise :class:`RefusedError` unless the newest section is this version with a date."""
    headings = list(_HEADING.finditer(text))
    first = headings[0][1] if headings else "nothing"
    dated = _DATED.fullmatch(first)
    if dated is None or dated[1] != version:
        raise RefusedError(
            f"CHANGELOG.md begins with {first!r}; its first section must be "
            f"'## {version} - {date.today()}', with all changes since the last version"
        )
    end = headings[1].start() if len(headings) > 1 else len(text)
    if not text[headings[0].end() : end].strip():
        raise RefusedError(f"the section of {version} in CHANGELOG.md is empty; list the changes")


def stated_version(root: Path) -> str:
    """Return the version that the package states."""
    found = re.search(r'__version__ = "(.+)"', (root / "streamsel" / "version.py").read_text())
    return "nothing" if found is None else found[1]


def build(root: Path, into: Path) -> tuple[Path, Path]:
    """Build the wheel and the source archive of the last commit, reproducibly."""
    into.mkdir(parents=True, exist_ok=True)
    epoch = git(root, "log", "-1", "--format=%ct")
    with tempfile.TemporaryDirectory() as folder:
        clean = Path(folder) / "streamsel"
        archive = Path(folder) / "commit.tar"
        git(root, "archive", "--output", str(archive), "HEAD")
        with tarfile.open(archive) as tar:
            tar.extractall(clean, filter="data")
        run(
            [sys.executable, "-m", "hatchling", "build", "-d", str(into.absolute())],
            cwd=clean,
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
        )
    version = stated_version(root)
    return (
        into / f"streamsel-{version}-py3-none-any.whl",
        into / f"streamsel-{version}.tar.gz",
    )


def check_archives(root: Path, wheel: Path, source: Path) -> None:
    """Raise :class:`RefusedError` unless the archives have all of the package, and no more."""
    tracked = set(git(root, "ls-files", "streamsel").splitlines())
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        told = HeaderParser().parsestr(archive.read(metadata).decode())
    inside = metadata.removesuffix("METADATA")
    packed = {name for name in names if not name.startswith(inside)}
    require_equal("the wheel", packed, tracked)
    if told["Version"] != stated_version(root):
        raise RefusedError(f"the wheel is of version {told['Version']}")
    for name in ("licenses/LICENSE", "entry_points.txt"):
        if inside + name not in names:
            raise RefusedError(f"the wheel lacks {name}")
    with tarfile.open(source) as tar:
        top = source.name.removesuffix(".tar.gz") + "/streamsel/"
        packed = {"streamsel/" + name.removeprefix(top) for name in tar.getnames() if top in name}
    require_equal("the source archive", packed, tracked)


def require_equal(what: str, packed: set[str], tracked: set[str]) -> None:
    """Raise :class:`RefusedError` that names some of the differing files."""
    if missing := sorted(tracked - packed):
        raise RefusedError(f"{what} lacks {', '.join(missing[:5])}")
    if more := sorted(packed - tracked):
        raise RefusedError(f"{what} has {', '.join(more[:5])}, which no commit has")


def bare_environment(folder: Path, packages_of: str | None) -> list[str]:
    """Make an environment in ``folder / "bare"``; return the command that installs into it.

    It has what the wheel depends on: from the lock, or that of the environment of another Python.
    """
    python = str(folder / "bare" / "bin" / "python")
    run([sys.executable, "-m", "venv", "--without-pip", str(folder / "bare")], cwd=folder)
    pip = [packages_of or sys.executable, "-m", "pip", "--python", python, "--quiet"]
    install = [*pip, "--disable-pip-version-check", "install"]
    if packages_of is None:
        lock = ROOT / ".ci" / "lock" / "run.txt"
        run([*install, "--no-deps", "--require-hashes", "-r", str(lock)], cwd=folder)
        choose = [sys.executable, str(ROOT / ".ci" / "choose_torch.py"), "--show", "torch"]
        words = shlex.split(run(choose, cwd=folder).splitlines()[-1])
        run([*install, *words[words.index("install") + 1 :]], cwd=folder)
    else:
        where = "import site; print(*site.getsitepackages(), sep='\\n')"
        [own] = run([python, "-c", where], cwd=folder).splitlines()
        (Path(own) / "borrowed.pth").write_text(run([packages_of, "-c", where], cwd=folder))
    return [*install, "--no-deps"]


def try_wheel(wheel: Path, folder: Path, packages_of: str | None) -> None:
    """Install the wheel into a bare environment in ``folder``, and select frames there.

    Raises :class:`RefusedError` for a wheel that does not work.
    """
    run([*bare_environment(folder, packages_of), str(wheel.absolute())], cwd=folder)
    programs, empty = folder / "bare" / "bin", folder / "empty"
    empty.mkdir()
    shown = run([str(programs / "streamsel"), "--version"], cwd=empty).split()
    if shown[-1] != wheel.name.split("-")[1]:
        raise RefusedError(f"the wheel's command says that it is {shown[-1]}")
    where = "import streamsel; print(streamsel.__file__)"
    place = run([str(programs / "python"), "-c", where], cwd=empty).strip()
    if not Path(place).is_relative_to(folder):
        raise RefusedError(f"not the wheel was tried, but {place}")
    demo = [str(programs / "streamsel"), "demo", "-n", "4", "-o", "demo", "--quiet"]
    run(demo, cwd=empty)
    if len((empty / "demo" / "kept" / "manifest.jsonl").read_text().splitlines()) != 4:
        raise RefusedError("the wheel's demo did not keep 4 frames")


def git(root: Path, *arguments: str) -> str:
    """Return what git prints."""
    return run(["git", *arguments], cwd=root).strip()


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it prints; raises :class:`RefusedError` if it fails.

    The folder of the checkout is not on Python's path.
    """
    clean = {name: value for name, value in (env or os.environ).items() if name != "PYTHONPATH"}
    ended = subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RefusedError(f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}".strip())
    return ended.stdout


def release(root: Path, version: str, packages_of: str | None, *, tag: bool) -> None:
    """Make the release; see the module. Raises :class:`RefusedError`."""
    check_sources(root, version)
    wheel, source = build(root, root / DIST)
    print(f"built {wheel.name} and {source.name} in {DIST}/")
    check_archives(root, wheel, source)
    with tempfile.TemporaryDirectory() as folder:
        try_wheel(wheel, Path(folder), packages_of)
    print("the wheel works in a bare environment")
    if tag:
        git(root, "tag", "--annotate", f"v{version}", "--message", f"streamsel {version}")
        print(f"tagged v{version}; to publish: git push origin v{version}, upload {DIST}/")


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version")
    parser.add_argument("--packages-of", metavar="PYTHON", help="offline: take dependencies there")
    parser.add_argument("--no-tag", action="store_true", help="check and build only")
    given = parser.parse_args()
    try:
        release(ROOT, given.version, given.packages_of, tag=not given.no_tag)
    except RefusedError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
