"""A release is made of one commit, says one version, and works where nothing else is."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.conftest import leave_out

ROOT = Path(__file__).parents[2]
_SPEC = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
assert _SPEC is not None
assert _SPEC.loader is not None
release = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(release)

CHANGELOG = "# Changelog\n\n## 0.2.0 - 2026-12-01\n\n- A change.\n\n## 0.1.0 - 2026-11-30\n"


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "Prepare")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A commit that is ready to be released as 0.2.0."""
    folder = tmp_path / "project"
    (folder / "streamsel").mkdir(parents=True)
    (folder / "streamsel" / "version.py").write_text('"""V."""\n\n__version__ = "0.2.0"\n')
    (folder / "CHANGELOG.md").write_text(CHANGELOG)
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def test_a_commit_that_says_its_version_is_released(project: Path) -> None:
    release.check_sources(project, "0.2.0")


def test_what_is_not_a_release_is_refused_with_what_to_do(project: Path) -> None:
    def refused(version: str, why: str) -> None:
        with pytest.raises(release.RefusedError, match=why):
            release.check_sources(project, version)

    refused("v0.2", "is no version; write it like")
    refused("0.3.0", r"version\.py says 0\.2\.0; write 0\.3\.0")
    (project / "left.txt").touch()
    refused("0.2.0", "uncommitted changes")
    (project / "left.txt").unlink()
    git(project, "tag", "v0.2.0")
    refused("0.2.0", r"the tag v0\.2\.0 exists")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (CHANGELOG.replace("0.2.0 - 2026-12-01", "Unreleased"), "begins with 'Unreleased'"),
        (CHANGELOG.replace("0.2.0 - 2026-12-01", "0.2.0"), "begins with '0.2.0'"),
        (CHANGELOG.replace("0.2.0", "0.3.0"), "first section must be '## 0.2.0 - "),
        (CHANGELOG.replace("- A change.", ""), "section of 0.2.0 in CHANGELOG.md is empty"),
        ("# Changelog\n", "begins with 'nothing'"),
    ],
)
def test_a_changelog_without_the_version_is_refused(text: str, why: str) -> None:
    with pytest.raises(release.RefusedError) as refused:
        release.check_changelog(text, "0.2.0")
    assert why in str(refused.value)


def packed(folder: Path, files: dict[str, str]) -> tuple[Path, Path]:
    """Both archives of these files of the package, as the build names them."""
    wheel = folder / "streamsel-0.2.0-py3-none-any.whl"
    about = "streamsel-0.2.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.4\nVersion: 0.2.0\n")
        archive.writestr(f"{about}/licenses/LICENSE", "")
        archive.writestr(f"{about}/entry_points.txt", "")
    source = folder / "streamsel-0.2.0.tar.gz"
    with tarfile.open(source, "w:gz") as tar:
        for name in files:
            tar.add(folder / "project" / "streamsel" / "version.py", f"streamsel-0.2.0/{name}")
    return wheel, source


def test_archives_have_the_files_of_the_commit_and_no_others(project: Path, tmp_path: Path) -> None:
    whole = {"streamsel/version.py": ""}
    release.check_archives(project, *packed(tmp_path, whole))
    with pytest.raises(release.RefusedError, match=r"the wheel has streamsel/left\.py, which no"):
        release.check_archives(project, *packed(tmp_path, {**whole, "streamsel/left.py": ""}))
    (project / "streamsel" / "weights.bin").touch()
    commit(project)
    with pytest.raises(release.RefusedError, match=r"the wheel lacks streamsel/weights\.bin"):
        release.check_archives(project, *packed(tmp_path, whole))


def test_the_checkout_is_built_tried_in_a_bare_environment_and_tagged(tmp_path: Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        leave_out("hatchling is not installed, which builds the package")
    project = tmp_path / "project"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "streamsel", "pyproject.toml", "README.md", "LICENSE", ".ci"],
        *(),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")[:-1]
    for name in tracked:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, project / name)
    version = release.stated_version(project)
    (project / "CHANGELOG.md").write_text(f"# Changelog\n\n## {version} - 2026-12-01\n\n- All.\n")
    git(project, "init", "--quiet")
    git(project, "config", "user.name", "Tester")
    git(project, "config", "user.email", "tester@example.org")
    commit(project)
    ended = subprocess.run(
        [sys.executable, ".ci/release.py", version, "--packages-of", sys.executable],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "the wheel works in a bare environment" in ended.stdout
    git(project, "rev-parse", f"v{version}^{{commit}}")


def test_only_the_python_that_runs_the_tests_is_claimed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    claimed = {
        one.rpartition(" ")[2]
        for one in project["classifiers"]
        if one.startswith("Programming Language :: Python :: 3.")
    }
    image = (ROOT / "deploy" / "Dockerfile").read_text()
    assert claimed == {"3.11"}
    assert project["requires-python"] == ">=3.11"
    assert "ARG PYTHON=3.11." in image
