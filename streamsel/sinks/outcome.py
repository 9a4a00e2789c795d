"""The net effect of several updates on the stored pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from streamsel.decisions import Kept, SelectionUpdate
from streamsel.frame import Candidate, EncodedPicture, Frame, FrameKey, Picture


@dataclass(frozen=True, slots=True)
class UpdateOutcome:
    """The net result of updates: kept and removed frames, each frame once.

    ``kept`` and ``spares`` include the picture that came with each frame, if any; ``spares`` are
    removed frames that may be recalled, by scope. ``recallable`` is the latest value for each scope
    that has one.
    """

    kept: tuple[Frame, ...]
    gone: tuple[FrameKey, ...]
    spares: tuple[tuple[str, Frame], ...]
    recallable: Mapping[str, frozenset[FrameKey]]

    @classmethod
    def of(cls, updates: Sequence[SelectionUpdate]) -> UpdateOutcome:
        """Return the result of updates, in their order."""
        recallable: dict[str, frozenset[FrameKey]] = {}
        pictures: dict[FrameKey, Picture] = {}
        last: dict[FrameKey, tuple[str, bool, Frame]] = {}
        for update in updates:
            if update.recallable is not None:
                recallable[update.scope] = update.recallable
            for event in update.events:
                frame, is_kept = event.frame, isinstance(event, Kept)
                if is_kept and frame.picture.encoded is not None:
                    pictures[frame.key] = frame.picture
                picture = pictures.get(frame.key, Picture(None))
                last[frame.key] = update.scope, is_kept, replace(frame, picture=picture)
        return cls(
            kept=tuple(frame for _, is_kept, frame in last.values() if is_kept),
            gone=tuple(key for key, (_, is_kept, _) in last.items() if not is_kept),
            spares=tuple(
                (scope, frame)
                for scope, is_kept, frame in last.values()
                if not is_kept and frame.key in recallable.get(scope, ())
            ),
            recallable=recallable,
        )

    @property
    def pictured(self) -> list[tuple[Frame, EncodedPicture]]:
        """The frames, kept and spare, that came with a picture, with that picture."""
        frames = (*self.kept, *(frame for _, frame in self.spares))
        return [
            (frame, frame.picture.encoded) for frame in frames if frame.picture.encoded is not None
        ]


def without_pixels(update: SelectionUpdate) -> SelectionUpdate:
    """Release the pictures of frames that are not kept: waiting updates must not hold them."""
    return replace(
        update,
        verdicts=tuple(
            replace(verdict, candidate=_bare(verdict.candidate)) for verdict in update.verdicts
        ),
    )


def _bare(candidate: Candidate) -> Candidate:
    prefiltered = candidate.prefiltered
    frame = replace(prefiltered.frame, picture=Picture(None))
    return replace(candidate, prefiltered=replace(prefiltered, frame=frame, thumbnail=None))
