"""The words of options and of decisions are listed once, so that no layer knows others."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path
from typing import get_args

import pytest

from streamsel import choices
from streamsel.choices import MEDIA_TYPES, ImageFormat, Transport, require_choice
from streamsel.errors import ConfigurationError

PACKAGE = Path(choices.__file__).parent


def test_the_words_of_a_choice_are_listed_once() -> None:
    places: defaultdict[frozenset[object], list[str]] = defaultdict(list)
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
                inner = ast.walk(node.slice)
                words = frozenset(one.value for one in inner if isinstance(one, ast.Constant))
                places[words].append(f"{file.relative_to(PACKAGE)}:{node.lineno}")
    assert frozenset(get_args(Transport)) in places
    assert {words: at for words, at in places.items() if len(words) > 1 and len(at) > 1} == {}


def test_every_image_format_has_its_media_type() -> None:
    assert tuple(MEDIA_TYPES) == get_args(ImageFormat)


def test_another_word_is_refused_with_the_known_ones() -> None:
    require_choice("transport", "udp", Transport)
    with pytest.raises(ConfigurationError, match="transport is 'UDP'; it must be one of tcp, udp"):
        require_choice("transport", "UDP", Transport)
