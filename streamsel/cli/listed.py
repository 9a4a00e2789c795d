"""Reads inputs from a list file, in addition to those on the command line."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import click

from streamsel.errors import ConfigurationError
from streamsel.sources.inputs import STANDARD_INPUT

_MOST_BYTES = 256 << 20
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NEVER_IN_NAMES = re.compile(rb"[\x01-\x08\x0b\x0c\x0e-\x1f]")


def with_listed(inputs: tuple[str, ...], file: str | None) -> tuple[str, ...]:
    """Return the inputs, followed by those listed in ``file``; ``-`` is standard input.

    Raises ``click.UsageError`` if there are none, :class:`ConfigurationError` if the list cannot be
    read or is not a list. A video or UTF-16 text would otherwise be split at its zero bytes, and
    pieces such as ``.`` or ``/`` would be valid inputs.
    """
    if file is None:
        if not inputs:
            raise click.UsageError("give an INPUT, or --from-file")
        return inputs
    if file == STANDARD_INPUT and STANDARD_INPUT in inputs:
        raise click.UsageError("standard input is either a list (--from-file -) or a video (-)")
    content = _content(file)
    if content.startswith(_UTF_16):
        raise ConfigurationError(f"--from-file {file}: is UTF-16; save it as UTF-8")
    if _NEVER_IN_NAMES.search(content):
        raise ConfigurationError(
            f"--from-file {file}: holds binary data, no list of names; a video is an INPUT itself"
        )
    listed = read_list(content)
    if not listed and not inputs:
        raise ConfigurationError(f"--from-file {file}: lists nothing; write one input per line")
    if STANDARD_INPUT in listed and file == STANDARD_INPUT:
        raise ConfigurationError("--from-file -: the list itself comes from there; leave - out")
    return (*inputs, *listed)


def read_list(content: bytes) -> list[str]:
    r"""Split a list into its entries: one per line, or NUL-separated if it contains NULs.

    >>> read_list(b"a b.mp4\r\n\n#1.mp4\n"), read_list(b"two\nlines.mp4\0b.mp4\0")
    (['a b.mp4', '#1.mp4'], ['two\nlines.mp4', 'b.mp4'])
    """
    if b"\0" in content:
        return [os.fsdecode(entry) for entry in content.split(b"\0") if entry]
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return [os.fsdecode(line) for one in lines if (line := one.removesuffix(b"\r")).strip()]


def _content(file: str) -> bytes:
    try:
        if file == STANDARD_INPUT:
            content = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            f"--from-file {file}: cannot be read ({error.strerror}); give a file of names"
        ) from error
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"--from-file {file}: is larger than 256 MiB; a list is not")
    return content
