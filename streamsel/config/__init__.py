"""Configuration: options with units, bounds and defaults, and where their values come from."""
