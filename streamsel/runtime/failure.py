"""Carries failures of threads and tasks to the code that handles them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType


class Captured(AbstractContextManager["Captured"]):
    """Takes whatever its block raises, for another thread to raise again.

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
        """Keep the error; the code after the block goes on."""
        self.error = error
        return True


def first_failure(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first failure inside a group, however deep: the one the user should read."""
    first = group.exceptions[0]
    return first_failure(first) if isinstance(first, BaseExceptionGroup) else first
