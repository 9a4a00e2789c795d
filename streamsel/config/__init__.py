"""What a user may ask for: options with their units, bounds and defaults."""
