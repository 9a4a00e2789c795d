"""Vectors computed elsewhere, read from CSV, JSON lines or Parquet."""
