from __future__ import annotations

import pytest
from click.testing import CliRunner

from tests.bench import small_objects
from tests.bench.small_objects import MOST, ground, main, noticed, row, smallest


def test_the_same_picture_is_not_noticed_and_a_contrast_is() -> None:
    bright = ground()
    bright[0, 100:200, 100:200] += 50
    assert not noticed(ground(), ground())
    assert noticed(ground(), bright)


def test_larger_squares_need_less_contrast() -> None:
    tiny, small, large = (smallest(area, 0.0, 0, seed=1) for area in (1e-5, 0.001, 0.02))
    assert tiny == MOST + 1
    assert 4 <= large < small < tiny


def test_what_is_noticed_stays_as_little_as_the_table_says() -> None:
    """Two of the ten squares of a row of the table."""
    assert [most for most in row(0.001, (4.0,), trials=2) if most > 16] == []


def test_the_table_has_a_row_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_objects, "AREAS", (0.02,))
    monkeypatch.setattr(small_objects, "NOISES", (0.0,))
    told = CliRunner().invoke(main, ["--trials", "1"], catch_exceptions=False).output.splitlines()
    assert [line.count("|") for line in told] == [4, 4, 4]
    assert told[2].startswith("| 2 %, 68 x 68 |")
