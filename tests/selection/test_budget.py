from __future__ import annotations

from typing import Any

import pytest

from streamsel.errors import ConfigurationError
from streamsel.selection.budget import SHARE_PERIOD, Budget


def test_what_may_be_kept_of_so_many_frames() -> None:
    assert [Budget(count=3).capacity(seen) for seen in (0, 10)] == [3, 3]
    assert [Budget(share=0.25).capacity(seen) for seen in (0, 1, 4, 5)] == [1, 1, 1, 2]
    assert Budget(share=1.0).capacity(7) == 7


def test_how_long_a_period_is() -> None:
    assert Budget(count=3).span is None
    assert Budget(count=3, period=60.0).span == 60.0
    assert Budget(share=0.5).span == SHARE_PERIOD
    assert Budget(share=0.5, period=60.0).span == 60.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "either a count or a share"),
        ({"count": 3, "share": 0.5}, "either a count or a share"),
        ({"count": 0}, "count is 0"),
        ({"count": True}, "count is True"),
        ({"count": 2.5}, "count is 2.5"),
        ({"share": 0.0}, "share is 0.0"),
        ({"share": 1.1}, "share is 1.1"),
        ({"share": float("nan")}, "share is nan"),
        ({"count": 3, "period": 0.0}, "period is 0.0"),
        ({"count": 3, "period": float("inf")}, "period is inf"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Budget(**values)
