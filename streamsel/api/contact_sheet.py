"""A contact sheet of kept frames, as HTML for notebooks."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from streamsel.api.picture_file import read_picture
from streamsel.errors import StreamselError
from streamsel.selection.baselines import uniform

if TYPE_CHECKING:
    from streamsel.api.results import SelectedFrame

MOST_SHOWN = 60
"""Pictures of a sheet, at some 5 kB each, because a notebook stores them with its cells."""
_SIDE_PX = 160
_QUALITY = 75
_CELL = f"width:{_SIDE_PX}px;margin:0;font-size:11px;line-height:1.3;overflow-wrap:anywhere"
_SHEET = "display:flex;flex-wrap:wrap;gap:8px;align-items:flex-end"


def contact_sheet(title: str, frames: Sequence[SelectedFrame]) -> str:
    """Return the frames as HTML: a title, then small pictures with feed and time.

    At most :data:`MOST_SHOWN` frames are shown, evenly spaced. The pictures are part of the HTML,
    so a saved notebook needs no file. A picture that cannot be read is replaced by the reason.
    """
    shown = [frames[place] for place in uniform(len(frames), MOST_SHOWN)]
    left_out = len(frames) - len(shown)
    rest = f"; {len(shown)} of them below, evenly spaced" if left_out else ""
    cells = "".join(_cell(frame) for frame in shown)
    return f'<p>{escape(title + rest)}</p><div style="{_SHEET}">{cells}</div>'


def _cell(frame: SelectedFrame) -> str:
    told = f"{frame.id}: {frame.reason}"
    if frame.distance is not None:
        told += f", {frame.distance:.3f} from {frame.nearest}"
    caption = f"{frame.display_name} {frame.media_time:.3f} s"
    return (
        f'<figure style="{_CELL}" title="{escape(told)}">{_picture(frame)}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _picture(frame: SelectedFrame) -> str:
    try:
        image = read_picture(frame.path, within=_SIDE_PX)
    except StreamselError as error:
        return f"<div>{escape(str(error))}</div>"
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_QUALITY)
    source = f"data:image/jpeg;base64,{b64encode(encoded.getvalue()).decode()}"
    return f'<img src="{source}" alt="{escape(frame.id)}" width="{image.width}">'
