"""torchvision is imported whatever build of torch it was made for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streamsel.embed.backbones.libraries import import_library
from streamsel.errors import ConfigurationError, EmbedderError

# Where torchvision's operators fit this torch, they are hidden: what is left is the usual build
# next to another torch.
IMPORT = """
import torch
load = torch.ops.load_library
def refuse(path):
    raise OSError("libc10_cuda.so: cannot open shared object file")
torch.ops.load_library = refuse
from streamsel.embed.backbones.libraries import import_torchvision
vision = import_torchvision()
assert import_torchvision() is vision
network = vision.models.get_model("shufflenet_v2_x0_5", weights=None).eval()
assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 1000)
try:
    vision.ops.nms(torch.zeros(1, 4), torch.zeros(1), 0.5)
except RuntimeError as error:
    print(type(error).__name__)
"""


def test_torchvision_without_its_operators_still_classifies() -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "RuntimeError\n", "")


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (
            "import not_installed_anywhere.part",
            ConfigurationError,
            "needs not_installed_anywhere: ",
        ),
        ("raise ImportError('libX.so: too old')", EmbedderError, r"broken_one is broken: libX\.so"),
        ("raise RuntimeError('no\\nCUDA')", EmbedderError, "broken_one is broken: no CUDA$"),
    ],
)
def test_what_is_missing_or_broken_is_told_apart(
    source: str,
    kind: type[Exception],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "broken_one.py").write_text(source + "\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(kind, match=rf"^embedder 'x:y'.* {message}"):
        import_library("x:y", "broken_one", "extra")
