"""Networks of timm: ``timm:resnet50``, ``timm:vit_small_patch14_dinov2``.

The network is used without its classifier: a vector is timm's pooled output. Thumbnails are made as
in timm's own evaluation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from textwrap import shorten
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from torch import nn

from streamsel.embed.backbones.hub import not_waiting, reachable
from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.backbones.weights import State, digest, fit_state, load_state
from streamsel.embed.device import choose_device
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Scaling, View

# A network's configuration in timm.
_Card: TypeAlias = Mapping[str, Any]

_SCALINGS: Mapping[str, Scaling] = {
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "lanczos": "lanczos",
}
# Errors of timm for a network that it cannot create.
_FAILED = (AssertionError, LookupError, OSError, RuntimeError, TypeError, ValueError)
_FILE = "model.safetensors"
_ELSEWHERE = ("hf-hub:", "hf_hub:", "local-dir:")


def open_timm(name: str, weights: str | None, device: str) -> TorchEmbedder:
    """Load ``timm:NAME``; ``weights`` is a file of its weights, None: download and cache them.

    Raises :class:`ConfigurationError` if timm is not installed or does not know the name;
    :class:`EmbedderError` if weights cannot be fetched or do not fit, or the device does not exist.
    """
    asked = f"timm:{name}"
    place = choose_device(device)
    timm = import_library(asked, "timm", "timm", vision=True)
    if not name.startswith(_ELSEWHERE):
        _check_name(timm, asked, name)
    if weights is None:
        network = _create(timm, asked, name, _where(timm, asked, name))
    else:
        network = _create(timm, asked, name, None)
        fit_state(network, _converted(network, load_state(weights)), weights, _heads(network))
    network.eval()
    card = timm.data.resolve_model_data_config(network)
    found = digest(network.state_dict())
    return TorchEmbedder(asked, network, preparation(asked, card), found, place)


def preparation(asked: str, card: _Card) -> Preparation:
    """Return the preprocessing for the data configuration that ``timm.data`` resolves.

    Crop mode ``center`` becomes the crop of a :class:`View`. ``squash`` squashes the whole picture,
    without the margin that timm cuts off afterwards. ``border`` keeps the aspect ratio and pads; a
    View cannot do that, so the picture is squashed, which also keeps all of it visible. Raises
    :class:`EmbedderError` for pictures that are not square, or not RGB.
    """
    channels, height, width = card["input_size"]
    if channels != 3 or height != width:
        raise EmbedderError(
            f"embedder {asked!r} wants {width} x {height} pictures of {channels} channels; "
            "only square ones in colour are made"
        )
    crop = min(1.0, float(card["crop_pct"])) if card["crop_mode"] == "center" else None
    view = View(height, crop, _SCALINGS.get(card["interpolation"], "bicubic"))
    red, green, blue = (float(each) for each in card["mean"])
    mean = red, green, blue
    red, green, blue = (float(each) for each in card["std"])
    return Preparation(view, mean, (red, green, blue))


def _check_name(timm: Any, asked: str, name: str) -> None:
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        close = get_close_matches(base, timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else "; see timm.list_models()"
        raise ConfigurationError(f"embedder {asked!r}: timm has no such network{hint}")
    # Checked against timm's configurations, because some tags have no weights of their own.
    tags = timm.models.get_arch_pretrained_cfgs(base)
    if tag and name not in tags:
        known = ", ".join(each.partition(".")[2] for each in tags)
        raise ConfigurationError(f"embedder {asked!r}: timm knows {base} with {known}")


def _create(timm: Any, asked: str, name: str, published: str | None) -> nn.Module:
    """Create a network with the weights at the address ``published``; None: with random weights.

    An empty address leaves the download to timm. Cached weights are not fetched again.
    """
    wanted = published is not None
    try:
        with not_waiting():
            network: nn.Module = timm.create_model(name, pretrained=wanted, num_classes=0)
    except _FAILED as error:
        if not published or not isinstance(error, OSError):
            raise EmbedderError(f"embedder {asked!r} cannot be loaded: {_reason(error)}") from error
        cut = not reachable(published)
        reason = f"{urlsplit(published).hostname} cannot be reached" if cut else _reason(error)
        raise EmbedderError(
            f"embedder {asked!r}: its weights cannot be downloaded ({reason}); "
            f"fetch {published} elsewhere and give the file with --weights"
        ) from error
    return network


def _where(timm: Any, asked: str, name: str) -> str:
    """Return the address of a network's weights; empty if only timm knows it."""
    if name.startswith(_ELSEWHERE):
        return ""
    card: _Card = timm.models.get_pretrained_cfg(name).to_dict()
    if card.get("hf_hub_id"):
        hub: Any = import_module("huggingface_hub")
        return str(hub.hf_hub_url(card["hf_hub_id"], card.get("hf_hub_filename") or _FILE))
    if not card.get("url"):
        raise EmbedderError(
            f"embedder {asked!r}: nobody published weights for it; give a file with --weights"
        )
    return str(card["url"])


def _reason(error: Exception) -> str:
    return shorten(str(error).partition("\n")[0] or type(error).__name__, 200)


def _converted(network: nn.Module, state: State) -> State:
    """Convert weights from the original authors' names to those of timm."""
    if set(network.state_dict()) <= set(state):
        return state
    module = sys.modules[type(network).__module__]
    convert: Callable[[State, nn.Module], State] | None = getattr(
        module, "checkpoint_filter_fn", None
    )
    if convert is None:
        return state
    try:
        return dict(convert(state, network))
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError):
        # Neither form: fitting the weights reports the missing one.
        return state


def _heads(network: nn.Module) -> tuple[str, ...]:
    """Return the names of the modules that hold the removed classifier."""
    card: _Card = getattr(network, "pretrained_cfg", {}) or {}
    heads = card.get("classifier") or ()
    here = network.state_dict()
    found = []
    for head in (heads,) if isinstance(heads, str) else heads:
        parent = head.rpartition(".")[0]
        # A parent module removed together with the classifier is part of it.
        gone = parent and not any(name.startswith(f"{parent}.") for name in here)
        found.append(parent if gone else head)
    return tuple(found)
