"""What a running service answers over HTTP."""
