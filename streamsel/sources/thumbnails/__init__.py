"""Thumbnails and luma grids of decoded pictures, on the processor or on a GPU."""
