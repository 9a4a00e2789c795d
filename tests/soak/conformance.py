"""The tests of tests/conformance on streams that are put together by chance.

python -m tests.soak.conformance --streams 500 --seed 1

Prints what was read, and of each stream that fails how to make it again; exits 1 if one does.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import get_args

from streamsel.choices import Decode
from streamsel.errors import StreamselError
from tests.conformance import test_streams as checks
from tests.conformance.kind import Kind
from tests.conformance.making import make
from tests.conformance.reading import read
from tests.conformance.truth import Shot, sequential
from tests.soak.composing import compose


def faults(kind: Kind, stream: Path, truth: list[Shot]) -> Iterator[str]:
    """What is wrong with a stream, a line each."""
    try:
        everything = read(stream)
    except StreamselError as error:
        if truth:  # else what is left of the recording holds no keyframe
            yield str(error)
        return
    ways = [way for way in get_args(Decode) if way in checks.PARTIAL]
    attempts: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (checks.test_the_number_of_each_picture_is_what_was_encoded_there, (kind, truth)),
        (checks.test_times_are_those_of_ffprobe, (kind, stream, everything)),
        (checks.test_scattered_frames_are_found_again, (stream, everything)),
        (checks.test_a_filter_that_does_nothing_changes_nothing, (kind, stream, everything)),
    ]
    for workers in checks.WORKERS:
        attempts += [
            (
                checks.test_pictures_are_those_of_sequential_decoding_under_their_index,
                (stream, truth, everything, workers),
            ),
            (
                checks.test_a_fast_look_has_the_same_places_and_finds_the_same_pictures,
                (stream, everything, workers),
            ),
            (checks.test_a_reading_goes_on_anywhere, (stream, everything, workers)),
        ]
        attempts += [
            (
                checks.test_pictures_that_are_not_left_out_are_the_same,
                (stream, everything, way, workers),
            )
            for way in ways
        ]
    for check, arguments in attempts:
        try:
            check(*arguments)
        except (AssertionError, StreamselError) as error:
            told = " ".join(str(one) for one in arguments if isinstance(one, (int, str)))
            yield f"{check.__name__}({told}) {error}"


def as_shown(kind: Kind, truth: list[Shot]) -> Kind:
    """Of a stream that was cut: what is shown of it is all from its first picture on."""
    if (kind.alter is None and not kind.remux) or not truth or truth[0].number is None:
        return kind
    assert kind.shown is not None
    return replace(kind, shown=range(truth[0].number, kind.shown[-1] + 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="the number of one stream")
    asked = parser.parse_args()
    numbers = range(asked.streams) if asked.only is None else (asked.only,)
    read_of, refused, failed, pictures = Counter[str](), 0, 0, 0
    # Interrupted, it says what was read until then.
    with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
        for number in numbers:
            kind = compose(number, asked.seed)
            try:
                stream = make(kind, Path(folder))
            except RuntimeError:
                refused += 1
                continue
            truth = sequential(stream)
            found = list(faults(as_shown(kind, truth), stream, truth))
            stream.unlink()
            read_of[kind.name.partition("-")[2]] += 1
            pictures += len(truth)
            if found:
                failed += 1
                print(kind.name, *kind.parts, kind.remux, *found, sep="\n    ", flush=True)
    print(f"{read_of.total()} streams, {pictures} pictures, {failed} streams failed;", end=" ")
    print(f"{refused} more that ffmpeg does not make")
    print(", ".join(f"{name} {count}" for name, count in sorted(read_of.items())))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
