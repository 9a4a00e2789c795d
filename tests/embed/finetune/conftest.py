"""One thread for torch: the tests' networks are too small for two, which wait for each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamsel.embed.device import one_thread


@pytest.fixture(autouse=True, scope="package")
def _alone() -> Iterator[None]:
    with one_thread():
        yield
