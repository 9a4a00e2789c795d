"""Carries failures of threads and tasks to the code that handles them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType


class Captured(AbstractContextManager["Captured"]):
    """Captures an exception of its block, so that another thread can raise it.

    >>> with Captured() as captured:
    ...     raise KeyError("gate")
    >>> captured.error
    KeyError('gate')
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Store the exception and suppress it."""
        self.error = error
        return True


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first exception inside a group, at any depth: the one to show the user."""
    first = group.exceptions[0]
    return first_failure(first) if isinstance(first, BaseExceptionGroup) else first
