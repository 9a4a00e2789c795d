"""Explains from the record why a frame was kept, refused or evicted."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

from streamsel.errors import RecordError
from streamsel.frame import FrameKey
from streamsel.record.reader import Record
from streamsel.record.values import Change, RecordedDecision

_NAME = re.compile(r"(?P<feed>.+)[-:](?P<index>\d+)")
_PICTURE = re.compile(r"(?P<index>\d{6,})_-?\d+\.\d+\.\w+")
_LIVE_PICTURE = re.compile(r"\d{8}T\d{6}\.\d{6}Z_(?P<feed>.+)-(?P<index>\d{6,})\.\w+")

RULES = {
    "novel": "no kept frame was within the threshold",
    "recalled": "it had been covered, and was recalled when its representative was evicted",
    "drawn": "it was drawn",
    "evenly-spaced": "it is one of the evenly spaced frames",
    "near-duplicate": "it is within the near-duplicate distance of a kept frame",
    "covered": "it is within the threshold of a kept frame, which represents it",
    "burst": "it is beyond the threshold, but near a kept frame in time, and hardly more novel",
    "full": "every place is taken by a pinned frame",
    "not-drawn": "it was not drawn",
    "between": "it lies between evenly spaced frames",
    "invalid-embedding": "the network returned no valid vector",
    "corrupt": "the decoder reported damage in it or in a frame that it depends on",
    "black": "the picture is black",
    "uniform": "the picture has a single colour",
    "frozen": "the picture had not changed at all for too long",
    "exact-duplicate": "exactly the same pixels were seen before",
    "unchanged": "it hardly differs from the last frame that passed",
    "blurred": "it is less sharp than the minimum",
    "closest-pair": "it was one of the two closest kept frames when a new one was kept",
    "exchanged": "a frame of the same burst that is more novel took its place",
    "merged": "chunks of the stream were merged, and another frame represents it",
    "expired": "no similar frame was seen within the window",
    "redrawn": "a later draw took its place",
    "resized": "the count was lowered",
    "over-budget": "the pictures exceeded the byte budget, and it was the most redundant",
    "lost": "its picture could not be stored",
    "picture-gone": "it had been recalled, but its picture had been deleted",
    "removed": "its feed or group was removed, and then its kept frames",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a frame: ``what`` happened, by which ``rule``, with which ``other`` frame."""

    what: str
    reason: str
    rule: str
    distance: float | None
    threshold: float | None
    other: str | None
    other_path: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything a record knows about a frame.

    ``change_share`` is the share of the picture that changed in front of the camera, ``fixed``
    whether the camera counted as fixed, ``weight`` what the frame weighs once it does; all None if
    it was not measured. ``steps`` are in order.
    ``kept`` says whether it is kept now, ``path`` is that of its picture;
    ``stands_in`` is the kept frame that represents it, if any.
    """

    id: str
    media_time: float | None
    sharpness: float | None
    change_share: float | None
    fixed: bool | None
    weight: float | None
    kept: bool
    path: str | None
    steps: tuple[Step, ...]
    stands_in: str | None
    stands_in_path: str | None

    def as_json(self) -> dict[str, object]:
        """Return the values under their published names."""
        return asdict(self)


def inspect_frame(folder: Path, name: str) -> Inspection:
    """Explain why a frame was kept, refused or evicted.

    ``name`` is an id (``gate-000123``), ``FEED:INDEX``, or the path of a picture, which may be
    deleted. Works during the run. Raises :class:`RecordError` for a frame that is not recorded.
    """
    with Record.open(folder) as record:
        key = _key(record, folder, name)
        decision = next(record.decisions(key), None)
        changes = list(record.changes(key))
        if decision is None and not changes:
            raise RecordError(
                f"{folder}: nothing is recorded of {key}; it was never judged, or so long ago "
                "that it is forgotten (see history)"
            )
        change = None if decision is None else decision.change
        stands_in = _stands_in(record, key, decision)
        steps = [_changed(record, change) for change in changes]
        if decision is not None and decision.outcome != "kept":
            steps.insert(0, _judged(record, decision))
        return Inspection(
            id=str(key),
            media_time=None if decision is None else decision.media_time,
            sharpness=None if decision is None else decision.sharpness,
            change_share=None if change is None else change.share,
            fixed=None if change is None else change.fixed,
            weight=None if change is None else change.weight,
            kept=_is_kept(changes),
            path=record.path(key),
            steps=tuple(steps),
            stands_in=None if stands_in is None else str(stands_in),
            stands_in_path=None if stands_in is None else record.path(stands_in),
        )


def _key(record: Record, folder: Path, name: str) -> FrameKey:
    """Return the frame that ``name`` refers to."""
    feeds = {feed.name for feed in record.feeds()}
    found = _NAME.fullmatch(name)
    if found and found["feed"] in feeds:
        return FrameKey(found["feed"], int(found["index"]))
    for start in (folder, folder.absolute()):
        path = Path(name)
        if path.is_relative_to(start):
            name = path.relative_to(start).as_posix()
    key = record.key_of(name) or _named_by(Path(name), feeds)
    if key is None:
        raise RecordError(
            f"{folder}: no frame {name!r}; give an id like {min(feeds, default='gate')}-000123, "
            "FEED:INDEX or the path of a kept picture"
        )
    return key


def _named_by(path: Path, feeds: set[str]) -> FrameKey | None:
    """Parse a picture's file name, which need not exist; None if the name is not one of ours."""
    if (found := _LIVE_PICTURE.fullmatch(path.name)) and found["feed"] in feeds:
        return FrameKey(found["feed"], int(found["index"]))
    if (found := _PICTURE.fullmatch(path.name)) and path.parent.name in feeds:
        return FrameKey(path.parent.name, int(found["index"]))
    return None


def _is_kept(changes: list[Change]) -> bool:
    return bool(changes) and changes[-1].kind == "kept"


def _stands_in(record: Record, key: FrameKey, decision: RecordedDecision | None) -> FrameKey | None:
    """Follow the representatives to the frame that is kept now."""
    seen = {key}
    changes = list(record.changes(key))
    if _is_kept(changes):
        return None
    following = None if decision is None else decision.nearest
    if changes:
        following = changes[-1].other
    while following is not None and following not in seen:
        seen.add(following)
        changes = list(record.changes(following))
        if _is_kept(changes):
            return following
        following = changes[-1].other if changes else None
    return None


def _judged(record: Record, decision: RecordedDecision) -> Step:
    return _step(
        record,
        what=decision.outcome,
        reason=decision.reason,
        distance=decision.distance,
        threshold=decision.threshold,
        other=decision.nearest,
        cause=None,
    )


def _changed(record: Record, change: Change) -> Step:
    return _step(
        record,
        what=change.kind,
        reason=change.reason,
        distance=change.distance,
        threshold=change.threshold,
        other=change.other,
        cause=change.cause,
    )


def _step(
    record: Record,
    *,
    what: str,
    reason: str,
    distance: float | None,
    threshold: float | None,
    other: FrameKey | None,
    cause: FrameKey | None,
) -> Step:
    return Step(
        what=what,
        reason=reason,
        rule=RULES.get(reason, reason),
        distance=distance,
        threshold=threshold,
        other=None if other is None else str(other),
        other_path=None if other is None else record.path(other),
        cause=None if cause is None else str(cause),
    )
