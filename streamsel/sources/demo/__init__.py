"""Generated demo clips with known content."""
