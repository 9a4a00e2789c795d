"""Thumbnails and luma grids of decoded pictures, on the CPU or a GPU."""
