"""The process of a service: its life from start to signal, reloads, and what may be asked of it."""
