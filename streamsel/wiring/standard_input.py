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
"""Share of the free space that is left for others and for the output of the run."""


class StandardInput:
    """Standard input, spooled to a file until it is closed.

    Decoding needs to seek, so all input is read before the first frame is decoded. The file lies in
    ``folder`` without a name, so nothing is left of it when the process ends for any reason.
    ``location`` is its path, in this process and its children.
    """

    def __init__(self, folder: Path, source: BinaryIO | None = None) -> None:
        """Read all of ``source``, by default standard input.

        Raises :class:`SourceError` for empty input or more than the disk should hold;
        :class:`SinkError` if it cannot be written.
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
        """Delete the file."""
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

    Raises :class:`ConfigurationError` if it occurs twice, or the run is to be resumed.
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
