"""Pictures, and small networks with random weights in the files of their libraries."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image, ImageFilter
from torch import Tensor, nn

from streamsel.embed.backbones.libraries import import_library
from streamsel.frame import Picture, Thumbnail, Vectors, View
from streamsel.interfaces.embedding import Embedder
from streamsel.sources.thumbnails.cpu import CpuThumbnailer

WIDTH = 8
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

TEXT = {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
TRANSFORMER = {"image_size": 64, "layers": 2, "width": 32, "head_width": 16, "patch_size": 16}


def photograph(seed: int = 0, size: tuple[int, int] = (320, 200)) -> Image.Image:
    """Soft shapes of many colours, other ones on the left than on the right."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (10, 16, 3), np.uint8)
    whole = Image.fromarray(coarse).resize(size, Image.Resampling.NEAREST)
    return whole.filter(ImageFilter.GaussianBlur(3))


def seen(photo: Image.Image, view: View) -> Thumbnail:
    """What the thumbnailer shows of a decoded picture."""
    image = av.VideoFrame.from_ndarray(np.asarray(photo), format="rgb24")
    return CpuThumbnailer().thumbnail(Picture(image), view)


def noise(count: int, side: int, seed: int = 0) -> list[Thumbnail]:
    rng = np.random.default_rng(seed)
    return list(rng.integers(0, 256, (count, side, side, 3), np.uint8))


def normalised(
    thumbnails: Sequence[Thumbnail],
    mean: Sequence[float] = IMAGENET[0],
    std: Sequence[float] = IMAGENET[1],
) -> Tensor:
    """(N, 3, S, S) as a network of a library is given it."""
    pixels = torch.from_numpy(np.stack(thumbnails).transpose(0, 3, 1, 2).astype(np.float32))
    return (pixels / 255 - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def unit(vectors: Tensor) -> Vectors:
    return nn.functional.normalize(vectors.detach().float()).numpy()


def assert_same_for_any_batching(embedder: Embedder, thumbnails: Sequence[Thumbnail]) -> None:
    together = embedder.embed(thumbnails)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)
    assert not together.flags.writeable
    assert len(np.unique(together, axis=0)) == len(thumbnails)
    alone = np.concatenate([embedder.embed([each]) for each in thumbnails])
    assert together.tobytes() == alone.tobytes()
    assert together[::-1].tobytes() == embedder.embed(thumbnails[::-1]).tobytes()
    assert embedder.embed([]).shape == (0, embedder.dim)


def assert_sees_as(embedder: Embedder, photo: Image.Image, theirs: Tensor, vector: Vectors) -> None:
    """Check the eye and the embedder against a library's transform, (3, S, S), and vector."""
    thumbnail = seen(photo, embedder.view)
    (ours,) = embedder.embed([thumbnail])
    assert theirs.shape == (3, embedder.view.side, embedder.view.side)
    assert ours @ vector > 0.999
    squashed = embedder.view.crop is None
    other = View(embedder.view.side, 0.8 if squashed else None, embedder.view.scaling)
    (wrong,) = embedder.embed([seen(photo, other)])
    assert wrong @ vector < ours @ vector
    assert 1 - ours @ vector < 0.1 * (1 - wrong @ vector)


def small_network(*, pooled: bool = False) -> nn.Sequential:
    """(N, 3, S, S) to (N, 8), or to (N, 8, 1, 1) as ``pooled`` leaves it."""
    torch.manual_seed(0)
    end = () if pooled else (nn.Flatten(),)
    network = nn.Sequential(
        nn.Conv2d(3, WIDTH, 4, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), *end
    )
    return network.eval()


# torch leaves it without types.
trace: Callable[[nn.Module, Tensor], torch.jit.ScriptModule] = torch.jit.trace


def save_script(network: nn.Module, path: Path, side: int = 32) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(trace(network, torch.zeros(2, 3, side, side)), path)
    return path


def save_program(
    network: nn.Module, path: Path, example: Tensor, dynamic: dict[int, object] | None
) -> Path:
    shapes = None if dynamic is None else (dynamic,)
    torch.export.save(torch.export.export(network, (example,), dynamic_shapes=shapes), path)
    return path


def save_onnx(
    path: Path,
    shape: Sequence[str | int] = ("batch", 3, 32, 32),
    *,
    kind: int = TensorProto.FLOAT,
    outputs: Sequence[str] = ("vectors",),
    inputs: int = 1,
    outside: str | None = None,
) -> Path:
    """Write ``small_network`` as ONNX; ``outside`` is a file for its weights.

    Outputs are among ``maps`` (N, 8, 8, 8), ``pooled`` (N, 8, 1, 1), ``vectors`` (N, 8),
    ``half`` (N, 4) and ``tokens`` (N, 8, 1).
    """
    convolution = small_network()[0]
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    weights = [
        numpy_helper.from_array(convolution.weight.detach().numpy(), "kernel"),
        numpy_helper.from_array(convolution.bias.detach().numpy(), "bias"),
        numpy_helper.from_array(np.array([WIDTH // 2] * 2), "halves"),
        numpy_helper.from_array(np.array([2]), "last"),
    ]
    nodes = [helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT)]
    if shape[-1] == 3:
        nodes += [helper.make_node("Transpose", ["floats"], ["upright"], perm=[0, 3, 1, 2])]
    else:
        nodes += [helper.make_node("Identity", ["floats"], ["upright"])]
    nodes += [
        helper.make_node("Conv", ["upright", "kernel", "bias"], ["raw"], strides=[4, 4]),
        helper.make_node("Relu", ["raw"], ["maps"]),
        helper.make_node("GlobalAveragePool", ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["vectors"]),
        helper.make_node("Split", ["vectors", "halves"], ["half", "rest"], axis=1),
        helper.make_node("Unsqueeze", ["vectors", "last"], ["tokens"]),
    ]
    if len(shape) != 4:
        nodes = [helper.make_node("Flatten", ["pixels"], ["vectors"])]
    batch = shape[0]
    shapes: dict[str, list[str | int | None]] = {
        "maps": [batch, WIDTH, None, None],
        "pooled": [batch, WIDTH, 1, 1],
        "vectors": [batch, WIDTH],
        "half": [batch, WIDTH // 2],
        "tokens": [batch, WIDTH, 1],
    }
    given = [helper.make_tensor_value_info("pixels", kind, shape)]
    given += [helper.make_tensor_value_info(f"extra{i}", kind, shape) for i in range(1, inputs)]
    found = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes[name]) for name in outputs
    ]
    graph = helper.make_graph(nodes, "small", given, found, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(
        model,
        path,
        save_as_external_data=outside is not None,
        location=outside,
        size_threshold=64,
    )
    return path


def make_clip(place: Path, vision: dict[str, Any], seen: dict[str, Any], **more: Any) -> Path:
    """A model with random weights in a folder, as open_clip stores its own."""
    library: Any = import_library("open_clip:any", "open_clip", "open-clip", vision=True)
    place.mkdir(exist_ok=True)
    config = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": TEXT} | more
    (place / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": seen})
    )
    torch.manual_seed(0)
    model = library.create_model(f"local-dir:{place}")
    torch.save(model.state_dict(), place / "open_clip_model.bin")
    return place
