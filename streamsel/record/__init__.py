"""The record of a run: what was decided, in SQLite, and the files beside it."""
