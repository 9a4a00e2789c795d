from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.backbones.open_clip import OpenClipEmbedder, open_open_clip
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View
from tests.embed.backbones.made import (
    TEXT,
    TRANSFORMER,
    assert_same_for_any_batching,
    assert_sees_as,
    make_clip,
    noise,
    normalised,
    photograph,
    unit,
)

library: Any = import_library("open_clip:any", "open_clip", "open-clip", vision=True)

WITH_TOKENS = {"embed_cls": True, "output_tokens": True}
WORDS = {**TEXT, "attn_pooler_heads": 2}
CONVOLUTIONS = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None}
SQUASHED = {
    "mean": [0.5, 0.5, 0.5],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bilinear",
    "resize_mode": "squash",
}
TEXTS = ["a photo of a dog", "a photo of two red cars", ""]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip"), TRANSFORMER, {})


@pytest.fixture
def tiny(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """open_clip knows two models of its own for as long as a test runs; returns their weights."""
    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    place = folder / "models"
    place.mkdir(exist_ok=True)
    for name in ("tiny", "tiny-quickgelu", "tiny-bare"):
        quick = {"quick_gelu": name == "tiny-quickgelu"}
        (place / f"{name}.json").write_text(json.dumps({**config, **quick}))
    weights = folder / "open_clip_model.bin"
    clip = {"mean": library.OPENAI_DATASET_MEAN, "std": library.OPENAI_DATASET_STD}
    clip = {**clip, "file": str(weights), "interpolation": "bicubic", "resize_mode": "shortest"}
    known = {
        "tiny": {"soft": clip, "quick": {**clip, "quick_gelu": True}, "flat": {**clip, **SQUASHED}},
        "tiny-quickgelu": {"soft": clip},
    }
    paths = library.factory._MODEL_CONFIG_PATHS
    monkeypatch.setattr(library.factory, "_MODEL_CONFIG_PATHS", [*paths, place])
    monkeypatch.setattr(library.factory, "_MODEL_CONFIGS", {})
    for name, tags in known.items():
        monkeypatch.setitem(library.pretrained._PRETRAINED, name, tags)
    library.factory._rescan_model_configs()
    return weights


def open_folder(folder: Path) -> tuple[OpenClipEmbedder, library.CLIP | library.CoCa]:
    """Our embedder, and the library's own model."""
    name = f"local-dir:{folder}"
    return open_open_clip(name, None, "cpu"), library.create_model(name).eval()


@pytest.mark.parametrize(
    ("vision", "more"),
    [
        (TRANSFORMER, {}),
        (CONVOLUTIONS, {"quick_gelu": True}),
        (TRANSFORMER, {"custom_text": True}),
        (
            {
                **TRANSFORMER,
                "attentional_pool": True,
                "attn_pooler_heads": 2,
                "output_tokens": True,
            },
            {"custom_text": True, "multimodal_cfg": WORDS, "text_cfg": {**TEXT, **WITH_TOKENS}},
        ),
    ],
    ids=["transformer", "convolutions", "other text", "CoCa"],
)
def test_vectors_are_those_of_the_image_tower(
    tmp_path: Path, vision: dict[str, Any], more: dict[str, Any]
) -> None:
    ours, theirs = open_folder(make_clip(tmp_path / "model", vision, {}, **more))
    thumbnails = noise(5, 64)
    pixels = normalised(thumbnails, library.OPENAI_DATASET_MEAN, library.OPENAI_DATASET_STD)
    with torch.inference_mode():
        expected = theirs.encode_image(pixels, normalize=True).numpy()
    assert ours.dim == 24
    np.testing.assert_allclose(ours.embed(thumbnails), expected, atol=2e-5)
    assert_same_for_any_batching(ours, thumbnails)


@pytest.mark.parametrize(
    ("seen", "view"),
    [({}, View(64, 1.0, "bicubic")), (SQUASHED, View(64, None, "bilinear"))],
    ids=["cut", "squashed"],
)
def test_pictures_are_seen_as_open_clip_shows_them(
    tmp_path: Path, seen: dict[str, Any], view: View
) -> None:
    ours, theirs = open_folder(make_clip(tmp_path / "model", TRANSFORMER, seen))
    assert ours.view == view
    photo = photograph()
    config = library.get_model_preprocess_cfg(theirs)
    kind, show = library.transform.PreprocessCfg, library.transform.image_transform_v2
    pixels = show(kind(**config), is_train=False)(photo)
    with torch.inference_mode():
        (expected,) = theirs.encode_image(pixels[None], normalize=True).numpy()
    assert_sees_as(ours, photo, pixels, expected)


def test_texts_share_the_space_of_pictures(folder: Path) -> None:
    ours, theirs = open_folder(folder)
    found = ours.embed_texts(TEXTS)
    tokens = library.get_tokenizer(f"local-dir:{folder}")(TEXTS)
    with torch.inference_mode():
        expected = theirs.encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.shape == (3, ours.dim)
    assert not found.flags.writeable
    assert found[1:2].tobytes() == ours.embed_texts(TEXTS[1:2]).tobytes()
    assert ours.embed_texts([]).shape == (0, 24)
    with pytest.raises(TypeError, match=r"write \[text\]"):
        ours.embed_texts("a photo of a dog")


def test_a_file_takes_the_place_of_the_download(tiny: Path) -> None:
    published = open_open_clip("tiny/soft", None, "cpu")
    given = open_open_clip("tiny/soft", str(tiny), "cpu")
    bare = open_open_clip("tiny-bare", str(tiny), "cpu")
    assert (published.name, bare.name) == ("open_clip:tiny/soft", "open_clip:tiny-bare")
    assert published.digest == given.digest == bare.digest
    thumbnails = noise(2, 64)
    for other in (given, bare):
        assert other.embed(thumbnails).tobytes() == published.embed(thumbnails).tobytes()
    assert given.embed_texts(TEXTS).tobytes() == published.embed_texts(TEXTS).tobytes()


def test_the_weights_say_how_their_network_is_used(tiny: Path) -> None:
    thumbnails = noise(2, 64)
    pixels = normalised(thumbnails, library.OPENAI_DATASET_MEAN, library.OPENAI_DATASET_STD)
    quick = library.create_model("tiny-quickgelu", str(tiny)).eval()
    with torch.inference_mode():
        expected = unit(quick.encode_image(pixels))
    for weights in (None, str(tiny)):
        found = open_open_clip("tiny/quick", weights, "cpu").embed(thumbnails)
        np.testing.assert_allclose(found, expected, atol=2e-5)
        assert open_open_clip("tiny/flat", weights, "cpu").view == View(64, None, "bilinear")
    soft = open_open_clip("tiny/soft", None, "cpu").embed(thumbnails)
    assert not np.allclose(soft, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "file", "message"),
    [
        ("tini/soft", False, r"open_clip has no model 'tini'; did you mean tiny\?"),
        ("vit-b/32/openai", False, r"no model 'vit-b-32'; did you mean ViT-B-32\?"),
        ("", False, "open_clip has no model ''"),
        ("tiny/sofd", False, "no weights 'sofd'; did you mean soft.; it has soft, quick, flat"),
        ("tiny", False, "does not say which weights; write open_clip:tiny/NAME, NAME one of soft"),
        ("tiny-bare", False, "no weights of tiny-bare; give a file with --weights"),
        ("tiny", True, "weights of tiny are not all used alike; write open_clip:tiny/NAME"),
        ("tiny-quickgelu/soft", False, "without quick GELU; write open_clip:tiny/soft"),
        ("local-dir:.", True, "comes with its weights; leave --weights out"),
    ],
)
def test_what_open_clip_does_not_know_is_refused(
    tiny: Path, name: str, file: bool, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        open_open_clip(name, str(tiny) if file else None, "cpu")


def test_the_models_of_openai_may_be_named_as_there(tiny: Path) -> None:
    with pytest.raises(
        EmbedderError, match=r"'open_clip:ViT-B/32/openai': there is no weights file"
    ):
        open_open_clip("ViT-B/32/openai", "/nowhere.pt", "cpu")


def test_weights_of_another_model_are_refused(tiny: Path, tmp_path: Path) -> None:
    torch.save({"kernel": torch.zeros(2, 2)}, tmp_path / "other.bin")
    (tmp_path / "text.bin").write_text("no weights")
    for name in ("other.bin", "text.bin"):
        with pytest.raises(EmbedderError, match=rf"{name} does not fit: \S+") as refusal:
            open_open_clip("tiny/soft", str(tmp_path / name), "cpu")
        assert "\n" not in str(refusal.value)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="cannot be loaded: 'local-dir:' specified, but config"):
        open_open_clip(f"local-dir:{tmp_path}", None, "cpu")


def test_pictures_that_must_be_padded_are_refused(tmp_path: Path) -> None:
    place = make_clip(tmp_path / "model", TRANSFORMER, {"resize_mode": "longest"})
    with pytest.raises(EmbedderError, match="by bicubic, longest; only squares, cut from the mid"):
        open_open_clip(f"local-dir:{place}", None, "cpu")


def test_weights_that_cannot_be_fetched_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", "/nowhere")
    with pytest.raises(
        EmbedderError,
        match=r"fetch https://\S+/resnet50_clip\.yfcc15m/\S+ elsewhere and give .* --weights$",
    ) as refusal:
        open_open_clip("RN50/yfcc15m", None, "cpu")
    assert "\n" not in str(refusal.value)


def test_a_tokenizer_that_is_missing_is_told(tmp_path: Path) -> None:
    text = {**TEXT, "hf_tokenizer_name": "nobody/nothing"}
    place = make_clip(tmp_path / "model", TRANSFORMER, {})
    config = json.loads((place / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"] = text
    (place / "open_clip_config.json").write_text(json.dumps(config))
    embedder = open_open_clip(f"local-dir:{place}", None, "cpu")
    assert embedder.embed(noise(1, 64)).shape == (1, 24)
    with pytest.raises(EmbedderError, match=r"cannot read texts: \S+"):
        embedder.embed_texts(TEXTS)


def test_the_root_logger_stays_as_it_was(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    open_open_clip(f"local-dir:{folder}", None, "cpu").embed_texts(TEXTS)
    assert root.handlers == []


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(
        ConfigurationError, match=r'needs open_clip: pip install "streamsel\[open-clip\]"$'
    ):
        open_open_clip("ViT-B-32/openai", None, "cpu")
