"""Chooses the device for a network: a GPU, or one CPU thread."""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

from streamsel.errors import ConfigurationError, EmbedderError

_log = logging.getLogger("streamsel.embed")
# Files of an NVIDIA driver: on a PC, on a Jetson, and on Linux within Windows.
_DRIVERS = tuple(map(Path, ("/proc/driver/nvidia/version", "/dev/nvmap", "/dev/dxg")))


@contextmanager
def one_thread() -> Iterator[None]:
    """Make torch compute only in the calling thread: its kernels split sums among threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def choose_device(wanted: str) -> torch.device:
    """Resolve ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` to an existing device.

    ``auto`` is the first GPU, or the CPU if none can be used, with one warning in the log if a GPU
    was expected (:func:`gpu_expected`). Raises :class:`ConfigurationError` for another name,
    :class:`EmbedderError` for a GPU that does not exist.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", wanted):
        raise ConfigurationError(f"device is {wanted!r}; it must be auto, cpu, cuda or cuda:N")
    if wanted == "cpu":
        return torch.device("cpu")
    present, complaint = _cuda_devices()
    if wanted == "auto":
        if present:
            return torch.device("cuda", 0)
        if gpu_expected():
            _warn_once(complaint or _missed())
        return torch.device("cpu")
    index = torch.device(wanted).index or 0
    if index >= present:
        reason = "" if present else f"; {complaint or _missed()}"
        raise EmbedderError(
            f"device {wanted} is not there ({present} CUDA devices are{reason}); "
            "use --device auto or cpu"
        )
    return torch.device("cuda", index)


def gpu_expected() -> bool:
    """Whether this machine has an NVIDIA driver, or its environment names a GPU."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return named not in ("", "-1") or any(driver.exists() for driver in _DRIVERS)


def _cuda_devices() -> tuple[int, str]:
    """Return the number of usable GPUs, and CUDA's message in one line, empty if none."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return present, str(said[0].message).splitlines()[0] if said else ""


def _missed() -> str:
    """Return why no GPU is usable if CUDA gives no reason."""
    if torch.version.cuda is not None:
        return f"torch was built for CUDA {torch.version.cuda} and finds no device"
    return f"torch {torch.__version__} was built without CUDA"


@cache
def _warn_once(reason: str) -> None:
    _log.warning(
        "no GPU can be used: %s; the CPU computes instead (--device cpu says so silently)", reason
    )
