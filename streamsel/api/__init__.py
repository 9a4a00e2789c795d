"""The Python interface: what the ``streamsel`` command does, as functions."""
