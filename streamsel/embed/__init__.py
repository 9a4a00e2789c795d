"""Embedders: the built-in network, its training, and adapters for other libraries."""
