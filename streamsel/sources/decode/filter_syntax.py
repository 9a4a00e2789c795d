"""Parses an ffmpeg filtergraph into nodes.

Grammar and quoting are those of ffmpeg's "Filtergraph syntax" and "Quoting and escaping". One
level of quotes and backslashes is removed here; the next belongs to the filter's options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_SPACE = " \n\t\r"


@dataclass(frozen=True, slots=True)
class FilterNode:
    """One filter: its name, its options for ffmpeg, and its input and output labels."""

    name: str
    options: str | None
    takes: tuple[str, ...] = ()
    gives: tuple[str, ...] = ()


Chain: TypeAlias = tuple[FilterNode, ...]


def parse(text: str) -> tuple[Chain, ...]:
    """Parse a filtergraph into chains of filters. Raises ``ValueError`` with the reason.

    >>> parse("scale=64:-2,hflip")
    ((FilterNode(name='scale', options='64:-2', takes=(), gives=()), FilterNode(name='hflip', \
options=None, takes=(), gives=())),)
    """
    reader = _Reader(text)
    chains = [tuple(reader.chain())]
    while reader.accept(";"):
        if not reader.is_at_end():
            chains.append(tuple(reader.chain()))
    if not reader.is_at_end():
        raise ValueError(f"cannot parse '{reader.rest()}'")
    return tuple(chains)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        return self._text[self._at :].strip()

    def is_at_end(self) -> bool:
        return not self.rest()

    def accept(self, sign: str) -> bool:
        """Consume a character, and the space before it, if it comes next."""
        self._skip_space()
        if not self._text.startswith(sign, self._at):
            return False
        self._at += len(sign)
        return True

    def chain(self) -> list[FilterNode]:
        nodes = [self._node()]
        while self.accept(","):
            nodes.append(self._node())
        return nodes

    def _node(self) -> FilterNode:
        takes = self._labels()
        name = self._token("=,;[").partition("@")[0]
        if not name:
            raise ValueError("a filter's name is missing")
        options = self._token("[],;") if self.accept("=") else None
        return FilterNode(name, options or None, takes, self._labels())

    def _labels(self) -> tuple[str, ...]:
        labels = []
        while self.accept("["):
            labels.append(self._token("]"))
            if not self.accept("]"):
                raise ValueError("a label is not closed by ]")
        return tuple(labels)

    def _token(self, ends: str) -> str:
        """Read up to one of the characters ``ends``; remove quotes, backslashes and outer space."""
        self._skip_space()
        token, kept = "", 0
        while self._at < len(self._text) and self._text[self._at] not in ends:
            sign = self._text[self._at]
            self._at += 1
            if sign == "\\" and self._at < len(self._text):
                token += self._text[self._at]
                self._at += 1
                kept = len(token)
            elif sign == "'":
                quoted, quote, _ = self._text[self._at :].partition("'")
                token += quoted
                self._at += len(quoted) + len(quote)
                kept = len(token)
            else:
                token += sign
        return token[:kept] + token[kept:].rstrip(_SPACE)

    def _skip_space(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
