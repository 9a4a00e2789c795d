"""Sources of frames: video files, images, URLs, live feeds, the demo clip.

Sources are synchronous and own no thread: a source's generator opens, reads and closes in the
thread that iterates it. Credentials are masked in all addresses and messages.
"""
