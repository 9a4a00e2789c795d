"""The Python API: the ``streamsel`` commands as functions."""
