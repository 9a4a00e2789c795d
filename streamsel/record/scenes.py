"""Columns of what the prefilter sees of a camera's scene."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamsel.decisions import Verdict
from streamsel.frame import SceneChange
from streamsel.scene import NEW_SCENE, SceneState

_STORED_AFTER_SECONDS = 10.0


def change_row(change: SceneChange | None) -> tuple[float | None, bool | None]:
    """Return the columns ``change_share`` and ``fixed`` of a frame."""
    return (None, None) if change is None else (change.share, change.fixed)


def change_of(share: float | None, fixed: int | None) -> SceneChange | None:
    """Return what :func:`change_row` stored; None if nothing was measured."""
    return None if share is None else SceneChange(share, bool(fixed))


def packed_scene(scene: SceneState) -> bytes | None:
    """Return the column ``scene`` of a feed; None if nothing was measured yet."""
    return None if scene.media_time is None else scene.packed()


def scene_of(content: bytes | None) -> SceneState:
    """Return what :func:`packed_scene` stored; a damaged one begins anew."""
    if content is None:
        return NEW_SCENE
    try:
        return SceneState.unpacked(content)
    except (ValueError, KeyError, TypeError):
        return NEW_SCENE


def due_scenes(
    stored: Mapping[str, SceneState], verdicts: Iterable[Verdict]
) -> dict[str, SceneState]:
    """Return the newest scenes of live feeds that are to be stored now, by feed.

    A scene is large, so it is stored when its camera begins to count as fixed, and else after
    ten seconds of its clock. ``stored`` are the scenes as last stored.
    """
    due: dict[str, SceneState] = {}
    for verdict in verdicts:
        feed, scene = verdict.frame.key.feed, verdict.candidate.prefiltered.state.scene
        was = due.get(feed, stored.get(feed, NEW_SCENE))
        if scene.media_time is not None and (
            was.media_time is None
            or scene.fixed != was.fixed
            or scene.clock - was.clock >= _STORED_AFTER_SECONDS
        ):
            due[feed] = scene
    return due
