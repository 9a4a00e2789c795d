"""Spools a video from standard input to an unnamed temporary file."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from streamsel.errors import ConfigurationError, SinkError, SourceError
from streamsel.sources.inputs import STANDARD_INPUT

_PIECE_BYTES = 1 << 20
_LEFT_FREE = 0.1
"""Of the room that is free, so much is left to others, and to what the run itself writes."""


class StandardInput:
    """What was read of standard input, in a file of its own. Use as a context manager.

    A video has to be sought in, so all of it is read before the first frame is decoded. The file
    lies in ``folder``, without a name: whatever ends the process, nothing is left of it.
    ``location`` is where it can be opened, in this process and in its children.
    """

    def __init__(self, folder: Path, source: BinaryIO | None = None) -> None:
        """Read all of ``source``, of standard input where it is None.

        Raises :class:`SourceError` where there is nothing, or more than the disk should take;
        :class:`SinkError` where it cannot be written.
        """
        source = sys.stdin.buffer if source is None else source
        if source.isatty():
            raise ConfigurationError("-: standard input is a terminal; pipe a video into it")
        most = int(shutil.disk_usage(folder).free * (1 - _LEFT_FREE))
        try:
            descriptor, name = tempfile.mkstemp(dir=folder, prefix=".stdin-", suffix=".part")
            os.unlink(name)
        except OSError as error:
            raise SinkError(f"{folder}: cannot be written: {error.strerror}") from error
        self._file = os.fdopen(descriptor, "wb")
        try:
            self._fill(source, most, folder)
        except BaseException:
            self._file.close()
            raise

    @property
    def location(self) -> str:
        """The path of the file, for as long as this is not closed."""
        return f"/proc/{os.getpid()}/fd/{self._file.fileno()}"

    def close(self) -> None:
        """Let go of the file, and of the room it takes."""
        self._file.close()

    def _fill(self, source: BinaryIO, most: int, folder: Path) -> None:
        written = 0
        while piece := source.read(_PIECE_BYTES):
            written += len(piece)
            if written > most:
                raise SourceError(
                    f"-: standard input holds more than {most:,} bytes, which is what the disk of "
                    f"{folder} can take; save it to a file elsewhere, and give that"
                )
            try:
                self._file.write(piece)
            except OSError as error:
                raise SinkError(f"{folder}: cannot be written: {error.strerror}") from error
        if not written:
            raise SourceError("-: standard input is empty; pipe a video into it")
        self._file.flush()


def asks_for_standard_input(inputs: Sequence[str], *, resume: bool = False) -> bool:
    """Whether one of the inputs is standard input.

    Raises :class:`ConfigurationError` where it is given twice, or is to be continued.
    """
    asked = list(inputs).count(STANDARD_INPUT)
    if asked > 1:
        raise ConfigurationError("-: standard input can be read once; give it once")
    if asked and resume:
        raise ConfigurationError(
            "-: standard input cannot be read a second time, so --resume cannot continue it; save "
            "it to a file, or restart with --overwrite"
        )
    return bool(asked)
