"""Reports for people: summaries, tables and plots."""
