"""From packets to frames: decoders in parallel, corruption, timestamps, filters, sampling."""
