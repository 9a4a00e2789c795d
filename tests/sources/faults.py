"""PyAV that fails: each call that the package makes of it has a name, and one of them raises."""

from __future__ import annotations

import enum
import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import av
import pytest

_PLACES = ("streamsel.sources", "streamsel.pixels", "streamsel.sinks.pictures")
_FOLLOWED = (
    *("InputContainer", "OutputContainer", "StreamContainer", "VideoStream", "VideoCodecContext"),
    *("Graph", "FilterContext", "VideoReformatter", "BitStreamFilterContext"),
)

Maker = Callable[[], Exception]

_OF_PYAV = {
    name: kind
    for name, kind in sorted(vars(av.error).items())
    if inspect.isclass(kind) and issubclass(kind, av.FFmpegError)
}
_OF_PYTHON: tuple[type[Exception], ...] = (
    *(OSError, EOFError, MemoryError, BufferError, ValueError, OverflowError, RuntimeError),
    NotImplementedError,
)


def _of_pyav(kind: type[av.FFmpegError]) -> Maker:
    return lambda: kind(5, "made up", "rtsp://me:secret@10.0.0.4/")


def _of_python(kind: type[Exception]) -> Maker:
    return lambda: kind("made up")


ERRORS = (*map(_of_pyav, _OF_PYAV.values()), *map(_of_python, _OF_PYTHON))
"""Makes one of each class that PyAV has, and of those of Python that it raises."""

FEW = (
    *(_of_pyav(_OF_PYAV[name]) for name in ("OSError", "EOFError", "BlockingIOError")),
    *(_of_pyav(_OF_PYAV[name]) for name in ("InvalidDataError", "ExitError", "LookupError")),
    *map(_of_python, (MemoryError, ValueError, RuntimeError)),
)
"""Of each way in which one may be handled."""


class Faults:
    """Counts the calls by name; the one that is ``armed`` raises, from some turn on.

    ``opens`` is what is opened in place of any address.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.opens: str | None = None
        self.armed: tuple[str, int, Maker] | None = None
        self._proxies: dict[int, _Proxy] = {}

    def arm(self, name: str, turn: int, error: Maker) -> None:
        """Let this call raise, from that turn on."""
        self.armed, self.calls = (name, turn, error), Counter()

    def disarm(self) -> None:
        """Let every call be carried out, and count from the beginning."""
        self.armed, self.calls = None, Counter()
        self._proxies.clear()

    def note(self, name: str) -> None:
        """A call is made; raises where that is what it is to do."""
        self.calls[name] += 1
        if self.armed and self.armed[0] == name and self.calls[name] >= self.armed[1]:
            raise self.armed[2]()

    def call(self, name: str, function: Any, args: Any, kwargs: Any) -> Any:
        """Carry a call out."""
        self.note(name)
        if name == "open" and self.opens is not None and args[1:2] == ("r",):
            return self.follow(function(self.opens), name)
        given = {key: _bare(value) for key, value in kwargs.items()}
        result = function(*map(_bare, args), **given)
        if inspect.isgenerator(result) or type(result).__name__ == "generator":
            return self._each(name, result)
        # A packet takes none but the real stream.
        return result if name.endswith("add_mux_stream") else self.follow(result, name)

    def follow(self, value: Any, name: str) -> Any:
        """What stands in for a value that PyAV gave."""
        kind = type(value)
        if kind.__name__ in _FOLLOWED and kind.__module__.startswith("av."):
            known = self._proxies.get(id(value))
            if known is None:
                known = self._proxies[id(value)] = _Proxy(self, value)
            return known
        if kind in (list, tuple):
            return kind(self.follow(one, name) for one in value)
        if callable(value) and not isinstance(value, type):
            return lambda *args, **kwargs: self.call(name, value, args, kwargs)
        return value

    def _each(self, name: str, values: Iterator[Any]) -> Iterator[Any]:
        for value in values:
            yield value
            self.note(name)


class _Proxy:
    """Stands in for an object of PyAV."""

    def __init__(self, faults: Faults, it: Any) -> None:
        object.__setattr__(self, "_faults", faults)
        object.__setattr__(self, "_it", it)

    def __getattr__(self, name: str) -> Any:
        return self._faults.follow(getattr(self._it, name), f"{type(self._it).__name__}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._it, name, _bare(value))

    def __iter__(self) -> Iterator[Any]:
        return (self._faults.follow(one, "") for one in self._it)

    def __len__(self) -> int:
        return len(self._it)

    def __enter__(self) -> _Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._it.close()


class _Class:
    """Stands in for a class or a module of PyAV: what is made, and its functions."""

    def __init__(self, faults: Faults, it: Any) -> None:
        self._faults = faults
        self._it = it

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._faults.call(self._it.__name__, self._it, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._it, name)
        if isinstance(value, ModuleType) or _is_plain(value):
            return value
        if isinstance(value, type):
            return _Class(self._faults, value)
        whole = name if self._it is av else f"{self._it.__name__}.{name}"
        return self._faults.follow(value, whole)


def put_in(faults: Faults, patch: pytest.MonkeyPatch) -> None:
    """Let the package call PyAV through ``faults``."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(_PLACES):
            continue
        for attribute, value in list(vars(module).items()):
            is_class = isinstance(value, type) and value.__module__.startswith("av.")
            if value is av or (is_class and not _is_plain(value)):
                patch.setattr(module, attribute, _Class(faults, value))


def _bare(value: Any) -> Any:
    return object.__getattribute__(value, "_it") if isinstance(value, _Proxy) else value


def _is_plain(value: Any) -> bool:
    """Whether a class is compared with, and not called."""
    return isinstance(value, type) and issubclass(value, (BaseException, enum.Enum, int))
