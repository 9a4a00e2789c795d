"""Builds objects from options: the only room that knows the concrete classes."""
