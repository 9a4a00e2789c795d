"""The command line: each command parses, builds, runs and prints; it decides nothing."""
