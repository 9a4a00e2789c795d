"""The record of a run: decisions in SQLite, and the files beside it."""
