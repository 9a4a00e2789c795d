"""Imports optional libraries lazily; an error names the extra to install.

The package index has torchvision for one build of torch only, the one with CUDA. With any other
build its operators cannot be loaded, and ``import torchvision`` fails with ``operator
torchvision::nms does not exist``. Those operators serve detection and segmentation; open_clip, timm
and the embedders here use only its classifiers and transforms, which are plain Python.
"""

from __future__ import annotations

import importlib
import warnings
from textwrap import shorten
from types import ModuleType

from streamsel.errors import ConfigurationError, EmbedderError

_TORCHVISION = "torchvision"
_MISSING = "operator torchvision::nms does not exist"
_DECLARED = ("nms", "qnms")
_SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

# Errors of importing a broken third-party library.
_BROKEN = (AttributeError, ImportError, NameError, OSError, RuntimeError, TypeError, ValueError)


def import_library(asked: str, module: str, extra: str, *, vision: bool = False) -> ModuleType:
    """Import a library for the embedder ``asked``; ``extra`` is the extra that installs it.

    ``vision``: the library imports torchvision, which is therefore imported first. Raises
    :class:`ConfigurationError` if a library is not installed, :class:`EmbedderError` if it is
    broken.
    """
    try:
        if vision:
            import_torchvision()
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        raise ConfigurationError(
            f'embedder {asked!r} needs {missing}: pip install "streamsel[{extra}]"'
        ) from error
    except _BROKEN as error:
        reason = shorten(str(error), 200)
        raise EmbedderError(f"embedder {asked!r}: {module} is broken: {reason}") from error


def import_torchvision() -> ModuleType:
    """Import torchvision; call it before importing a library that imports torchvision.

    If its operators cannot be loaded, they are declared without implementation; torchvision then
    refuses to run them. Raises :class:`ImportError` if torchvision is not installed,
    :class:`RuntimeError` if it is broken in another way.
    """
    with warnings.catch_warnings():
        # The extension reads image files; it is not needed here.
        warnings.filterwarnings("ignore", "Failed to load image Python extension", UserWarning)
        try:
            return importlib.import_module(_TORCHVISION)
        except RuntimeError as error:
            if _MISSING not in str(error):
                raise
        import torch

        for name in _DECLARED:
            torch.library.define(f"torchvision::{name}", _SCHEMA)
        return importlib.import_module(_TORCHVISION)
