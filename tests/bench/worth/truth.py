"""What is to be seen in each frame of a generated video, as JSON lines beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Truth:
    """One frame. ``time`` is in seconds.

    ``event`` names what people would want a picture of; None: nothing is there. ``light`` is how
    the scene is lit, or what kind of scene it is. ``junk`` is what fills the frame instead of an
    event, None where nothing does, or where an event is to be seen as well.
    """

    frame: int
    time: float
    event: str | None
    light: str
    junk: str | None

    @property
    def kind(self) -> str:
        """In one word: ``event``, the junk, or the light of a frame with neither."""
        return "event" if self.event is not None else self.junk or self.light


def write_truth(file: Path, frames: Iterable[Truth]) -> None:
    """Write a line for each frame."""
    file.write_text("".join(json.dumps(asdict(frame)) + "\n" for frame in frames))


def read_truth(file: Path) -> Sequence[Truth]:
    """Read what :func:`write_truth` wrote.

    Raises :class:`ValueError` for lines that are something else.
    """
    found = []
    for number, line in enumerate(file.read_text().splitlines()):
        try:
            frame = Truth(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{file}, line {number + 1}: {error}") from None
        if frame.frame != number:
            raise ValueError(f"{file}, line {number + 1}: it is about frame {frame.frame}")
        found.append(frame)
    return found


def events_of(frames: Iterable[Truth]) -> Sequence[str]:
    """The events in the order in which they begin."""
    return list(dict.fromkeys(frame.event for frame in frames if frame.event is not None))
