"""Classes of the package that inherit from each other: none skips the constructor of its base."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "streamsel"


def classes_of(texts: Iterable[str]) -> dict[str, list[ast.ClassDef]]:
    """Every class by its name, which private ones of several modules may share."""
    known: dict[str, list[ast.ClassDef]] = defaultdict(list)
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                known[node.name].append(node)
    return dict(known)


def bases_of(one: ast.ClassDef) -> Iterator[str]:
    for base in one.bases:
        named = base.value if isinstance(base, ast.Subscript) else base
        yield ast.unparse(named).rpartition(".")[2]


def constructor_of(one: ast.ClassDef) -> ast.FunctionDef | None:
    for node in one.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return node
    return None


def is_dataclass(one: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator) for decorator in one.decorator_list)


def is_constructed(name: str, known: dict[str, list[ast.ClassDef]]) -> bool:
    """Whether a class, or one that it inherits from, sets attributes when it is made."""
    return any(
        constructor_of(one) is not None
        or is_dataclass(one)
        or any(is_constructed(base, known) for base in bases_of(one) if base != name)
        for one in known.get(name, [])
    )


def skipping(texts: Iterable[str]) -> list[str]:
    """Classes with a constructor of their own that does not call the one they inherit."""
    known = classes_of(texts)
    return [
        name
        for name, classes in known.items()
        for one in classes
        if (own := constructor_of(one)) is not None
        and any(is_constructed(base, known) for base in bases_of(one))
        and "super().__init__(" not in ast.unparse(own)
    ]


BASE = "class Base:\n  def __init__(self): self.a = 1\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{BASE}class Skips(Base):\n  def __init__(self): self.b = 1", ["Skips"]),
        (f"{BASE}class Calls(Base):\n  def __init__(self): super().__init__()", []),
        (f"{BASE}class Plain(Base): ...\nclass Deep(Plain):\n  def __init__(self): ...", ["Deep"]),
        (f"{BASE}class Of(Base[int]):\n  def __init__(self): self.b = 1", ["Of"]),
        ("@dataclass\nclass D:\n  a: int\nclass S(D):\n  def __init__(self): ...", ["S"]),
        ("class Free:\n  a = 1\nclass Sets(Free):\n  def __init__(self): self.b = 1", []),
    ],
)
def test_a_skipped_constructor_is_found(text: str, found: list[str]) -> None:
    assert skipping([text]) == found


def test_no_class_skips_the_constructor_of_its_base() -> None:
    assert skipping(path.read_text() for path in sorted(PACKAGE.rglob("*.py"))) == []
