"""The tool itself: what it changes, what it chooses, and what it finds out."""

from __future__ import annotations

import json
import subprocess
from itertools import islice
from pathlib import Path

import pytest

from tests.mutation.changes import Change, changes_in
from tests.mutation.choice import thrown
from tests.mutation.trying import Covering, Trial

_PACKAGE = Path(__file__).parents[2] / "streamsel" / "coreset"
_MODULE = '''\
def larger(a: int = 1, b: int = 2) -> int:
    """The larger one; 3 is no number here."""
    if a > b:
        return a
    return b


def unused() -> int:
    return 1
'''
_TEST = """\
from streamsel.numbers import larger
def test_larger():
    assert larger(2, 1) == 2 and larger(1, 2) == 2
def test_of_the_weather(tmp_path_factory):
    assert False
"""


@pytest.mark.parametrize(
    ("before", "operator", "after"),
    [
        ("x = a < b", "boundary", "x = (a <= b)"),
        ("x = a < b <= c", "boundary", "x = (a < b < c)"),
        ("x = a == b", "opposite", "x = (a != b)"),
        ("x = a - b * c", "arithmetic", "x = a - (b / c)"),
        ("x += y", "arithmetic", "x -= y"),
        ("x = a and b and c", "logic", "x = (a or b or c)"),
        ("if a:\n    b()", "condition", "if (not (a)):\n    b()"),
        ("x = [a for a in b if a]", "condition", "x = [a for a in b if (not (a))]"),
        ("x = 4", "number", "x = (5)"),
        ("x = f(True)", "number", "x = f((False))"),
        ("x = 'é', 0.5", "number", "x = 'é', (1.0)"),
        ("self.a = b", "omission", "pass"),
        ("x = f(a, b=1)", "argument", "x = (f(a))"),
        ("x = max(a, b)", "extreme", "x = (min(a, b))"),
        ("for a in b:\n    break", "loop", "for a in b:\n    continue"),
    ],
)
def test_an_operator_writes_what_a_slip_of_the_hand_would(
    before: str, operator: str, after: str
) -> None:
    written = [c.applied(before) for c in changes_in("x.py", before) if c.operator == operator]
    assert after in written


@pytest.mark.parametrize(
    "silent",
    [
        "x: Literal[1]",
        "def f(a: Annotated[int, 1 + 2]) -> Literal[3]: ...",
        "class A(Protocol):\n    def f(self) -> int:\n        return 1",
        "@option(1, default=2)\ndef f() -> None: ...",
        "x = f'{1 + 2}'",
        '"""1 < 2."""',
    ],
)
def test_what_no_behaviour_depends_on_is_left_alone(silent: str) -> None:
    assert list(changes_in("x.py", silent)) == []


def test_a_seed_always_throws_the_same_and_every_operator_has_its_turn() -> None:
    modules = sorted(_PACKAGE.glob("[acs]*.py"))
    possible = [
        change for module in modules for change in changes_in(module.name, module.read_text())
    ]
    first = list(islice(thrown(possible, 5), 20))
    assert first == list(islice(thrown(possible, 5), 20))
    assert first != list(islice(thrown(possible, 6), 20))
    assert len({change.operator for change in first}) >= 9
    assert len({change.path for change in first}) >= 4


def test_an_edit_of_one_module_reorders_no_change_of_another() -> None:
    texts = {module.name: module.read_text() for module in sorted(_PACKAGE.glob("[acs]*.py"))}
    possible = [change for name, text in texts.items() for change in changes_in(name, text)]
    edited = min(texts)
    later = [change for change in possible if change.path != edited or change.line % 2]
    for operator in {change.operator for change in possible}:
        before, after = (
            [c.name for c in thrown(cs, 5) if c.operator == operator and c.path != edited]
            for cs in (possible, later)
        )
        assert before == after


def test_a_trial_tells_what_a_test_notices_from_what_none_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    root, recorded = tmp_path / "checkout", tmp_path / "recorded"
    files = {"streamsel/__init__.py": "", "streamsel/numbers.py": _MODULE, "test_numbers.py": _TEST}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for arguments in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    tests = ["test_numbers.py::test_of_the_weather", "test_numbers.py::test_larger"]
    covering = {
        "streamsel/numbers.py larger": [*tests, "test_numbers.py::test_that_is_gone"],
        "streamsel/numbers.py unused": [],
    }
    recorded.mkdir()
    (recorded / "map.json").write_text(json.dumps({"seconds": {}, "covering": covering}))
    by_name = {change.name: change for change in changes_in("streamsel/numbers.py", _MODULE)}

    def change(name: str) -> Change:
        return by_name[f"streamsel/numbers.py {name}"]

    with Trial(root, Covering(recorded), seconds=60) as trial:
        assert trial.attempt(change("larger condition: if a > b -> if not")) == "killed"
        assert trial.attempt(change("larger boundary: a > b -> a >= b")) == "survived"
        assert trial.attempt(change("unused number: 1 -> 2")) == "unseen"
    assert (root / "streamsel/numbers.py").read_text() == _MODULE


def test_tests_that_lie_beside_a_module_are_tried_first(tmp_path: Path) -> None:
    known = [
        "tests/end_to_end/test_all.py::test_a",
        "tests/sources/decode/test_units.py::test_b",
        "tests/sources/decode/test_gate.py::test_c",
    ]
    covering = {"streamsel/sources/decode/gate.py larger": known}
    recorded = {"seconds": dict.fromkeys(known, 5.0), "covering": covering}
    (tmp_path / "map.json").write_text(json.dumps(recorded))
    newer = ["tests/sources/decode/test_gate.py::test_new", "tests/page/test_new.py::test_d"]
    change = next(changes_in("streamsel/sources/decode/gate.py", _MODULE))
    chosen, seconds = Covering(tmp_path).of(change, {*known, *newer}, 11.0)
    assert sorted(chosen[:2]) == [known[2], newer[0]]
    assert chosen[2:] == [known[1]]
    assert seconds == 11.0


def test_changes_that_are_called_equivalent_can_be_made_and_are_argued_for() -> None:
    root = Path(__file__).parents[2]
    lines = Path(__file__).with_name("equivalent.txt").read_text().splitlines()
    for line in lines[1:]:
        change, _, argument = line.partition(" # ")
        assert argument
        module = change.partition(" ")[0]
        assert change in {one.name for one in changes_in(module, (root / module).read_text())}
