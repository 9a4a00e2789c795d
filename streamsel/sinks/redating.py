"""Corrects the dates of pictures taken while the system clock was wrong."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath

from streamsel.clock import Correction
from streamsel.record.files import disk_errors, make_folder, sync_files
from streamsel.record.service_writer import LiveRecordWriter
from streamsel.sinks.pictures import PictureFiles

_MOMENT = re.compile(r"(\d{8}T\d{6}\.\d{6})Z_")
_ROUNDING = timedelta(milliseconds=1)


class Redating:
    """Corrects the times of one service once, and file names as often as needed.

    A frame may be recalled, with its uncorrected time of receipt, long after the clock was set. The
    files of frames that may be recalled keep their names until then.
    """

    def __init__(self, folder: Path, record: LiveRecordWriter, pictures: PictureFiles) -> None:
        self._folder = folder
        self._record = record
        self._pictures = pictures
        self._done: Correction | None = None

    def apply(self, correction: Correction) -> int:
        """Correct the recorded times and rename the files; return how many were renamed.

        At any moment a row that claims a picture has its complete file: the file has both names
        until the new one is recorded. Raises :class:`SinkError`.
        """
        if self._done != correction:
            self._record.redate(correction)
            self._done = correction
        moves = {
            path: renamed
            for path, wall_time in self._record.dated_pictures()
            if (renamed := _put_right(path, wall_time, correction)) is not None
        }
        if moves:
            self._give_names(moves)
            self._record.rename(moves)
            self._pictures.spare(moves.values())
            self._pictures.give_up(moves)
        return len(moves)

    def _give_names(self, moves: Mapping[str, str]) -> None:
        """Give files a second name by hard link, or else by copy."""
        for path, renamed in moves.items():
            source, target = self._folder / path, self._folder / renamed
            with disk_errors(target):
                make_folder(target.parent)
                target.unlink(missing_ok=True)
                try:
                    os.link(source, target)
                except OSError:
                    shutil.copyfile(source, target)
        with disk_errors(self._folder):
            sync_files([self._folder / renamed for renamed in moves.values()])


def _put_right(path: str, wall_time: float, correction: Correction) -> str | None:
    """Return the correct name of a file; None if it is correct or not one of ours."""
    name = PurePosixPath(path)
    if (found := _MOMENT.match(name.name)) is None:
        return None
    said = datetime.strptime(found[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC)
    moment = datetime.fromtimestamp(wall_time, UTC)
    is_off = abs(moment - said - timedelta(seconds=correction.seconds)) < _ROUNDING
    if not is_off or abs(correction.seconds) < _ROUNDING.total_seconds():
        return None
    folder = name.parents[2] / f"{moment:%Y-%m-%d/%H}"
    return str(folder / f"{moment:%Y%m%dT%H%M%S.%fZ}_{name.name[found.end() :]}")
