"""A line of the manifest for each kept frame that has a picture."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from streamsel.record.manifest import manifest_lines
from streamsel.record.values import StoredPicture
from streamsel.record.writer import RecordWriter
from tests.sinks.streams import kept_keys, plan, verdicts


def test_frames_without_a_picture_are_left_out_wherever_they_come(tmp_path: Path) -> None:
    made = list(verdicts())
    kept = kept_keys(made)
    stored = [StoredPicture(key, f"{key}.png", 64, 48, 7, "ab" * 32) for key in kept[1::2]]
    with closing(RecordWriter.create(tmp_path, plan(), 5.0, strict=False)) as record:
        record.append(made)
        record.claim(stored)
        lines = [json.loads(line) for line in manifest_lines(record.reader)]
    assert len(kept) > len(stored) > 1
    assert [line["id"] for line in lines] == [str(picture.key) for picture in stored]
    assert [line["path"] for line in lines] == [picture.path for picture in stored]


def test_what_json_cannot_say_is_null_in_its_line(tmp_path: Path) -> None:
    first = next(verdicts())
    frame = replace(first.frame, media_time=float("inf"))
    seen = replace(first.candidate.prefiltered, frame=frame)
    odd = replace(first, candidate=replace(first.candidate, prefiltered=seen))
    with closing(RecordWriter.create(tmp_path, plan(), 5.0, strict=False)) as record:
        record.append([odd])
        record.claim([StoredPicture(frame.key, "a.png", 64, 48, 7, "ab" * 32)])
        (line,) = manifest_lines(record.reader)
    assert json.loads(line)["media_time"] is None
