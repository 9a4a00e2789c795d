"""Every seam has a suite: a module here that looks for all implementations of its protocols."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

from streamsel import interfaces


def test_every_protocol_between_the_stages_has_a_suite() -> None:
    protocols = {
        name
        for module in pkgutil.iter_modules(interfaces.__path__, f"{interfaces.__name__}.")
        for name, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if kind.__module__ == module.name and getattr(kind, "_is_protocol", False)
    }
    assert protocols <= set(suited())


def suited() -> Iterator[str]:
    """What suites that look for implementations import of the seams."""
    for path in Path(__file__).parent.glob("test_*_contract.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        calls = {ast.unparse(node.func) for node in nodes if isinstance(node, ast.Call)}
        if "implementations" in calls:
            for node in nodes:
                if isinstance(node, ast.ImportFrom) and is_seam(str(node.module)):
                    yield from (name.name for name in node.names)


def is_seam(module: str) -> bool:
    return module.startswith(f"{interfaces.__name__}.")
