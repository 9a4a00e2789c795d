"""Video containers: opening, seeking, fingerprints, hardware decoding."""
