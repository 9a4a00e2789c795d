"""What a writer records is what is read, to the last bit and at any point of the stream."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamsel.errors import RecordError
from streamsel.record.writer import RecordWriter
from tests.sinks.streams import plan, verdicts


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RecordWriter]:
    with closing(RecordWriter.create(tmp_path, plan(), 5.0, strict=False)) as record:
        yield record


@pytest.mark.parametrize("digest", [0, 1, (1 << 62), (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_a_digest_of_64_bits_comes_back(writer: RecordWriter, digest: int) -> None:
    first = next(verdicts())
    seen = replace(first.candidate.prefiltered, digest=digest)
    writer.append([replace(first, candidate=replace(first.candidate, prefiltered=seen))])
    (found,) = writer.reader.candidates()
    assert found.prefiltered.digest == digest


def test_vectors_are_stored_as_32_bits_whatever_they_were(writer: RecordWriter) -> None:
    first = next(verdicts())
    vector = np.array([0.6, 0.8], ">f8")
    writer.append([replace(first, candidate=replace(first.candidate, embedding=vector))])
    stored = writer.reader.embedding(first.frame.key)
    assert stored is not None
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, vector.astype(np.float32))


def test_a_stream_that_is_repeated_is_recorded_once(writer: RecordWriter) -> None:
    made = list(verdicts())
    assert writer.append(made[:20]).verdicts == tuple(made[:20])
    assert writer.append(made[:20]).verdicts == ()
    assert writer.append(made[10:30]).verdicts == tuple(made[20:30])
    assert len(list(writer.reader.decisions())) == 30


def test_a_frame_of_another_run_changes_nothing(writer: RecordWriter) -> None:
    made = list(verdicts())
    frame = replace(made[1].frame, key=replace(made[1].frame.key, feed="hall"))
    seen = replace(made[1].candidate.prefiltered, frame=frame)
    odd = replace(made[1], candidate=replace(made[1].candidate, prefiltered=seen))
    with pytest.raises(RecordError, match="'hall' is not part of this run"):
        writer.append([made[0], odd])
    assert list(writer.reader.decisions()) == []


def test_the_first_error_of_a_feed_stays(writer: RecordWriter) -> None:
    writer.fail_feed("walk", "it broke")
    writer.fail_feed("walk", "and again")
    assert [feed.error for feed in writer.reader.feeds()] == ["it broke", None]
