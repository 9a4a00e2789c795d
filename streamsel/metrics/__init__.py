"""What Prometheus is told of a running service."""
