"""What decoded pictures become when they are shown or written: size, shape, colours."""
