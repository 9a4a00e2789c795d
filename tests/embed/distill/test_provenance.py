"""What weights were trained with, beside them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from streamsel.embed.distill.provenance import Provenance


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_each_file_is_named_with_its_hash_and_photographs_share_one(tmp_path: Path) -> None:
    weights = put(tmp_path / "builtin.safetensors", b"weights")
    photographs = [put(tmp_path / f"{n}.jpg", b"photograph %d" % n) for n in range(2)]
    Provenance(
        teachers=(put(tmp_path / "teacher.onnx", b"teacher"),),
        videos=tmp_path / "videos",
        clips=(put(tmp_path / "videos/street/a.mp4", b"clip"),),
        photographs=tuple(photographs),
        options={"steps": 5},
    ).write(weights)
    told = json.loads((tmp_path / "builtin.json").read_text())
    assert told["weights"] == sha256(b"weights")
    assert told["teachers"] == {"teacher.onnx": sha256(b"teacher")}
    assert told["clips"] == {"street/a.mp4": sha256(b"clip")}
    digests = b"".join(hashlib.sha256(one.read_bytes()).digest() for one in photographs)
    assert told["photographs"] == {"count": 2, "sha256": sha256(digests)}
    assert told["options"] == {"steps": 5}
    assert set(told["versions"]) == {"streamsel", "torch"}
