"""The HTTP server of a running service: API, pages, events, metrics, WHIP."""
