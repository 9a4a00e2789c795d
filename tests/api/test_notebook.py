"""A selection in a notebook, by a real kernel: its progress below the cell, its contact sheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import nbclient
import nbformat.v4
import pytest

from streamsel.sources.demo.synthetic import render_demo

# nbformat leaves them without types.
new_notebook: Callable[..., nbformat.NotebookNode] = nbformat.v4.new_notebook
new_code_cell: Callable[[str], nbformat.NotebookNode] = nbformat.v4.new_code_cell

CELLS = {
    "import": "import streamsel",
    "quiet": 'streamsel.select("clip.mp4", count=3, progress=False);',
    "select": 'selection = streamsel.select("clip.mp4", count=3)',
    "failing": 'streamsel.select(["clip.mp4", "nowhere.mp4"], count=3);',
    "sheet": "selection",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What each cell has shown, after all were run in order."""
    folder = tmp_path_factory.mktemp("notebook")
    render_demo(folder / "clip.mp4", seconds=3, size=(160, 90))
    notebook = new_notebook(cells=[new_code_cell(source) for source in CELLS.values()])
    with pytest.MonkeyPatch.context() as patch:
        for place in (
            "IPYTHONDIR",
            "JUPYTER_CONFIG_DIR",
            "JUPYTER_DATA_DIR",
            "JUPYTER_RUNTIME_DIR",
        ):
            patch.setenv(place, str(folder / place))
        client = nbclient.NotebookClient(
            notebook, kernel_name="python3", timeout=240, resources={"metadata": {"path": folder}}
        )
        client.execute()
    return dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def test_progress_is_one_display_that_ends_with_the_totals(outputs: dict[str, list[Any]]) -> None:
    (shown,) = outputs["select"]
    assert shown.output_type == "display_data"
    assert shown.data["text/plain"] == "3 kept; 1 feed read, 45 frames"
    assert shown.data["text/html"] == "<div>3 kept; 1 feed read, 45 frames</div>"


def test_problems_are_said_below_the_cell(outputs: dict[str, list[Any]]) -> None:
    said = "".join(one.text for one in outputs["failing"] if one.output_type == "stream")
    assert "error: nowhere.mp4: does not exist" in said
    assert said.count("nowhere.mp4") == 1


def test_progress_can_be_left_out(outputs: dict[str, list[Any]]) -> None:
    assert outputs["import"] == outputs["quiet"] == []


def test_a_selection_is_shown_as_a_contact_sheet(outputs: dict[str, list[Any]]) -> None:
    (shown,) = outputs["sheet"]
    assert shown.output_type == "execute_result"
    assert shown.data["text/html"].count('src="data:image/jpeg;base64,') == 3
    assert shown.data["text/plain"].startswith("<Selection of 3 out of 45 frames in ")
