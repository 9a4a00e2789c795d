"""Configures logging of a service: one line per message, credentials masked."""

from __future__ import annotations

import logging
from typing import TextIO

from streamsel.redaction import redact


class _Masked(logging.Formatter):
    """Masks addresses and tokens in all log output, including tracebacks of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(redact(line) for line in super().format(record).splitlines())


def log_to(stream: TextIO) -> None:
    """Configure logging to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler])
    # It warns for every damaged packet and picture; these are counted instead.
    logging.getLogger("aiortc").setLevel(logging.ERROR)
