"""``select --dry-run``: prints the forecast of a selection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from streamsel.config.options import RunOptions
from streamsel.wiring.forecast import Forecast, ForeseenInput
from streamsel.wiring.inputs import tell_passed_over

_USES = {
    "new": "a new run",
    "resumed": "the run in it would be continued",
    "replaced": "the run in it would be replaced",
}


def print_forecast(forecast: Forecast, to: TextIO, *, verbose: bool = False) -> None:
    """Print the forecast of a selection; ``verbose`` names each file that is not an input."""
    for line in _lines(forecast, verbose=verbose):
        print(line, file=to)


def _lines(forecast: Forecast, *, verbose: bool) -> Iterator[str]:
    inputs = [one for one in forecast.inputs if one.error is None]
    plural = "" if len(inputs) == 1 else "s"
    yield f"would read {len(inputs)} input{plural}, {_frames(forecast.frames)}"
    for one in inputs:
        yield f"  {one.feed}: {one.source}, {_frames(one.frames)}{_size(one)}"
    yield from tell_passed_over(forecast.passed_over, verbose=verbose)
    method, form = forecast.options.select.method, forecast.options.write.format
    yield f"would keep at most {forecast.count:,}, {method}, by {forecast.embedder}, as {form}"
    if changed := ", ".join(_changed(forecast.options)):
        yield f"  with {changed}"
    yield (
        f"would take about {_bytes(forecast.picture_bytes)} for pictures and "
        f"{_bytes(forecast.record_bytes)} for the record"
    )
    if forecast.folder is not None and forecast.use is not None:
        free = _bytes(forecast.free_bytes)
        yield f"into {forecast.folder}: {_USES[forecast.use]}; {free} are free"
    for error in forecast.errors.values():
        yield f"cannot be read: {error}"
    yield "nothing was written"


def _frames(count: int | None) -> str:
    return "an unknown number of frames" if count is None else f"{count:,} frames"


def _size(one: ForeseenInput) -> str:
    return "" if one.width is None else f" of {one.width}x{one.height}"


def _bytes(count: int | None) -> str:
    if count is None:
        return "an unknown number of bytes"
    size, units = float(count), iter(("KB", "MB", "GB", "TB"))
    unit = "bytes"
    while size >= 1000 and unit != "TB":
        size, unit = size / 1000, next(units)
    return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"


def _changed(options: RunOptions) -> Iterator[str]:
    """Return the options that differ from their defaults."""
    defaults = RunOptions().as_json()
    for part, values in options.as_json().items():
        for name, value in values.items():
            if value != defaults[part].get(name):
                yield f"{name.replace('_', '-')} {value}"
