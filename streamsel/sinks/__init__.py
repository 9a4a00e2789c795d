"""Sinks: store or send kept frames (folder, clips, console, MQTT, events)."""
