"""Embedders by name: built-in, entry points of other packages, ``scheme:name`` of a library.

Importing this module loads neither a network nor torch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from typing import Any, Protocol, TypeAlias, runtime_checkable

from streamsel.errors import ConfigurationError, EmbedderError
from streamsel.frame import View
from streamsel.interfaces.embedding import Embedder
from streamsel.plugins import Plugin, call_plugin, plugin_named, plugins, why_taken

Factory: TypeAlias = Callable[..., Embedder]
"""Called with ``weights`` (a path or None) and ``device``, in plug-ins by keyword."""

_BUILTIN = "builtin"


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Information about an embedder. Figures are 0 if only loading it would tell.

    ``note`` describes it, or says why it is not ``available``.
    """

    name: str
    dim: int
    input_size: int
    megabytes: float
    parameters: int
    available: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Scheme:
    """A prefix of names; ``opener`` is called with the rest of the name, weights and device.

    ``package`` is what it imports, empty if torch is enough; ``extra`` is the extra to install.
    """

    module: str
    opener: str
    follows: str
    example: str
    package: str
    extra: str
    note: str


_SCHEMES: Mapping[str, _Scheme] = {
    "timm": _Scheme(
        *("timm", "open_timm", "NAME", "timm:resnet50"),
        *("timm", "timm", "pretrained networks of timm"),
    ),
    "open_clip": _Scheme(
        *("open_clip", "open_open_clip", "NAME/TAG", "open_clip:ViT-B-32/openai"),
        *("open_clip", "open-clip", "image halves of CLIP networks"),
    ),
    "torchvision": _Scheme(
        *("torchvision", "open_torchvision", "NAME", "torchvision:resnet50"),
        *("torchvision", "torchvision", "pretrained networks of torchvision"),
    ),
    "onnx": _Scheme(
        *("onnx", "open_onnx", "FILE", "onnx:model.onnx?size=224"),
        *("onnxruntime", "onnx", "a network in an ONNX file"),
    ),
    "torchscript": _Scheme(
        *("exported", "open_exported", "FILE", "torchscript:model.pt?size=224"),
        *("", "", "a file of torch.export (.pt2) or TorchScript"),
    ),
}


_OWN = (_BUILTIN, *_SCHEMES)


@runtime_checkable
class _Weighed(Protocol):
    """An embedder that reports its size."""

    @property
    def parameters(self) -> int: ...

    @property
    def weights_bytes(self) -> int: ...


def embedders() -> list[EmbedderInfo]:
    """List every embedder, the built-in one first, one line per scheme last.

    A broken embedder is listed as not available.
    """
    found = plugins("embedder")
    added = [_plugin_info(one, found) for one in found]
    return [_builtin_info(), *added, *(_scheme_info(name) for name in _SCHEMES)]


def describe(embedder: Embedder) -> EmbedderInfo:
    """Return the figures of a loaded embedder; 0 if it does not report them."""
    weighed = embedder if isinstance(embedder, _Weighed) else None
    return EmbedderInfo(
        name=embedder.name,
        dim=embedder.dim,
        input_size=embedder.view.side,
        megabytes=round(weighed.weights_bytes / 1e6, 2) if weighed else 0.0,
        parameters=weighed.parameters if weighed else 0,
        available=True,
        note=f"digest {embedder.digest}",
    )


def known_names() -> list[str]:
    """Return the names of embedders that are complete, and ``scheme:`` of the others."""
    return [_BUILTIN, *_added(), *(f"{scheme}:" for scheme in _SCHEMES)]


def check_name(name: str) -> None:
    """Raise :class:`ConfigurationError` for a name that is unknown or used twice; loads nothing.

    The part after the colon of a scheme is not checked.
    """
    scheme, colon, rest = name.partition(":")
    if name == _BUILTIN or plugin_named("embedder", name, _OWN) is not None:
        return
    added = _added()
    known = [_BUILTIN, *added, *(f"{each}:{_SCHEMES[each].follows}" for each in _SCHEMES)]
    if colon and scheme in _SCHEMES:
        if rest:
            return
        example = _SCHEMES[scheme].example
        raise ConfigurationError(f"embedder {name!r} names no network; write e.g. {example}")
    if colon:
        close = [f"{each}:{rest}" for each in get_close_matches(scheme, _SCHEMES, n=1)]
    else:
        close = get_close_matches(name, [_BUILTIN, *added], n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    raise ConfigurationError(f"there is no embedder {name!r}{hint} Known: {', '.join(known)}")


def create(name: str, *, weights: str | None = None, device: str = "auto") -> Embedder:
    """Load an embedder by name.

    Raises :class:`ConfigurationError` for an unknown name, or one that needs a library that is not
    installed; :class:`EmbedderError` if it cannot be loaded.
    """
    check_name(name)
    if name == _BUILTIN:
        from streamsel.embed.builtin import BuiltinEmbedder

        return BuiltinEmbedder(weights, device)
    if (plugin := plugin_named("embedder", name, _OWN)) is not None:
        return _open_plugin(plugin, weights, device)
    scheme, _, rest = name.partition(":")
    wanted = _SCHEMES[scheme]
    open_it: Factory = getattr(
        import_module(f"streamsel.embed.backbones.{wanted.module}"), wanted.opener
    )
    return open_it(rest, weights, device)


def _added() -> list[str]:
    """Return the usable names of plug-ins."""
    found = plugins("embedder")
    return [one.name for one in found if why_taken(one, found, _OWN) is None]


def _open_plugin(plugin: Plugin, weights: str | None, device: str) -> Embedder:
    made: Any = call_plugin(plugin, EmbedderError, weights=weights, device=device)
    plugin.require(made, ["embed"], EmbedderError)
    for name, wanted in {"name": str, "digest": str, "view": View, "dim": int}.items():
        if not isinstance(found := getattr(made, name, None), wanted):
            told = f"has {found!r} as its {name}; it must be of the type {wanted.__name__}"
            plugin.refuse(EmbedderError, told)
    embedder: Embedder = made
    return embedder


def _builtin_info() -> EmbedderInfo:
    weights = files("streamsel.embed") / "weights" / "builtin.safetensors"
    content = weights.read_bytes()
    return EmbedderInfo(
        name=_BUILTIN,
        dim=256,
        input_size=64,
        megabytes=round(len(content) / 1e6, 2),
        parameters=_parameters(content),
        available=True,
        note="small convolutional network, comes with the package",
    )


def _parameters(content: bytes) -> int:
    """Count parameters from the header of a safetensors file, without loading torch."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return sum(
        math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__"
    )


def _plugin_info(plugin: Plugin, others: Sequence[Plugin]) -> EmbedderInfo:
    if why := why_taken(plugin, others, _OWN):
        # Under a name of its own, because the name is that of another one.
        name = f"{plugin.name} ({plugin.package})"
        return EmbedderInfo(name, 0, 0, 0.0, 0, False, why)
    try:
        plugin.load(EmbedderError)
    except EmbedderError as error:
        return EmbedderInfo(plugin.name, 0, 0, 0.0, 0, False, str(error))
    note = f"{plugin.place} of {plugin.package}"
    return EmbedderInfo(plugin.name, 0, 0, 0.0, 0, True, note)


def _scheme_info(scheme: str) -> EmbedderInfo:
    wanted = _SCHEMES[scheme]
    there = not wanted.package or find_spec(wanted.package) is not None
    note = wanted.note if there else f'pip install "streamsel[{wanted.extra}]"'
    return EmbedderInfo(f"{scheme}:{wanted.follows}", 0, 0, 0.0, 0, there, note)
