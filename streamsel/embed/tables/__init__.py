"""Precomputed embeddings from CSV, JSON lines or Parquet files."""
