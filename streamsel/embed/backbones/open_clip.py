"""CLIP models of open_clip: ``open_clip:ViT-B-32/laion2b_s34b_b79k``.

Pictures and texts share one space, so kept frames can be searched by text.
"""

from __future__ import annotations

import importlib
import logging
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from textwrap import shorten
from types import ModuleType
from typing import Any, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn.functional import normalize

from streamsel.embed.backbones.hub import not_waiting
from streamsel.embed.backbones.libraries import import_library
from streamsel.embed.backbones.weights import digest
from streamsel.embed.device import choose_device, one_thread
from streamsel.embed.torch_embedder import Preparation, TorchEmbedder
from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import Scaling, Vectors, View

# Models outside open_clip's own list; they include their weights.
_ELSEWHERE = ("hf-hub:", "local-dir:")
_TOLD = 5
_SEEN = ("mean", "std", "interpolation", "resize_mode", "quick_gelu")

# Errors of open_clip for missing or wrong files, libraries and configurations.
_FAILED = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, OSError),
    *(RuntimeError, SafetensorError, TypeError, ValueError, pickle.UnpicklingError),
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model, open_clip's tag of its weights, and the configuration that belongs to them."""

    name: str
    model: str
    pretrained: str
    config: Mapping[str, Any]


class ImageTower(nn.Module):
    """The image encoder of a model, (N, 3, S, S) to (N, D)."""

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, pixels: Tensor) -> object:
        """Return the vectors; CoCa returns tokens too, which are discarded."""
        found: object = self.visual(pixels)
        return found[0] if isinstance(found, tuple) else found


class OpenClipEmbedder(TorchEmbedder):
    """Embeds pictures, and texts into the same space."""

    def __init__(
        self,
        name: str,
        model: nn.Module,
        preparation: Preparation,
        place: torch.device,
        open_tokenizer: Callable[[], Callable[[Sequence[str]], Tensor]],
    ) -> None:
        """Wrap a model of open_clip; its tokenizer is opened when the first text is embedded."""
        tower = ImageTower(model.get_submodule("visual"))
        super().__init__(name, tower, preparation, digest(tower.state_dict()), place)
        self._model: Any = model
        self._open_tokenizer = open_tokenizer
        self._reading = threading.Lock()

    @cached_property
    def _tokens_of(self) -> Callable[[Sequence[str]], Tensor]:
        return self._open_tokenizer()

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Embed texts, best whole phrases such as ``a photo of a dog``.

        Returns (N, D) read-only float32 unit vectors. Their scalar product with the vector of a
        picture rises with similarity. Computed on the CPU, text by text. Raises
        :class:`EmbedderError` if the model's tokenizer is missing or cannot be fetched.
        """
        if isinstance(texts, str):
            raise TypeError("texts is a sequence of texts; write [text] for a single one")
        found = np.empty((len(texts), self.dim), np.float32)  # (N, D)
        try:
            with self._reading, _at_peace(), one_thread(), torch.inference_mode():
                for row, text in enumerate(texts):
                    vectors = self._model.encode_text(self._tokens_of([text]))  # (1, D)
                    found[row] = normalize(vectors.float()).numpy()[0]
        except _FAILED as error:
            raise EmbedderError(
                f"embedder {self.name!r} cannot read texts: {_reason(error)}"
            ) from error
        found.flags.writeable = False
        return found


def open_open_clip(rest: str, weights: str | None, device: str) -> OpenClipEmbedder:
    """Open ``MODEL/PRETRAINED``; ``weights`` is a file to use instead of the download.

    With a file, PRETRAINED selects the preprocessing; it may be omitted if all weights of the model
    share one. MODEL may also be ``local-dir:FOLDER`` or ``hf-hub:NAME``, as in open_clip. Raises
    :class:`ConfigurationError` for names that open_clip does not know, :class:`EmbedderError` for
    weights that cannot be fetched or read.
    """
    asked = f"open_clip:{rest}"
    library = import_library(asked, "open_clip", "open-clip", vision=True)
    place = choose_device(device)
    wanted = _find(asked, rest, library, weights)
    if weights is not None and not Path(weights).is_file():
        raise EmbedderError(f"embedder {asked!r}: there is no weights file {weights}")
    model = _load(wanted, library, weights)
    preparation = _preparation(asked, library.get_model_preprocess_cfg(model))
    open_tokenizer = partial(library.get_tokenizer, wanted.model)
    return OpenClipEmbedder(asked, model.eval(), preparation, place, open_tokenizer)


def _find(asked: str, rest: str, library: ModuleType, weights: str | None) -> _Asked:
    if rest.startswith(_ELSEWHERE):
        if weights is not None:
            raise ConfigurationError(
                f"embedder {asked!r} comes with its weights; leave --weights out"
            )
        return _Asked(asked, rest, "", {})
    known = library.list_models()
    model, pretrained = rest.replace("/", "-"), ""  # OpenAI writes ViT-B/32
    if model not in known:
        place, _, pretrained = rest.rpartition("/")
        model = place.replace("/", "-")
    if model not in known:
        wrong = model or pretrained
        raise ConfigurationError(
            f"embedder {asked!r}: open_clip has no model {wrong!r}{_close(wrong, known)}"
        )
    tags = library.list_pretrained_tags_by_model(model)
    if pretrained and not library.is_pretrained_cfg(model, pretrained):
        raise ConfigurationError(
            f"embedder {asked!r}: {model} has no weights {pretrained!r}"
            f"{_close(pretrained, tags)}; it has {_some(tags)}"
        )
    if not pretrained:
        pretrained = _any_of(asked, model, tags, library, weights)
    return _Asked(asked, model, pretrained, library.get_pretrained_cfg(model, pretrained))


def _any_of(
    asked: str, model: str, tags: Sequence[str], library: ModuleType, weights: str | None
) -> str:
    """Return one of a model's tags, for the preprocessing of weights from a file.

    Raises :class:`ConfigurationError` without a file, or if the tags differ in preprocessing.
    """
    among = f"write open_clip:{model}/NAME, NAME one of {_some(tags)}"
    if weights is None:
        missing = f"has no weights of {model}; give a file with --weights"
        raise ConfigurationError(
            f"embedder {asked!r} does not say which weights; {among}"
            if tags
            else f"embedder {asked!r}: open_clip {missing}"
        )
    ways = {
        tuple(str(library.get_pretrained_cfg(model, tag).get(key)) for key in _SEEN) for tag in tags
    }
    if len(ways) > 1:
        raise ConfigurationError(
            f"embedder {asked!r}: weights of {model} are not all used alike; {among}"
        )
    return tags[0] if tags else ""


def _load(wanted: _Asked, library: ModuleType, weights: str | None) -> nn.Module:
    """Load the whole model with its weights on the CPU."""
    config = dict(wanted.config)
    quick = bool(config.get("quick_gelu"))
    if not quick and wanted.model.endswith("-quickgelu") and wanted.pretrained:
        raise ConfigurationError(
            f"embedder {wanted.name!r}: these weights were trained without quick GELU; "
            f"write open_clip:{wanted.model.removesuffix('-quickgelu')}/{wanted.pretrained}"
        )
    try:
        with _at_peace():
            model: nn.Module = library.create_model(
                wanted.model,
                weights or wanted.pretrained or None,
                force_quick_gelu=quick,
                force_preprocess_cfg=config,
                require_pretrained=True,
            )
    except _FAILED as error:
        if weights is not None:
            told = f"{weights} does not fit: {_reason(error)}"
        elif config:
            told = (
                f"its weights cannot be fetched ({_reason(error)}); "
                f"fetch {_origin(config)} elsewhere and give the file with --weights"
            )
        else:
            told = f"it cannot be loaded: {_reason(error)}"
        raise EmbedderError(f"embedder {wanted.name!r}: {told}") from error
    return model


def _origin(config: Mapping[str, Any]) -> str:
    """Return the address of weights that open_clip knows."""
    if not config.get("hf_hub"):
        return str(config["url"])
    hub: Any = importlib.import_module("huggingface_hub")
    names: Any = importlib.import_module("open_clip.constants")
    repository, _, file = config["hf_hub"].rpartition("/")
    return str(hub.hf_hub_url(repository, file or names.HF_WEIGHTS_NAME))


def _preparation(asked: str, config: Mapping[str, Any]) -> Preparation:
    size = config["size"]
    sides = {size} if isinstance(size, int) else set(size)
    kernel, mode = config["interpolation"], config["resize_mode"]
    if len(sides) > 1 or kernel not in get_args(Scaling) or mode not in ("shortest", "squash"):
        raise EmbedderError(
            f"embedder {asked!r} wants pictures of {size} px by {kernel}, {mode}; "
            "only squares, cut from the middle or squashed, can be made"
        )
    view = View(min(sides), 1.0 if mode == "shortest" else None, kernel)
    return Preparation(view, tuple(config["mean"]), tuple(config["std"]))


@contextmanager
def _at_peace() -> Iterator[None]:
    """Keep open_clip from waiting for a hub, and from adding a handler to the root logger.

    It logs with the module functions of ``logging``, which add a handler if there is none.
    """
    root, nothing = logging.getLogger(), logging.NullHandler()
    root.addHandler(nothing)
    try:
        with not_waiting():
            yield
    finally:
        root.removeHandler(nothing)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _TOLD
    return ", ".join(names[:_TOLD]) + (f" and {more} more" if more > 0 else "") or "none"


def _close(name: str, known: Sequence[str]) -> str:
    folded = {each.lower(): each for each in known}
    close = get_close_matches(name.lower(), folded, n=1)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def _reason(error: BaseException) -> str:
    return shorten(str(error) or type(error).__name__, 200)
