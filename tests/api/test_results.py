"""The result of a selection: its frames, pictures, embeddings and contact sheet."""

from __future__ import annotations

import gc
import io
import pickle
import re
import sqlite3
import sys
from base64 import b64decode
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import streamsel
from streamsel import SelectedFrame, Selection
from streamsel.api.contact_sheet import MOST_SHOWN, contact_sheet
from streamsel.errors import ConfigurationError, RecordError


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photographs of noise, each of another colour, and a black one."""
    folder = tmp_path_factory.mktemp("photos")
    noise = np.random.default_rng(5)
    for place in range(5):
        pixels = noise.integers(0, 120, (90, 160, 3), np.uint8)
        pixels[..., place % 3] += np.uint8(100 + 8 * place)
        Image.fromarray(pixels).save(folder / f"{place}.png")
    Image.fromarray(np.zeros((90, 160, 3), np.uint8)).save(folder / "9.png")
    return folder


@pytest.fixture(scope="module")
def selection(photos: Path) -> Selection:
    return streamsel.select(photos, count=4, near_duplicate=0.0, format="png")


def test_a_selection_is_counted_iterated_and_indexed(selection: Selection) -> None:
    assert len(selection) == len(selection.frames) == 4
    assert list(selection) == list(selection.frames)
    assert selection[-1] is selection.frames[3]
    assert selection[1:3] == selection.frames[1:3]
    assert selection.complete


def test_a_selection_says_what_it_is(selection: Selection) -> None:
    told = f"Selection of 4 out of 6 frames in '{selection.folder}'"
    assert repr(selection) == f"<{told}>"


def test_a_picture_is_read_as_an_array_and_by_pillow(photos: Path, selection: Selection) -> None:
    for frame in selection:
        picture = frame.pil()
        assert (picture.mode, picture.size) == ("RGB", (frame.width, frame.height))
        with Image.open(photos / str(frame.original)) as original:
            np.testing.assert_array_equal(frame.image(), np.asarray(original))
        np.testing.assert_array_equal(frame.image(), np.asarray(picture))


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("damage", ["cut", "flipped", "gone"])
def test_a_picture_that_cannot_be_read_is_named(
    selection: Selection, tmp_path: Path, suffix: str, damage: str
) -> None:
    path = tmp_path / f"one.{suffix}"
    selection[0].pil().save(path)
    content = bytearray(path.read_bytes())
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        content[:64] = bytes(255 - byte for byte in content[:64])
        path.write_bytes(content)
    frame = replace(selection[0], path=path)
    with pytest.raises(RecordError, match=re.escape(f"{path}: cannot be read: ")):
        frame.image()


def test_without_pillow_the_package_is_named(
    selection: Selection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ConfigurationError, match=r"needs Pillow.*pip install pillow"):
        selection[0].pil()


def test_frames_come_with_the_embeddings_that_decided(selection: Selection) -> None:
    vectors = np.stack([frame.embedding for frame in selection])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    closest = distances[np.triu_indices(len(vectors), 1)].min()
    assert closest == pytest.approx(selection.diversity["min"], abs=1e-5)
    with pytest.raises(ValueError, match="read-only"):
        selection[0].embedding[0] = 0.0


def test_an_embedding_that_is_not_stored_is_named(selection: Selection, tmp_path: Path) -> None:
    copy = selection.write(tmp_path / "copy")
    with closing(sqlite3.connect(copy / "streamsel.db")) as database, database:
        database.execute("DELETE FROM embeddings")
    frame = Selection(copy)[0]
    with pytest.raises(RecordError, match=f"^{frame.id}: the record has no embedding of this"):
        _ = frame.embedding
    assert frame.image().shape == (90, 160, 3)


def test_frames_outlive_a_selection_that_was_not_kept(photos: Path) -> None:
    frame = streamsel.select(photos, count=1)[0]
    gc.collect()
    assert frame.image().shape == (90, 160, 3)
    folder, copy = frame.path.parents[2], pickle.loads(pickle.dumps(frame))
    assert copy == frame
    del copy
    gc.collect()
    assert folder.exists()
    del frame
    gc.collect()
    assert not folder.exists()


def pictures_of(html: str) -> list[Image.Image]:
    encoded = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(b64decode(one))) for one in encoded]


def test_a_contact_sheet_shows_every_frame(selection: Selection) -> None:
    html = selection._repr_html_()
    shown = pictures_of(html)
    assert len(shown) == html.count("<figcaption>") == 4
    for frame, small in zip(selection, shown, strict=True):
        assert f'title="{frame.id}: novel' in html
        assert max(small.size) <= 160
        expected = frame.pil().resize(small.size)
        difference = np.asarray(small, np.float64) - np.asarray(expected, np.float64)
        assert np.abs(difference.mean(axis=(0, 1))).max() < 4.0  # Right frame, not a neighbour's.
    assert "Selection of 4 out of 6 frames in" in html


def test_a_large_selection_is_shown_in_part(selection: Selection) -> None:
    many = [replace(selection[0], id=f"walk-{index:06d}") for index in range(1000)]
    html = contact_sheet("Selection", many)
    shown = re.findall(r'alt="walk-(\d+)"', html)
    assert len(shown) == MOST_SHOWN
    assert f"{MOST_SHOWN} of them below, evenly spaced" in html
    gaps = np.diff([int(one) for one in shown])
    assert gaps.min() >= 16
    assert gaps.max() <= 17


def test_names_on_a_contact_sheet_are_text(selection: Selection, tmp_path: Path) -> None:
    odd = replace(
        selection[0],
        id='<script>"x"</script>',
        display_name="<b>gate</b>",
        path=tmp_path / "<i>gone.png",
    )
    html = contact_sheet("<u>title", [odd])
    assert not set(re.findall(r"<(\w+)", html)) - {"p", "div", "figure", "figcaption"}
    assert "&lt;i&gt;gone.png: cannot be read: No such file" in html


def test_an_empty_selection_is_shown(selection: Selection) -> None:
    frames: list[SelectedFrame] = []
    assert contact_sheet("Selection of 0", frames).startswith("<p>Selection of 0</p>")
