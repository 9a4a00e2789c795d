"""Selectors: decide which frames to keep. numpy only; no I/O, no threads, no clock."""
