"""Converts errors of PyAV to ``SourceError``s of the feed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import av

from streamsel.errors import ConfigurationError, SourceError

PYAV_ERRORS = (
    av.FFmpegError,
    BufferError,
    EOFError,
    MemoryError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
"""Exceptions that PyAV, and numpy on its planes, raise for unusable pictures."""


class _Feed(Protocol):
    @property
    def feed(self) -> str: ...

    @property
    def address(self) -> str: ...


F = TypeVar("F", bound=_Feed)
P = ParamSpec("P")
T = TypeVar("T")


@contextmanager
def as_source_error(what: str) -> Iterator[None]:
    """Convert errors of PyAV in the block to :class:`SourceError`, with ``what`` as prefix.

    Also a decorator, for functions that are not generators.

    >>> with as_source_error("feed 'gate': frame 7"):
    ...     raise av.error.OSError(95, "Operation not supported", "rtsp://me:secret@10.0.0.4/")
    Traceback (most recent call last):
    streamsel.errors.SourceError: feed 'gate': frame 7: Operation not supported
    """
    try:
        yield
    except PYAV_ERRORS as error:
        raise SourceError(f"{what}: {why(error)}") from None


def ends_as_source_error(
    method: Callable[Concatenate[F, P], Iterator[T]],
) -> Callable[Concatenate[F, P], Generator[T, None, None]]:
    """Convert errors of PyAV in a source's generator to :class:`SourceError`.

    Also adds the feed's name to errors of a filter chain that does not fit the feed's pictures.
    """

    @wraps(method)
    def guarded(source: F, /, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        with as_source_error(f"feed '{source.feed}': {source.address} cannot be read on"):
            try:
                yield from method(source, *args, **kwargs)
            except (ConfigurationError, SourceError) as error:
                # Errors of filter chains do not name the feed.
                if isinstance(error, SourceError) and str(error).startswith("feed "):
                    raise
                raise SourceError(f"feed '{source.feed}': {error}") from None

    return guarded


def why(error: Exception) -> str:
    """Return why PyAV failed, without its own message, which may contain an address."""
    explained: object = getattr(error, "strerror", None)
    if explained:
        return str(explained)
    return type(error).__name__ if isinstance(error, av.FFmpegError) else str(error) or repr(error)
