"""Reading several inputs at once changes nothing but the time it takes."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from streamsel.sources.demo.synthetic import render_demo
from tests.end_to_end.conftest import manifest, streamsel


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inputs")
    render_demo(folder / "a.mp4", seconds=12, size=(320, 180))
    render_demo(folder / "c.mkv", seconds=8, size=(160, 90))
    (folder / "b.mp4").write_bytes(b"no video at all" * 100)
    content = bytearray((folder / "a.mp4").read_bytes())
    content[len(content) // 2 : len(content) // 2 + 400] = b"\xff" * 400
    (folder / "d.mp4").write_bytes(content)
    with av.open(str(folder / "c.mkv")) as container:
        for index, image in enumerate(container.decode(video=0)):
            if index % 40 == 0:
                Image.fromarray(image.to_ndarray(format="rgb24")).save(folder / f"{index:03d}.png")
    return folder


def run(inputs: Path, out: Path, *options: object) -> tuple[list[dict[str, object]], object]:
    ended = streamsel("select", inputs, "-n", 25, "-o", out, "--json", *options)
    assert ended.code == 1, ended.err  # b.mp4 cannot be read
    result = json.loads(ended.out)
    return manifest(out), [result[name] for name in ("frames", "kept", "refused", "errors")]


def test_any_number_of_jobs_gives_the_same(inputs: Path, tmp_path: Path) -> None:
    alone = run(inputs, tmp_path / "1")
    assert len(alone[0]) == 25
    assert {line["feed"] for line in alone[0]} >= {"a", "c"}
    for jobs in (2, 3):
        assert run(inputs, tmp_path / str(jobs), "--jobs", jobs) == alone


def test_a_run_goes_on_with_another_number_of_jobs(inputs: Path, tmp_path: Path) -> None:
    alone = run(inputs, tmp_path / "alone")
    out = tmp_path / "resumed"
    command = [sys.executable, "-m", "streamsel", "select", str(inputs), "-n", "25", "-o", str(out)]
    process = subprocess.Popen([*command, "--jobs", "2"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    # The first feed has ended, others are being read.
    assert any("read to its end" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode in (130, 1)
    assert run(inputs, out, "--resume", "--jobs", 3) == alone


def test_one_input_needs_no_process(inputs: Path, tmp_path: Path) -> None:
    shutil.copy(inputs / "a.mp4", tmp_path / "a.mp4")
    ended = streamsel("select", tmp_path / "a.mp4", "-n", 5, "-o", tmp_path / "o", "--jobs", 8)
    assert ended.code == 0
    for wrong in ("0", "65", "many"):
        assert streamsel("select", "a.mp4", "-n", 5, "--dry-run", "--jobs", wrong).code == 2
