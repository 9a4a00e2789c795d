"""Configures logging of a service: one line per message, credentials masked."""

from __future__ import annotations

import logging
from typing import TextIO

from streamsel.redaction import redact


class _Masked(logging.Formatter):
    """Masks addresses and tokens in whatever is logged, tracebacks of libraries included."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(redact(line) for line in super().format(record).splitlines())


def log_to(stream: TextIO) -> None:
    """Configure logging to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Masked("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(handlers=[handler])
    # It warns of each packet and each picture that a sender damaged; those are counted instead.
    logging.getLogger("aiortc").setLevel(logging.ERROR)
