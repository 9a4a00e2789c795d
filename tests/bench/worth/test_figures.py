from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.worth.figures import Worth, median_of, median_share, together, told, worth_of
from tests.bench.worth.truth import Truth, read_truth, write_truth

SEEN = [
    Truth(0, 0.0, None, "dawn", None),
    Truth(1, 0.5, "gate", "day", None),
    Truth(2, 1.0, "gate", "day", None),
    Truth(3, 1.5, None, "night", "insect"),
    Truth(4, 2.0, "car", "night", None),
    Truth(5, 2.5, None, "night", None),
]


def test_events_count_once_and_the_rest_by_kind() -> None:
    worth = worth_of(SEEN, [1, 2, 3, 5])
    assert (worth.found, worth.events) == (1, 2)
    assert worth.kinds == {"event": 2, "insect": 1, "night": 1}
    assert worth.share == 0.5
    assert worth_of(SEEN, []).found == 0
    assert worth_of(SEEN, range(6)).found == 2


def test_videos_are_summed_and_draws_are_not() -> None:
    some, all_of_it = worth_of(SEEN, [1, 3]), worth_of(SEEN, [1, 4, 3, 5])
    whole = together([some, all_of_it])
    assert (whole.found, whole.events) == (3, 4)
    assert told(whole.kinds) == "insect 2, night 1"
    assert median_share([some, all_of_it, some]) == 0.5
    assert median_of([some, all_of_it]) == some
    assert median_of([all_of_it, some, all_of_it]) == all_of_it
    assert Worth(0, 0).share == 1.0


def test_truth_survives_the_disk(tmp_path: Path) -> None:
    file = tmp_path / "truth.jsonl"
    write_truth(file, SEEN)
    assert read_truth(file) == SEEN
    file.write_text("\n".join(file.read_text().splitlines()[1:]))
    with pytest.raises(ValueError, match="line 1: it is about frame 1"):
        read_truth(file)
    file.write_text("{}")
    with pytest.raises(ValueError, match="line 1"):
        read_truth(file)
