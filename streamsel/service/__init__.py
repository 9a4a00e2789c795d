"""The service process: start, signals, reloads, operations."""
