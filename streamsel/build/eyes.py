"""Who looks at decoded pictures: in main memory, or where a card left them."""

from __future__ import annotations

from streamsel.config.options import ReadOptions
from streamsel.interfaces import Eye


def looks_on_card(read: ReadOptions) -> bool:
    """Whether pictures can be looked at in a card's memory: it decodes, and torch can use it."""
    if read.hwaccel not in ("auto", "cuda"):
        return False
    import torch

    return torch.cuda.is_available()


def open_eye(*, on_card: bool) -> Eye:
    """Return an eye for the pictures of one feed."""
    if on_card:
        from streamsel.sources.thumbnails.gpu import CardEye

        return CardEye()
    from streamsel.sources.thumbnails.cpu import Eye as MemoryEye

    return MemoryEye()
