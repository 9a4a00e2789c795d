"""Which run goes on with which options and inputs, and what is said where it does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.errors import ConfigurationError, FolderInUseError
from streamsel.record.resuming import added_feeds, require_service
from streamsel.record.values import FeedPlan, RunPlan
from streamsel.record.writer import RecordWriter
from tests.sinks.streams import plan

FOLDER = Path("/kept")


def of(*names: str, **changes: object) -> RunPlan:
    return plan(feeds=[FeedPlan(name, f"{name}.mp4") for name in names], **changes)


def refusal(was: RunPlan, wanted: RunPlan) -> str:
    with pytest.raises(ConfigurationError) as refused:
        added_feeds(FOLDER, was, wanted)
    assert str(refused.value).startswith("/kept: ")
    return str(refused.value)


def test_the_same_run_goes_on() -> None:
    assert added_feeds(FOLDER, of("a", "b"), of("a", "b")) == ()


def test_inputs_are_added_at_the_end() -> None:
    assert added_feeds(FOLDER, of("a"), of("a", "b", "c")) == (
        FeedPlan("b", "b.mp4"),
        FeedPlan("c", "c.mp4"),
    )


@pytest.mark.parametrize("wanted", [("b", "a"), ("b", "a", "c"), ("a", "c", "b")])
def test_inputs_at_another_place_are_refused_with_advice(wanted: tuple[str, ...]) -> None:
    told = refusal(of("a", "b"), of(*wanted))
    assert ("only be added at the end" in told) == (len(wanted) > 2)


def test_fewer_inputs_get_no_advice_about_more() -> None:
    assert "at the end" not in refusal(of("a", "b"), of("a"))


def test_other_options_are_told_without_the_inputs_that_were_added() -> None:
    told = refusal(of("a"), of("a", "b", count=5))
    assert "cannot be resumed with other options: count was 4 and is 5" in told
    assert "inputs" not in told
    assert "at the end" not in told


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"method": "two_pass"}, "only the online method accepts more inputs, not two_pass"),
        (
            {"identity": {"select": {"per_input": True}}},
            "with --per-input each input is a separate selection",
        ),
        ({"identity": {"select": {"share": 0.1}}}, "a share is of all frames"),
    ],
)
def test_some_runs_take_no_more_inputs(changes: dict[str, object], why: str) -> None:
    told = refusal(of("a", **changes), of("a", "b", "c", **changes))
    assert f"cannot continue with b, c added: {why}" in told
    assert added_feeds(FOLDER, of("a", **changes), of("a", **changes)) == ()


def test_a_service_and_a_run_do_not_share_a_folder(tmp_path: Path) -> None:
    assert "frames of a service" in refusal(of("a", method="live"), of("a"))
    RecordWriter.create(tmp_path, of("a"), 5.0, strict=False).close()
    with pytest.raises(FolderInUseError, match="holds a run over files"):
        require_service(tmp_path)


def test_a_service_goes_on_in_its_folder(tmp_path: Path) -> None:
    RecordWriter.create(tmp_path, of("a", method="live"), 5.0, strict=False).close()
    require_service(tmp_path)


def test_other_rules_name_the_version_to_go_on_with() -> None:
    was = of("a", identity={"rules": {"pictures": 1}})
    told = refusal(was, of("a", identity={"rules": {"pictures": 2}}))
    assert "its pictures follow rules 1" in told
    assert f"version {was.version} of streamsel" in told
