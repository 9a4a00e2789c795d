"""Exports a run for other programs: rows of frames, one module per format."""
