"""Nothing in the package is there for tests alone."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import streamsel

PACKAGE = Path(streamsel.__file__).parent
ROOT = PACKAGE.parent
FOR_OTHERS = {
    "streamsel.testing": "stand-ins for the tests of users",
    "streamsel.coreset.merge": "merges coresets of several machines; see docs/reference/python.md",
}
"""Modules whose names nobody in the package needs to use, and why."""
CALLED_BY_NAME = {"_HangUp.http_error_401": "urllib finds handlers by the status in their name"}
PLAIN_DECORATORS = re.compile(
    r"(functools\.)?(cached_property|cache|lru_cache|wraps|total_ordering)\b|property|staticmethod"
    r"|classmethod|(async)?contextmanager|asynccontextmanager|dataclass|runtime_checkable|\w+\.setter"
    r"|ends_as_source_error"
)
"""Decorators that leave it to a caller to use what they decorate; others register it somewhere."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Names(ast.NodeVisitor):
    """What a module defines, and how often each name is used in it."""

    def __init__(self, tree: ast.Module) -> None:
        self.uses: Counter[str] = Counter()
        self.imported: set[tuple[str, str]] = set()
        self.words: set[str] = set()
        self.visit(tree)

    def visit_Name(self, node: ast.Name) -> None:
        self.uses[node.id] += isinstance(node.ctx, ast.Load)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.uses[node.attr] += isinstance(node.ctx, ast.Load)
        self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imported |= {(node.module or "", alias.name) for alias in node.names}

    def visit_Constant(self, node: ast.Constant) -> None:
        """Parts are also loaded by name: ``open_timm``, ``module:open_timm``, ``import serve``."""
        if isinstance(node.value, str):
            self.words |= set(re.findall(r"^[\w.]+$|^\w+$|(?<=:)\w+$|(?<=import )\w+", node.value))


def module_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_of(file): ast.parse(file.read_text()) for file in PACKAGE.rglob("*.py")}
NAMES = {module: Names(tree) for module, tree in TREES.items()}
IMPORTED = set[tuple[str, str]]().union(*(names.imported for names in NAMES.values()))
WORDS = set[str]().union(*(names.words for names in NAMES.values()))
USES = sum((names.uses for names in NAMES.values()), Counter[str]())
DOCUMENTED = "\n".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
SCRIPTS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"].values())


def is_registered(node: ast.stmt) -> bool:
    """Whether a decorator hands it to somebody."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return any(PLAIN_DECORATORS.match(ast.unparse(one)) is None for one in decorators)


def defined(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, Definition):
            yield node.name, node
        elif isinstance(node, ast.Assign):
            yield from ((one.id, node) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node


def inner_uses(name: str, node: ast.stmt) -> int:
    """How often a definition uses its own name."""
    return Names(ast.Module([node], [])).uses[name]


def unused_names(module: str) -> Iterator[str]:
    """Names of a module that neither it nor another one uses."""
    for name, node in defined(TREES[module].body):
        used_here = NAMES[module].uses[name] > inner_uses(name, node)
        used_elsewhere = (module, name) in IMPORTED or name in WORDS
        is_loaded = tuple(module.rpartition(".")[::2]) in IMPORTED or module in WORDS
        by_module = is_loaded and USES[name] > 0
        is_public = name in streamsel.__all__ or f"{module}:{name}" in SCRIPTS
        is_called = name.startswith("__") or is_registered(node)
        if not (used_here or used_elsewhere or by_module or is_public or is_called):
            yield name


def unused_members(module: str) -> Iterator[str]:
    """Members of classes that nobody uses by that name.

    Annotated fields are left out, because values are also written as a whole, and so is what
    overrides a member of another package's class.
    """
    for owner in TREES[module].body:
        if not isinstance(owner, ast.ClassDef) or owner.name in streamsel.__all__:
            continue
        for name, node in defined(owner.body):
            is_field = isinstance(node, ast.AnnAssign)
            if name.startswith("__") or is_field or USES[name] > inner_uses(name, node):
                continue
            if name in WORDS or is_registered(node) or overrides_foreign(module, owner.name, name):
                continue
            if f"{owner.name}.{name}" not in CALLED_BY_NAME and f"{name}(" not in DOCUMENTED:
                yield f"{owner.name}.{name}"


def overrides_foreign(module: str, owner: str, name: str) -> bool:
    bases = getattr(import_module(module), owner).__mro__
    return any(hasattr(base, name) for base in bases if not base.__module__.startswith("streamsel"))


@pytest.mark.parametrize("module", sorted(TREES.keys() - FOR_OTHERS.keys()))
def test_everything_is_used_in_the_package(module: str) -> None:
    assert [*unused_names(module), *unused_members(module)] == []


def test_exceptions_are_needed() -> None:
    assert all([*unused_names(module)] for module in FOR_OTHERS)
    assert {name for name in CALLED_BY_NAME if USES[name.partition(".")[2]]} == set()
