"""The words of an option are listed once, so that no layer knows others."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest

from streamsel import choices

PACKAGE = Path(choices.__file__).parent
LISTS = {name: get_args(one) for name, one in vars(choices).items() if get_origin(one) is not None}


@cache
def lists_of(file: Path) -> set[frozenset[Any]]:
    """The words of every ``Literal`` in a file."""
    return {
        frozenset(word.value for word in ast.walk(node.slice) if isinstance(word, ast.Constant))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"
    }


@pytest.mark.parametrize("name", LISTS)
def test_the_words_of_a_choice_are_listed_once(name: str) -> None:
    words = frozenset(LISTS[name])
    found = [
        str(file.relative_to(PACKAGE)) for file in PACKAGE.rglob("*.py") if words in lists_of(file)
    ]
    assert found == ["choices.py"]
