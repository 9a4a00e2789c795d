from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.speed.contestants import Contestant, Job, MissingError
from tests.bench.speed.measure import CommandError, Cost, Outcome, in_turn, measure, middle, ratio
from tests.bench.speed.tables import between_marks, outcomes_table


def python(code: str) -> list[str]:
    return [sys.executable, "-S", "-c", code]


def test_a_busy_child_takes_a_processor_and_an_idle_one_only_time() -> None:
    idle = measure(python("import time; time.sleep(0.4)"))
    busy = measure(python("import time\nwhile time.process_time() < 0.4: pass"))
    assert busy.cpu >= 0.4
    assert busy.wall >= 0.4
    assert idle.wall >= 0.4
    assert idle.cpu < busy.cpu


def test_what_a_child_starts_counts_with_it() -> None:
    inner = "import time\nlarge = bytearray(b'1') * 200_000_000\nwhile time.process_time() < 0.3: 0"
    cost = measure(
        python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])")
    )
    assert cost.cpu >= 0.3
    assert cost.peak_mb >= 200


def test_a_failing_child_is_told_by_the_last_line_it_said() -> None:
    fails = "import sys; sys.stderr.write('first\\nthe disk is full\\n\\n'); sys.exit(3)"
    with pytest.raises(CommandError, match=r"exit code 3: the disk is full$"):
        measure(python(fails))


def test_a_killed_child_is_a_failure() -> None:
    with pytest.raises(CommandError, match="exit code -9: no message"):
        measure(python("import os; os.kill(os.getpid(), 9)"))


def test_a_program_that_is_not_there_is_a_failure() -> None:
    with pytest.raises(CommandError, match="no-such-program cannot be started"):
        measure(["no-such-program"])


def test_much_said_does_not_stop_a_child() -> None:
    assert measure(python("import sys; sys.stderr.write('x' * 2_000_000)")).wall > 0


def test_a_peer_that_is_missing_is_named_with_its_remedy() -> None:
    peer = Contestant("Cutter", "no-such-program", "cutter", lambda job: [str(job.clip)])
    with pytest.raises(MissingError, match="pip install cutter"):
        peer.version("/nowhere")
    assert peer.argv(Job(Path("a.mp4"), Path("out"), 9)) == ["no-such-program", "a.mp4"]


def test_jobs_take_turns_and_the_median_counts() -> None:
    order: list[str] = []

    def job(name: str, *walls: float) -> Callable[[], Cost]:
        left = iter(walls)

        def work() -> Cost:
            order.append(name)
            return Cost(next(left), 1.0, 10.0)

        return work

    found = in_turn({"one": job("one", 9.0, 1.0, 2.0), "two": job("two", 3.0, 3.0, 8.0)}, 3)
    assert order == ["one", "two"] * 3
    assert (found["one"].wall, found["two"].wall) == (2.0, 3.0)


def test_each_figure_has_its_own_median() -> None:
    costs = [Cost(1.0, 9.0, 10.0, 4), Cost(2.0, 1.0, 50.0, 4), Cost(9.0, 2.0, 30.0, 7)]
    assert middle(costs) == Cost(2.0, 2.0, 30.0, 4)


def test_a_ratio_above_one_is_faster_than_the_first() -> None:
    slow = Outcome(Cost(10.1, 20.2, 50.0), 1500, Cost(0.1, 0.2, 50.0), 25)
    fast = Outcome(Cost(7.0, 6.0, 90.0, 99), 1500, Cost(2.0, 2.0, 80.0, 1), 25)
    cells = outcomes_table({"slow": slow, "fast": fast}).splitlines()[-1].split(" | ")
    assert cells[3:7] == ["1.44", "3.37", "2.00", "5.00"]
    assert cells[7:] == ["295", "2.71", "90", "99 |"]


def test_what_noise_swallowed_has_no_ratio() -> None:
    assert ratio(1.0, 0.0) is None
    assert ratio(-0.1, 1.0) is None
    still = Outcome(Cost(1.0, 1.0, 5.0), 50, Cost(1.1, 1.1, 5.0), 25)
    assert outcomes_table({"still": still}).splitlines()[-1].count(" - ") == 4


def test_what_stands_between_the_marks_is_replaced_and_nothing_else() -> None:
    page = "a\n<!-- speed: begin -->\nold\n<!-- speed: end -->\nb\n<!-- length: begin -->\n"
    once = between_marks(page, "speed", "new")
    assert once == (
        "a\n<!-- speed: begin -->\n\nnew\n\n<!-- speed: end -->\nb\n<!-- length: begin -->\n"
    )
    assert between_marks(once, "speed", "new") == once
    with pytest.raises(ValueError, match="length: begin"):
        between_marks(page, "length", "new")
