"""What looks at frames: the built-in network, its training, and those of other packages."""
