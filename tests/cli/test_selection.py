"""What is said of a selection that has ended."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from streamsel.cli.selection import INTERRUPTED, RunOutcome
from streamsel.report.summary import Summary

SUMMARY = Summary(
    folder=Path("kept"),
    status="complete",
    frames=1200,
    kept=9,
    unwritten=0,
    admitted=20,
    evicted=11,
    covered={"covered": 1100},
    refused={"black": 80, "blurred": 10},
    diversity={"min": 0.25, "mean": 0.5, "radius": 0.125},
    sees_all=True,
    seconds=3.21,
    embedder={"name": "builtin", "digest": "00ff"},
    errors={},
    warnings={},
)
FIRST = [
    "kept 9 of 1,200 frames in 3.2 s -> kept/frames",
    "  refused: 80 black, 10 blurred",
    "  closest pair 0.250, mean of pairs 0.500; every frame within 0.125 of a kept one",
]


def said_of(outcome: RunOutcome, *, verbose: bool = False) -> list[str]:
    out = io.StringIO()
    outcome.print(verbose=verbose, to=out)
    return out.getvalue().splitlines()


def test_a_run_in_short_and_verbose() -> None:
    outcome = RunOutcome(SUMMARY, complete=True)
    assert outcome.exit_code == 0
    assert said_of(outcome) == FIRST
    assert said_of(outcome, verbose=True) == [
        *FIRST[:2],
        "  covered: 1,100 covered",
        FIRST[2],
        "  admitted 20, evicted 11",
        "  embedder builtin 00ff",
    ]


def test_failed_inputs_are_named_and_in_the_exit_code() -> None:
    errors = {"gate": "gate.mp4: broken", "yard": "yard.mp4: gone"}
    outcome = RunOutcome(replace(SUMMARY, errors=errors), complete=True)
    assert outcome.exit_code == 1
    assert said_of(outcome)[-1] == "  2 inputs failed: gate, yard"
    assert outcome.as_json()["errors"] == list(errors.values())
    one = RunOutcome(replace(SUMMARY, errors={"gate": "broken"}), complete=True)
    assert said_of(one)[-1] == "  1 input failed: gate"


def test_an_interrupted_run_says_how_it_goes_on() -> None:
    interrupted = replace(SUMMARY, unwritten=4, errors={"gate": "broken"})
    outcome = RunOutcome(interrupted, complete=False, evenly=20)
    assert outcome.exit_code == INTERRUPTED
    said = said_of(outcome)
    assert said[1] == "  4 more are kept, without stored pictures"
    assert said[-1] == "  interrupted; continue with --resume"
    assert not any("fewer than" in line for line in said)


@pytest.mark.parametrize(("evenly", "told"), [(None, False), (9, False), (10, True)])
def test_fewer_evenly_spaced_frames_than_asked_for_are_explained(
    evenly: int | None, told: bool
) -> None:
    said = said_of(RunOutcome(SUMMARY, complete=True, evenly=evenly))
    assert any(line.startswith("  fewer than 10: a frame") for line in said) == told


def test_where_nothing_was_read_the_options_are_named() -> None:
    nothing: dict[str, float | int | None] = {"min": None, "mean": None, "radius": None}
    empty = replace(SUMMARY, frames=0, kept=0, refused={}, covered={}, diversity=nothing)
    assert said_of(RunOutcome(empty, complete=True)) == [
        "kept 0 of 0 frames in 3.2 s -> kept/frames",
        "  nothing was read: see --start, --end and --vf",
    ]


def test_of_skipped_frames_nothing_is_claimed() -> None:
    said = said_of(RunOutcome(replace(SUMMARY, sees_all=False), complete=True))
    assert "; every decoded frame within 0.125" in said[-1]
