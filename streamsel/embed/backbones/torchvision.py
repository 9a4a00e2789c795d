"""Classifiers of torchvision without their last layer: ``torchvision:resnet50``."""

from __future__ import annotations

import re
import sys
from difflib import get_close_matches
from textwrap import shorten
from types import ModuleType
from typing import Any, get_args

from torch import nn

from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.backbones.weights import State, digest, fit_state, load_state
from streamsel.embed.device import choose_device
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Scaling, View
from streamsel.interfaces.embedding import Embedder

# Attributes of the classifier in torchvision's families. Its last, linear layer is removed.
_HEADS = ("fc", "classifier", "heads", "head")

# Built with the options of their weights, without parts that serve training only.
_INCEPTIONS = ("googlenet", "inception_v3")
_AS_TRAINED = {"transform_input": True, "init_weights": False, "aux_logits": False}
_SIDE_HEADS = ("aux1", "aux2", "AuxLogits")

# Names in old densenet files. torchvision renames them only when it downloads weights.
_OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])")
_BOX = "box"


def open_torchvision(rest: str, weights: str | None, device: str) -> Embedder:
    """Open a classifier by its name, with torchvision's best weights or those of a file.

    Its vectors are the input of its last linear layer. The preprocessing is that of the best
    weights, also for weights from a file. Raises :class:`ConfigurationError` for a name that
    torchvision does not have or a network without a final linear layer, :class:`EmbedderError` for
    weights that cannot be fetched or do not fit.
    """
    asked = f"torchvision:{rest}"
    models: Any = import_library(asked, "torchvision", "torchvision", vision=True).models
    _check_name(asked, rest, models)
    place = choose_device(device)
    best = models.get_model_weights(rest).DEFAULT
    if weights is None:
        network = _download(asked, rest, models, best)
        behead(asked, network)
    else:
        options = _AS_TRAINED if rest in _INCEPTIONS else {}
        network = models.get_model(rest, weights=None, **options)
        head = behead(asked, network)
        fit_state(network, read_weights(weights), weights, (head, *_SIDE_HEADS))
    return TorchEmbedder(
        asked,
        network.eval(),
        _preparation(asked, best.transforms()),
        digest(network.state_dict()),
        place,
    )


def behead(asked: str, network: nn.Module) -> str:
    """Replace a classifier's last linear layer by the identity; return that layer's name."""
    for name in _HEADS:
        head = getattr(network, name, None)
        if isinstance(head, nn.Linear):
            setattr(network, name, nn.Identity())
            return name
        if isinstance(head, nn.Sequential) and isinstance(head[-1], nn.Linear):
            last, _ = list(head.named_children())[-1]
            setattr(head, last, nn.Identity())
            return f"{name}.{last}"
    raise ConfigurationError(
        f"embedder {asked!r} does not end in a linear classifier, which could be left out; "
        "export the part that you want and use onnx:FILE or torchscript:FILE"
    )


def read_weights(path: str) -> State:
    """Read weights; names in old densenet files are converted to the current ones."""
    return {_OLD_NAME.sub(r"\1\2", name): each for name, each in load_state(path).items()}


def _check_name(asked: str, name: str, models: ModuleType) -> None:
    known = models.list_models(module=models)
    if name in known:
        return
    close = get_close_matches(name.lower(), known, n=1)
    hint = f"did you mean {close[0]}?" if close else "it has, e.g., resnet50 and vit_b_16"
    raise ConfigurationError(f"embedder {asked!r}: torchvision has no classifier {name!r}; {hint}")


def _download(asked: str, name: str, models: ModuleType, best: Any) -> nn.Module:
    try:
        network: nn.Module = models.get_model(name, weights=best, progress=sys.stderr.isatty())
    except (OSError, RuntimeError) as error:
        raise EmbedderError(
            f"embedder {asked!r}: its weights cannot be fetched ({shorten(str(error), 160)}); "
            f"fetch {best.url} elsewhere and give the file with --weights"
        ) from error
    return network


def _preparation(asked: str, transforms: Any) -> Preparation:
    """Return torchvision's preprocessing: scale the shorter side, crop the centre, normalise."""
    (side, *_), (resized, *_) = transforms.crop_size, transforms.resize_size
    kernel: str = transforms.interpolation.value
    found: Scaling | None = "area" if kernel == _BOX else None
    for known in get_args(Scaling):
        found = known if known == kernel else found
    if found is None:
        raise EmbedderError(f"embedder {asked!r} scales pictures by {kernel}, which is unknown")
    view = View(side, min(1.0, side / resized), found)
    return Preparation(view, tuple(transforms.mean), tuple(transforms.std))
