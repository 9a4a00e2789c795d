"""Measures of a selection: diversity, methods compared, what a way of decoding costs."""
