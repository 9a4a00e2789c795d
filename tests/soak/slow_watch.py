"""``streamsel`` with an embedder at a tenth of its speed, for the endurance run."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from streamsel.cli.main import main
from streamsel.embed.builtin import BuiltinEmbedder
from streamsel.frame import Thumbnail, Vectors

_at_full_speed = BuiltinEmbedder.embed


def _embed(self: BuiltinEmbedder, thumbnails: Sequence[Thumbnail]) -> Vectors:
    began = time.monotonic()
    vectors = _at_full_speed(self, thumbnails)
    time.sleep(9 * (time.monotonic() - began))
    return vectors


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BuiltinEmbedder, "embed", _embed)
        main()
