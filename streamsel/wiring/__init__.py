"""Options to objects: alone knows the concrete classes, and imports the heavy ones when asked."""
