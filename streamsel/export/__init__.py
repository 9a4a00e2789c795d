"""What a run recorded, for other programs: rows of frames, and a file for each format."""
