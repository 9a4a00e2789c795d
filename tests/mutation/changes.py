"""The small changes that a module's text allows, each by one operator at one place.

An operator says what a slip of the hand would have written instead. What no behaviour depends on
is left alone: annotations, docstrings, texts, protocols, and the decorators that describe a
command line, which the reference of the documentation fixes.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

_Place: TypeAlias = ast.expr | ast.stmt
_Written: TypeAlias = tuple[_Place, str, str]
"""A place in the tree, what is written there instead, and the change in short."""

_BOUNDARY: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In},
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift},
    **{ast.RShift: ast.LShift, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd},
}
_EXTREME = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Change:
    """One change: between two places of a module's text, something else is written.

    ``begin`` and ``end`` count bytes of the UTF-8 text, ``line`` from 1; ``function`` is the
    dotted name of the function around it, or of the class, empty at the top of a module.
    """

    path: str
    operator: str
    function: str
    line: int
    begin: int
    end: int
    after: str
    gist: str

    def applied(self, text: str) -> str:
        """The module's text with this change."""
        content = text.encode()
        return (content[: self.begin] + self.after.encode() + content[self.end :]).decode()

    @property
    def name(self) -> str:
        """Names the change as long as the function is not rewritten, wherever its lines move."""
        return f"{self.path} {self.function or '(module)'} {self.operator}: {self.gist}"


def changes_in(path: str, text: str) -> Iterator[Change]:
    """Every change that the operators allow in a module."""
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node, function in _places(ast.parse(text), ""):
        for operator, written in OPERATORS.items():
            for place, after, gist in written(node):
                begin = starts[place.lineno - 1] + place.col_offset
                end = starts[(place.end_lineno or 1) - 1] + (place.end_col_offset or 0)
                yield Change(path, operator, function, place.lineno, begin, end, after, gist)


def _places(node: ast.AST, function: str) -> Iterator[tuple[ast.AST, str]]:
    """Every node that behaviour depends on, with the name of what it stands in."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        function = f"{function}.{node.name}" if function else node.name
    yield node, function
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_silent(child):
                yield from _places(child, function)


def _is_silent(node: ast.AST) -> bool:
    """Whether nothing that a program does depends on this."""
    match node:
        case ast.JoinedStr() | ast.Import() | ast.ImportFrom():
            return True
        case ast.ClassDef(bases=bases):
            return any(isinstance(base, ast.Name) and base.id == "Protocol" for base in bases)
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
    return False


def _comparison(
    table: dict[type[ast.cmpop], type[ast.cmpop]],
) -> Callable[[ast.AST], Iterator[_Written]]:
    def written(node: ast.AST) -> Iterator[_Written]:
        if isinstance(node, ast.Compare):
            for at, operator in enumerate(node.ops):
                if (other := table.get(type(operator))) is not None:
                    changed = copy.deepcopy(node)
                    changed.ops[at] = other()
                    yield _exchanged(node, changed)

    return written


def _arithmetic(node: ast.AST) -> Iterator[_Written]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        sides = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
        if any(_is_text(side) for side in sides):
            return
        changed = copy.deepcopy(node)
        changed.op = _ARITHMETIC[type(node.op)]()
        yield _exchanged(node, changed)


def _logic(node: ast.AST) -> Iterator[_Written]:
    if isinstance(node, ast.BoolOp):
        changed = copy.deepcopy(node)
        changed.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _exchanged(node, changed)


def _condition(node: ast.AST) -> Iterator[_Written]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield _negated(node.test)
    elif isinstance(node, ast.comprehension):
        for test in node.ifs:
            yield _negated(test)


def _number(node: ast.AST) -> Iterator[_Written]:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        value = node.value
        if isinstance(value, bool):
            other: float = not value
        elif isinstance(value, int):
            other = value + 1
        else:
            other = value * 2 or 1.0
        yield _exchanged(node, ast.Constant(other))


def _omission(node: ast.AST) -> Iterator[_Written]:
    """A call for its effect, or what an object is to remember, is left out."""
    match node:
        case (
            ast.Expr(value=ast.Call() | ast.Await())
            | ast.AugAssign()
            | ast.Assign(targets=[ast.Attribute(), *_])
        ):
            yield node, "pass", f"without {ast.unparse(node)}"


def _argument(node: ast.AST) -> Iterator[_Written]:
    """A keyword argument is left to its default; what describes a command line is not."""
    if isinstance(node, ast.Call) and not ast.unparse(node.func).startswith("click."):
        for at, keyword in enumerate(node.keywords):
            if keyword.arg is not None:
                changed = copy.deepcopy(node)
                del changed.keywords[at]
                gist = f"{ast.unparse(node.func)}(...) without {ast.unparse(keyword)}"
                yield node, _text(changed), gist


def _extreme(node: ast.AST) -> Iterator[_Written]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _EXTREME:
        changed = copy.deepcopy(node)
        changed.func = ast.Name(_EXTREME[node.func.id])
        yield _exchanged(node, changed)


def _loop(node: ast.AST) -> Iterator[_Written]:
    if isinstance(node, ast.Break):
        yield _exchanged(node, ast.Continue())
    elif isinstance(node, ast.Continue):
        yield _exchanged(node, ast.Break())


def _exchanged(place: _Place, other: ast.AST) -> _Written:
    return place, _text(other), f"{ast.unparse(place)} -> {ast.unparse(other)}"


def _negated(test: ast.expr) -> _Written:
    text = ast.unparse(test)
    return test, f"(not ({text}))", f"if {text} -> if not"


def _text(node: ast.AST) -> str:
    text = ast.unparse(node)
    return f"({text})" if isinstance(node, ast.expr) else text


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


OPERATORS: dict[str, Callable[[ast.AST], Iterator[_Written]]] = {
    "boundary": _comparison(_BOUNDARY),
    "opposite": _comparison(_OPPOSITE),
    "arithmetic": _arithmetic,
    "logic": _logic,
    "condition": _condition,
    "number": _number,
    "omission": _omission,
    "argument": _argument,
    "extreme": _extreme,
    "loop": _loop,
}
