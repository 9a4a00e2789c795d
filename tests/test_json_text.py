"""JSON for others is written in one place, and everybody can read it."""

from __future__ import annotations

import ast
import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streamsel
from streamsel.json_text import json_text

PACKAGE = Path(streamsel.__file__).parent
READ_BACK_BY_ITS_WRITER = {
    "coreset/snapshot.py",
    "embed/finetune/weights.py",
    "record/beginning.py",
    "record/progress_rows.py",
    "record/service_writer.py",
    "record/values.py",
    "record/writer.py",
    "scene.py",
    "selection/state.py",
}
"""Stored values, with infinities where the state has them, and equal bytes for equal values."""

numbers = st.floats() | st.integers()
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


def strictly(text: str) -> object:
    def refuse(constant: str) -> object:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values, st.booleans(), st.booleans())
def test_any_value_can_be_read_by_strict_readers(
    value: object, compact: bool, ascii_only: bool
) -> None:
    text = json_text(value, compact=compact, ascii_only=ascii_only)
    assert strictly(text) == strictly(json_text(value, indent=2))
    assert text.isascii() or not ascii_only


def test_numbers_that_are_not_finite_are_null_wherever_they_stand() -> None:
    value = {"a": [1.5, math.nan], "b": (math.inf, {"c": -math.inf}), "d": "nan"}
    assert strictly(json_text(value)) == {
        "a": [1.5, None],
        "b": [None, {"c": None}],
        "d": "nan",
    }


def test_blanks_are_left_out_and_letters_kept() -> None:
    assert json_text({"a": [1, "ü"]}, compact=True, ascii_only=False) == '{"a":[1,"ü"]}'


def test_what_has_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        json_text({"path": Path()})


def test_nobody_else_writes_json_for_others() -> None:
    writers = {
        str(file.relative_to(PACKAGE))
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("json.dumps", "json.dump", "web.json_response")
    }
    assert writers == READ_BACK_BY_ITS_WRITER | {"json_text.py", "http/wire.py"}
