"""Generated clips: scenes whose content is known."""
