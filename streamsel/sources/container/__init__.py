"""Containers: opening a video, finding a place in it, knowing it again."""
