"""What the options of one feed refuse together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streamsel.config.sections.feeds import Defaults, FeedConfig


def feed(**options: object) -> FeedConfig:
    return FeedConfig.model_validate({"source": "rtsp://gate", **options})


@pytest.mark.parametrize("options", [{}, {"count": 9}, {"share": 0.5}, {"count": None, "share": 1}])
def test_a_budget_is_a_number_or_a_share(options: dict[str, float | None]) -> None:
    found = feed(**options)
    assert found.share == options.get("share")
    assert (None if found.count is None else found.count.frames) == options.get("count")


def test_both_are_too_many() -> None:
    with pytest.raises(ValidationError, match="either count or share, not both"):
        feed(count=9, share=0.5)
    with pytest.raises(ValidationError, match="either count or share, not both"):
        Defaults.model_validate({"count": 9, "share": 0.5})
