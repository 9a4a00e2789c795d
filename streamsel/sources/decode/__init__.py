"""Decoding: packets to frames, in parallel; corruption, timestamps, filters, sampling."""
