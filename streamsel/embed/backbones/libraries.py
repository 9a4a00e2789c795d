"""Imports optional libraries lazily; an error names the extra to install.

The package index has torchvision for one build of torch alone, the one with CUDA. Next to any
other its operators cannot be loaded, and ``import torchvision`` ends with ``operator
torchvision::nms does not exist``. They serve detection and segmentation; classifiers and
transforms, all that open_clip, timm and the embedders here use of it, are plain Python.
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

# What importing somebody else's library raises when it is broken.
_BROKEN = (AttributeError, ImportError, NameError, OSError, RuntimeError, TypeError, ValueError)


def import_library(asked: str, module: str, extra: str, *, vision: bool = False) -> ModuleType:
    """Import what the embedder ``asked`` for needs; ``extra`` is the name it is installed by.

    ``vision``: it imports torchvision, which is therefore imported first. Raises
    :class:`ConfigurationError` where it is not installed, :class:`EmbedderError` where it is
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
    """Import torchvision; call it before the import of a library that imports it.

    Operators that are missing are declared and do nothing: torchvision refuses to run them. Where
    torchvision fits torch this is an import like any other. Raises :class:`ImportError` where it
    is not installed, :class:`RuntimeError` where it is broken in another way.
    """
    with warnings.catch_warnings():
        # It would read image files; its pictures come from elsewhere here.
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
