"""Where frames come from: video files, folders of images, URLs, and a clip drawn for the demo.

Everything here is synchronous and owns no thread: a source's generator opens, reads and closes in
the thread that iterates it. Nothing that carries a password leaves unmasked.
"""
