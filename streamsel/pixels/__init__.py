"""Conversion of decoded pictures for display and storage: size, shape, colours."""
