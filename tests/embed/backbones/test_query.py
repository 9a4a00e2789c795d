from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.embed.backbones.query import FileQuery, parse_file
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"")
    return path


def parse(file: Path, query: str) -> FileQuery:
    return parse_file("onnx", f"{file}?{query}", None)


def test_a_bare_file_is_seen_whole_and_normalised_as_for_imagenet(file: Path) -> None:
    query = parse_file("onnx", str(file), None)
    assert query.view(64) == View(64, None, "area")
    assert (query.mean, query.std) == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert not query.normalised
    assert (query.asked, query.path) == (f"onnx:{file}", file)


def test_one_name_tells_mean_and_deviation(file: Path) -> None:
    clip = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    for text in ("mean=clip", "std=clip", "mean=clip&std=clip"):
        query = parse(file, text)
        assert (query.mean, query.std) == clip
    query = parse(file, "mean=0,0.5,1&std=clip")
    assert (query.mean, query.std) == ((0, 0.5, 1), clip[1])
    assert parse(file, "mean=0&std=1").std == (1, 1, 1)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("sise=224", r"'sise' is not known; did you mean size\? Known: size, mean, std, scaling"),
        ("zzz", r"'zzz' is not known\. Known: size"),
        ("size", "size has no value"),
        ("size=1&size=2", "size is there twice"),
        ("size=7", "size is '7'; it must be pixels, 8 to 2048"),
        ("size=224.0", r"size is '224\.0'"),
        ("crop=0", "crop is '0'; it must be a share of the shorter side"),
        ("crop=1.1", r"crop is '1\.1'"),
        ("crop=nan", "crop is 'nan'"),
        ("scaling=nearest", "scaling is 'nearest'; it must be area, bilinear, bicubic, lanczos"),
        ("mean=0.5", "mean is given; add std"),
        ("std=0.5", "std is given; add mean"),
        ("mean=1,2&std=1", "mean is '1,2'; it must be one of imagenet, clip, or one or three"),
        ("mean=none&std=1", "mean is 'none'"),
        ("mean=0&std=0,1,1", "std is '0,1,1'; it must be more than 0"),
        ("mean=inf&std=1", "mean is 'inf'"),
    ],
)
def test_what_cannot_be_is_refused(file: Path, query: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as refusal:
        parse(file, query)
    assert str(refusal.value).startswith(f"embedder 'onnx:{file}?{query}'")


def test_a_file_must_be_there_and_bring_its_weights(file: Path) -> None:
    with pytest.raises(EmbedderError, match=r"there is no file /nowhere/model\.onnx$"):
        parse_file("onnx", "/nowhere/model.onnx?size=224", None)
    with pytest.raises(ConfigurationError, match=r"names no file; write onnx:FILE"):
        parse_file("onnx", "?size=224", None)
    with pytest.raises(ConfigurationError, match="leave --weights out"):
        parse_file("onnx", str(file), "weights.pt")
