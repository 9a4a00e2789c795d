"""Sources of frames: video files, images, URLs, live feeds, the demo clip.

Everything here is synchronous and owns no thread: a source's generator opens, reads and closes in
the thread that iterates it. Credentials are masked in everything that leaves.
"""
