"""Masks passwords and tokens in addresses before they reach messages, logs or records.

A secret is recognised by its position in an address, or because the configuration registered it
when it was read from the environment or from a file. When in doubt, text is masked.
"""

from __future__ import annotations

import re
import threading
from urllib.parse import quote, unquote

HIDDEN = "***"
_SHORTEST_KNOWN, _LONG_KNOWN = 4, 8

# The text may be hostile and crafted to be slow, so repetitions are bounded.
_PARAMETER = re.compile(r"(?:^|[?&;#/_,!\s'\"])([^=&;?#/\s'\"]{1,64})=")
_SECRET_NAME = re.compile(
    r"token|pass|pwd|psw|loginpas|key|sig|secret|auth|cred|session|jwt|hmac|otp|ticket|bearer|nonce"
    r"|(?:^|_)(?:pas|pw|pin|sid|psd)$",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(
    r"keyframe|keyint|monkey|^author$|design|bypass|signal|compass", re.IGNORECASE
)
# A value ends where the next one begins: DVRs write /user=admin_password=XX_channel=1_stream=0.sdp.
_VALUE = re.compile(r"(?:(?!_[A-Za-z]{1,32}=)[^&;#\s])*")
_STREAM_ID = re.compile(r"([?&]streamid=)[^&\s]*", re.IGNORECASE)
_USER_AND_P = re.compile(
    r"((?:^|[?&;])(?:u|usr|user|login)=[^&;#\s]*[&;]p=)[^&;#\s]*", re.IGNORECASE
)
_USER_AND_PASSWORD = re.compile(
    r"(?<=://)([^:@/?#\s]{0,256}):(?!\d{1,5}(?:[/?#'\"\s),;]|$))"
    r"(?:(?!\s\S{0,200}://).){0,4096}@"
)
_USER_ALONE = re.compile(r"(?<=://)(?!\*{3}@)[^:@/?#\s]+@")
_WITHOUT_SCHEME = re.compile(
    r"(?:(?<=^)|(?<=[\s'\"(=]))([^\s:@/'\"(=]{1,128}):([^\s@/]{1,256})@(?=[\w\[])"
)
_USER_IN_PATH = re.compile(r"(?<=/)([^/:@?#\s]*[^\d/:@?#\s]):([^/@?#\s]+)(?=[/?#]|$)")
_ENCODED = re.compile(
    r"(%3A%2F%2F[^%\s]*(?:%(?!3A|40|2F)[^%\s]*)*)%3A(?:(?!%3A%2F%2F)\S)*%40", re.IGNORECASE
)
_HEADER = re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?\w+\s+|\bbearer\s+)[^\s'\",]+", re.I)
_URL = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]{0,20})://\S*")
_TOKEN_IN_PATH = re.compile(
    r"(?<=/)(?:[0-9a-f]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|eyJ[\w-]+(?:\.[\w-]+)*)(?=[/?#.]|$)",
    re.IGNORECASE,
)
_MIXED_IN_PATH = re.compile(
    r"(?<=/)(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*\d)[A-Za-z0-9]{12,}(?=[/?#]|$)"
)
_PORT_AND_PATH = re.compile(r"(?<=://)[^/?#\s]*")
_LIVE_SCHEMES = ("rtsp", "rtsps", "rtspx", "rtmp", "rtmps", "srt")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")


class Known:
    """Registered secrets, and their replacements. Safe from any thread."""

    def __init__(self) -> None:
        self._state: tuple[dict[str, str], re.Pattern[str] | None] = ({}, None)
        self._learning = threading.Lock()

    def learn(self, text: str, shown: str) -> None:
        """Register a text with its replacement ``shown``; longest texts are replaced first."""
        with self._learning:
            known = {**self._state[0], text: shown}
            pattern = "|".join(map(_pattern, sorted(known, key=len, reverse=True)))
            self._state = known, re.compile(pattern)

    def hide(self, text: str) -> str:
        """Return the text with registered secrets replaced."""
        known, pattern = self._state
        return text if pattern is None else pattern.sub(lambda found: known[found[0]], text)


def _pattern(text: str) -> str:
    """Return the pattern of a secret; a short one matches only as a whole word."""
    exact = re.escape(text)
    return exact if len(text) >= _LONG_KNOWN else rf"(?<![A-Za-z0-9]){exact}(?![A-Za-z0-9])"


_KNOWN = Known()


def redact(text: str) -> str:
    """Return the text on one line, with passwords, tokens and signatures masked.

    >>> redact("rtsp://user:secret@cam/main")
    'rtsp://user:***@cam/main'
    >>> redact("https://host/clip.mp4?id=7&token=abc")
    'https://host/clip.mp4?id=7&token=***'
    >>> redact("rtsp://10.0.0.4/user=admin_password=tl_channel=1_stream=0.sdp")
    'rtsp://10.0.0.4/user=admin_password=***_channel=1_stream=0.sdp'
    """
    text = _KNOWN.hide(text)
    text = _HEADER.sub(rf"\1{HIDDEN}", text)
    if "@" in text:
        text = _USER_AND_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
        text = _USER_ALONE.sub(f"{HIDDEN}@", text)  # a user name without a password may be a token
        text = _WITHOUT_SCHEME.sub(rf"\1:{HIDDEN}@", text)
    text = _ENCODED.sub(rf"\1%3A{HIDDEN}%40", text)
    text = _URL.sub(_mask_path, text)
    text = _USER_AND_P.sub(rf"\1{HIDDEN}", text)
    text = _STREAM_ID.sub(rf"\1{HIDDEN}", text)
    return _UNPRINTABLE.sub("?", _mask_parameters(text))


def is_secret_name(name: str) -> bool:
    """Whether a parameter or an option is secret by its name.

    >>> is_secret_name("api_key"), is_secret_name("monkeys"), is_secret_name("token_file")
    (True, False, False)
    """
    is_secret = _SECRET_NAME.search(name) and not _HARMLESS_NAME.search(name)
    return bool(is_secret) and not name.endswith("_file")


def _mask_parameters(text: str) -> str:
    """Return the text with the values of secret parameters masked, by parameter name."""
    pieces, at = list[str](), 0
    for found in _PARAMETER.finditer(text):
        name = found[1]
        if found.start() < at or not _SECRET_NAME.search(name) or _HARMLESS_NAME.search(name):
            continue
        value = _VALUE.match(text, found.end())
        pieces += text[at : found.end()], HIDDEN
        at = found.end() if value is None else value.end()
    return "".join([*pieces, text[at:]])


def _mask_path(url: re.Match[str]) -> str:
    """Return the URL with passwords in its path masked."""
    host = _PORT_AND_PATH.search(url[0])
    end = len(url[0]) if host is None else host.end()
    path = _USER_IN_PATH.sub(rf"\1:{HIDDEN}", url[0][end:])
    path = _TOKEN_IN_PATH.sub(HIDDEN, path)
    if url[1].lower() in _LIVE_SCHEMES:
        path = _MIXED_IN_PATH.sub(HIDDEN, path)
    return url[0][:end] + path


def register_secret(secret: str) -> None:
    """Mask this text everywhere from now on, as written and percent-encoded.

    Secrets of fewer than four characters are only masked by their position in an address: masked
    everywhere, they would destroy ordinary words.
    """
    forms = {secret, unquote(secret), quote(secret, safe=""), quote(secret)}
    for form in forms:
        if len(form) >= _SHORTEST_KNOWN:
            _KNOWN.learn(form, HIDDEN)


def register_address(address: str, shown: str) -> None:
    """Replace a complete address by ``shown`` everywhere from now on."""
    if address != shown and len(address) >= _SHORTEST_KNOWN:
        _KNOWN.learn(address, shown)
