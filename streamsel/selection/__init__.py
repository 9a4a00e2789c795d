"""Selectors: which frames of a stream are kept. numpy alone, no I/O, no threads, no clock."""
