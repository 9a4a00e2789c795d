"""Measures of a selection: diversity, comparison of methods, cost of decoding."""
