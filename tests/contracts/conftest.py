from __future__ import annotations

from tests.sources.webrtc.conftest import ingest, nets

__all__ = ["ingest", "nets"]
