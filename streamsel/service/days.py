"""Handles a wrong system clock at start: warns, and corrects stored dates later."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from functools import partial

from streamsel.clock import GuardedClock
from streamsel.errors import SinkError
from streamsel.runtime.service_run import LivePipeline
from streamsel.sinks.service_folder import LiveDiskSink

_LOG = logging.getLogger("streamsel.service")
_LOOK_SECONDS = 5.0


def warn_of_wrong_clock(clock: GuardedClock) -> None:
    """Log a warning if the system clock is not set."""
    if clock.is_wrong:
        began = datetime.fromtimestamp(clock.floor, UTC)
        _LOG.warning(
            "the system clock is not set: time continues from %s UTC until it is, and the dates of "
            "pictures are corrected then",
            f"{began:%Y-%m-%d %H:%M}",
        )


async def put_days_right(
    clock: GuardedClock, store: LiveDiskSink | None, line: LivePipeline
) -> None:
    """Correct, for ever, dates recorded before the system clock was set."""
    was_told = False
    while True:
        # Frames received before the clock was set are judged by the next round. But a frame may be
        # recalled with its old time as long as the service runs.
        await asyncio.sleep(_LOOK_SECONDS)
        if (correction := clock.correction) is None:
            continue
        if not was_told:
            was_told = True
            _LOG.info("the system clock is set, %.0f s later than assumed", correction.seconds)
        elif store is not None:
            try:
                moved = await line.run_in_first_sink(partial(store.put_right, correction))
            except SinkError as error:
                _LOG.warning("the dates of pictures are not corrected yet: %s", error)
                continue
            if moved:
                _LOG.info("the dates of %d pictures are corrected", moved)
