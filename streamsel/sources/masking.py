"""Passwords and tokens are masked before an address enters a message, a log or a record."""

from __future__ import annotations

import re

_USER_AND_PASSWORD = re.compile(r"(?<=://)([^:@/\s'\"]*):(?!\d+(?:[/?#]|$))[^\s'\"]*@")
_USER_ALONE = re.compile(r"(?<=://)[^:@/?#\s'\"]+@")
_SECRET_PARAMETER = re.compile(
    r"([?&;][^=&;?\s]*(?:token|passw|pwd|key|sig|secret|auth|credential|session)[^=&;?\s]*=)"
    r"[^&;#\s'\"]*",
    re.IGNORECASE,
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")


def mask(text: str) -> str:
    """The same text on one line, without passwords, tokens and signatures.

    >>> mask("rtsp://user:secret@cam/main")
    'rtsp://user:***@cam/main'
    >>> mask("https://host/clip.mp4?id=7&token=abc")
    'https://host/clip.mp4?id=7&token=***'
    """
    text = _USER_AND_PASSWORD.sub(r"\1:***@", text)
    text = _USER_ALONE.sub("***@", text)  # a user name that stands alone may be a token
    text = _SECRET_PARAMETER.sub(r"\1***", text)
    return _UNPRINTABLE.sub("?", text)
