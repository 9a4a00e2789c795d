"""Checks whether a recorded run can be resumed with the given options and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from streamsel.errors import ConfigurationError, FolderInUseError
from streamsel.record.reader import Record
from streamsel.record.values import FeedPlan, RunPlan

_SERVICE = "live"  # the method in the record of a service
_AGAIN = "start again with --overwrite, or choose another folder"


def require_service(folder: Path) -> None:
    """Raise :class:`FolderInUseError` for the folder of a file run, before changing anything."""
    with Record.open(folder) as record:
        if record.run().plan.method != _SERVICE:
            raise FolderInUseError(
                f"{folder}: holds a run over files; a service needs a folder of its own"
            )


def added_feeds(folder: Path, was: RunPlan, wanted: RunPlan) -> tuple[FeedPlan, ...]:
    """Return the feeds that a resumed run adds to the recorded ones; often none.

    Raises :class:`ConfigurationError`, with the reason, if the run cannot be resumed so.
    """
    if was.method == _SERVICE:
        raise ConfigurationError(f"{folder}: holds the frames of a service; choose another folder")
    if rules := was.other_rules(wanted):
        raise ConfigurationError(
            f"{folder}: cannot be resumed by this version: {'; '.join(rules)}. Continue with"
            f" version {was.version} of streamsel, or start again with --overwrite"
        )
    if not (differences := was.differences(wanted)):
        return ()
    if not (added := was.added(wanted)):
        # Inputs added at the end are not a difference.
        others = was.differences(wanted.first(len(was.feeds))) if _begins(was, wanted) else None
        raise ConfigurationError(
            f"{folder}: cannot be resumed with other options: "
            f"{'; '.join(others or differences)}{_hint(was, wanted)}"
        )
    if reason := _why_alone(was):
        names = ", ".join(feed.name for feed in added)
        raise ConfigurationError(
            f"{folder}: cannot continue with {names} added: {reason}; {_AGAIN}"
        )
    return added


def _why_alone(plan: RunPlan) -> str | None:
    """Return why inputs cannot be appended to a run; None if they can."""
    select = plan.identity.get("select")
    asked = select if isinstance(select, Mapping) else {}
    if plan.method != "online":
        return f"only the online method accepts more inputs, not {plan.method}"
    if asked.get("per_input"):
        return "with --per-input each input is a separate selection"
    if asked.get("share") is not None:
        return "a share is of all frames, and the earlier verdicts were made for fewer inputs"
    return None


def _hint(was: RunPlan, wanted: RunPlan) -> str:
    """Return the advice for inputs that were added, but not at the end."""
    before, now = ({feed.name for feed in plan.feeds} for plan in (was, wanted))
    is_more = before < now and not _begins(was, wanted)
    return ". Inputs can only be added at the end" if is_more else ""


def _begins(was: RunPlan, wanted: RunPlan) -> bool:
    """Whether the feeds of a run are the first ones of the new plan."""
    first = wanted.feeds[: len(was.feeds)]
    return [feed.name for feed in was.feeds] == [feed.name for feed in first]
