"""Readers and who looks after them: sessions, numbers, times, statuses, threads that hang."""

from __future__ import annotations

import logging
import math
import random
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ClassVar

import pytest

from streamsel.backoff import Backoff
from streamsel.decisions import Fault, Rhythm, SourceCounters
from streamsel.errors import ConfigurationError, SourceError
from streamsel.frame import Frame, Picture, PrefilteredFrame
from streamsel.interfaces.prefilter import Prefilter
from streamsel.runtime.feed_reader import FeedReader
from streamsel.runtime.latest_frames import LatestFrames
from streamsel.runtime.supervisor import FeedSupervisor
from streamsel.testing import ManualClock, Script, Step
from tests.polling import eventually
from tests.runtime.live_stages import ScriptedSource, feed_of, steady, steps
from tests.runtime.stages import OpenPrefilter


class Shelf(LatestFrames):
    """Takes everything at once, and tells ``passed``."""

    def __init__(self, passed: Callable[[PrefilteredFrame], object]) -> None:
        super().__init__(depth=1)
        self._passed = passed
        self.has_room = True
        self.asked = 0

    def put(self, prefiltered: PrefilteredFrame, *, may_wait: bool = False) -> None:
        self._passed(prefiltered)

    def await_room(self, feed: str, within: float) -> bool:
        self.asked += 1
        return self.has_room

    def await_empty(self, feed: str, within: float) -> bool:
        return True


class Desk:
    """A supervisor, its clock, and what its readers passed on."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.passed: list[PrefilteredFrame] = []
        self.held: list[Picture] = []
        self.latest = Shelf(self.passed.append)
        backoff = Backoff(first=0.001, most=0.002)
        self.supervisor = FeedSupervisor(self.held.append, self.latest, self.clock, backoff)

    def source(self, feed: str, *sessions: Script) -> ScriptedSource:
        return ScriptedSource(feed, *sessions, clock=self.clock)

    def has_passed(self, frames: int) -> bool:
        return len(self.passed) == frames

    def indices(self, feed: str) -> list[int]:
        return [s.frame.key.index for s in self.passed if s.frame.key.feed == feed]

    def quiet(self, feed: str) -> float:
        return self.clock.monotonic() - self.supervisor.readers[feed].silent_since

    def state(self, feed: str) -> tuple[str, str]:
        self.supervisor.changed()
        status = next(each for each in self.supervisor.statuses() if each.feed == feed)
        return status.state, status.reason


@contextmanager
def desk() -> Iterator[Desk]:
    """A supervisor for the block; all its threads must have ended after it."""
    one = Desk()
    try:
        yield one
    finally:
        one.supervisor.stop()
        eventually(lambda: one.supervisor.alive == 0)


def test_sessions_follow_one_another_and_numbers_go_on() -> None:
    with desk() as one:
        source = one.source(
            "gate", steps("lost"), steps(0.0, 0.0, "lost"), steps(0.0, "lost"), steps(0.0, "freeze")
        )
        one.supervisor.add(feed_of(source, start=40))
        eventually(lambda: len(one.passed) == 4)
        assert one.indices("gate") == [40, 41, 42, 43]
        assert one.state("gate") == ("up", "")
        assert one.supervisor.statuses()[0].sessions == 4
        source.thaw.set()


def test_media_time_goes_on_by_the_clock_and_never_back() -> None:
    with desk() as one:
        pause = threading.Event()

        def after_a_while() -> Iterator[Step]:
            pause.wait()
            one.clock.advance(7.0)  # the camera takes long to answer
            yield 0.0
            yield "freeze"

        source = one.source("gate", steps(*[0.0] * 26, "lost"), after_a_while)
        one.supervisor.add(feed_of(source, media_time=100.0))
        eventually(lambda: source.opened == 2)
        one.clock.advance(3.0)
        pause.set()
        eventually(lambda: len(one.passed) == 27)
        times = [seen.frame.media_time for seen in one.passed]
        # By the sender's clock a second passed in no time: the next session begins after it.
        assert times[:26] == pytest.approx([100.0 + index / 25 for index in range(26)])
        assert times[26] == pytest.approx(101.0 + 10.0)
        source.thaw.set()


def test_media_time_begins_with_the_first_frame_ever() -> None:
    with desk() as one:
        pause = threading.Event()

        def after_a_while() -> Iterator[Step]:
            pause.wait()
            one.clock.advance(7.0)
            yield from (0.0, 0.0, "lost")

        source = one.source("gate", steps("lost"), after_a_while, steps(0.0, "freeze"))
        one.supervisor.add(feed_of(source))
        eventually(lambda: source.opened == 2)
        one.clock.advance(3.0)
        pause.set()
        eventually(lambda: len(one.passed) == 3)
        assert source.begun_at[:2] == [0.0, 0.0]
        assert [seen.frame.media_time for seen in one.passed] == [0.0, 1 / 25, 1 / 25]
        source.thaw.set()


def test_a_feed_is_connecting_then_up_then_down_and_says_why() -> None:
    with desk() as one:
        gone = threading.Event()

        def first() -> Iterator[Step]:
            yield 0.0
            gone.wait()
            yield "lost"

        source = one.source("gate", first, steps("lost"))
        one.supervisor.add(feed_of(source, down_after=10.0))
        eventually(lambda: len(one.passed) == 1)
        assert one.state("gate") == ("up", "")
        since = one.supervisor.statuses()[0].since
        one.clock.advance(4.0)
        gone.set()
        eventually(lambda: source.opened >= 2)
        eventually(lambda: one.state("gate") == ("connecting", "feed 'gate': lost"))
        one.clock.advance(7.0)
        assert one.state("gate") == ("down", "feed 'gate': lost")
        status = one.supervisor.statuses()[0]
        assert status.since == pytest.approx(since + 11.0)
        assert status.last_frame == pytest.approx(since)


def test_a_feed_that_never_came_is_connecting_and_then_down() -> None:
    with desk() as one:
        source = one.source("gate", steps("freeze"))
        one.supervisor.add(feed_of(source, down_after=10.0))
        eventually(lambda: source.opened == 1)
        assert one.state("gate") == ("connecting", "")
        one.clock.advance(10.5)
        assert one.state("gate") == ("down", "no picture for 10 s")
        assert one.supervisor.statuses()[0].last_frame is None
        source.thaw.set()


def test_a_feed_that_waits_for_its_sender_is_down_and_left_in_peace() -> None:
    with desk() as one:
        source = one.source("phone", steps("freeze"))
        source.is_push = True
        one.supervisor.add(feed_of(source, down_after=10.0))
        eventually(lambda: source.opened == 1)
        for _ in range(10):
            one.clock.advance(60.0)
            assert one.state("phone") == ("down", "no picture for 10 s")
        assert one.supervisor.alive == 1
        source.thaw.set()


def test_a_feed_that_is_called_waits_for_the_next_sender_at_once() -> None:
    waits_for_hours = Backoff(first=3600.0, most=3600.0)
    with desk() as one:
        one.supervisor = FeedSupervisor(one.held.append, one.latest, one.clock, waits_for_hours)
        source = one.source("phone", steps(0.0, "lost"), steps(0.0, "lost"), steps("freeze"))
        source.is_push = True
        one.supervisor.add(feed_of(source))
        eventually(lambda: source.opened == 3)
        assert one.indices("phone") == [0, 1]
        source.thaw.set()


def test_a_feed_of_which_few_pictures_are_wanted_is_up_all_the_same() -> None:
    class Sampled(ScriptedSource):
        decoded = 0

        def tally(self) -> SourceCounters:
            return SourceCounters(self.decoded, self.decoded, 0)

    with desk() as one:
        source = Sampled("gate", steps(0.0, "freeze"), clock=one.clock)
        one.supervisor.add(feed_of(source, down_after=10.0))
        eventually(lambda: len(one.passed) == 1)
        for _ in range(30):
            one.clock.advance(9.0)
            source.decoded += 225
            assert one.state("gate") == ("up", "")
        one.clock.advance(10.5)
        assert one.state("gate")[0] == "down"
        assert source.opened == 1
        source.thaw.set()


def test_a_feed_that_sends_what_cannot_be_decoded_is_down_and_not_stuck() -> None:
    class Damaged(ScriptedSource):
        damaged = 0

        def tally(self) -> SourceCounters:
            return SourceCounters(self.damaged, 0, self.damaged)

    with desk() as one:
        source = Damaged("gate", steps("freeze"), clock=one.clock)
        one.supervisor.add(feed_of(source, down_after=10.0))
        eventually(lambda: source.opened == 1)
        for _ in range(10):
            one.clock.advance(11.0)
            source.damaged += 275
            assert one.state("gate") == ("down", "no picture for 10 s")
        assert one.supervisor.alive == 1
        source.thaw.set()


def test_only_what_changed_is_told() -> None:
    with desk() as one:
        source = one.source("gate", steps(0.0, "freeze"))
        one.supervisor.add(feed_of(source))
        eventually(lambda: len(one.passed) == 1)
        assert [status.state for status in one.supervisor.changed()] == ["up"]
        assert one.supervisor.changed() == []
        source.thaw.set()


def test_why_a_feed_is_not_up_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "streamsel.feeds"), desk() as one:
        source = one.source("gate", steps("lost"))
        one.supervisor.add(feed_of(source))
        eventually(lambda: source.opened > 20)
    assert [record.message for record in caplog.records] == ["feed 'gate': lost"]


def test_when_a_feed_is_back_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    lost, back = threading.Event(), threading.Event()

    def first() -> Iterator[Step]:
        yield 0.0
        lost.wait()
        yield "lost"

    def second() -> Iterator[Step]:
        back.wait()
        yield 0.0
        yield 0.0
        yield "freeze"

    with caplog.at_level(logging.INFO, "streamsel.feeds"), desk() as one:
        source = one.source("gate", first, second)
        one.supervisor.add(feed_of(source))
        eventually(lambda: len(one.passed) == 1)
        one.clock.advance(3.0)
        lost.set()
        eventually(lambda: source.opened == 2)
        one.clock.advance(4.0)
        back.set()
        eventually(lambda: len(one.passed) == 3)
        source.thaw.set()
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told == [
        ("WARNING", "feed 'gate': lost"),
        ("INFO", "feed 'gate': back, after 7 s without a picture"),
    ]


def test_a_silence_within_a_session_is_logged_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    goes_on = threading.Event()

    def first() -> Iterator[Step]:
        yield 0.0
        goes_on.wait()
        yield 0.0
        yield "freeze"

    with caplog.at_level(logging.INFO, "streamsel.feeds"), desk() as one:
        source = one.source("gate", first)
        one.supervisor.add(feed_of(source, down_after=10.0))
        eventually(lambda: len(one.passed) == 1)
        assert one.state("gate") == ("up", "")
        one.clock.advance(11.0)
        assert one.state("gate")[0] == one.state("gate")[0] == "down"
        one.clock.advance(1.0)
        goes_on.set()
        eventually(lambda: len(one.passed) == 2)
        assert one.state("gate") == ("up", "")
        source.thaw.set()
    told = [(record.levelname, record.message) for record in caplog.records]
    assert told == [
        ("WARNING", "feed 'gate': no picture for 10 s; waiting"),
        ("INFO", "feed 'gate': back, after 12 s without a picture"),
    ]


REFUSED = steps("refused")


def test_a_password_that_is_refused_three_times_is_tried_once_in_five_minutes() -> None:
    with desk() as one:
        source = one.source("gate", REFUSED, steps("lost"), REFUSED, REFUSED, steady(0.001))
        one.supervisor.add(feed_of(source))
        eventually(lambda: "refused; tried once in 5 minutes" in one.state("gate")[1])
        # A camera that was away meanwhile has not forgiven the others; five minutes are not over.
        assert source.opened == 4
        assert "at once after a reload" in one.state("gate")[1]
        # With another password it is another feed.
        one.supervisor.remove("gate")
        mended = one.source("gate", steady(0.001))
        one.supervisor.add(feed_of(mended))
        eventually(lambda: one.state("gate")[0] == "up")


def test_whoever_is_let_in_is_not_counted_as_refused_any_more() -> None:
    with desk() as one:
        let_in = steps(0.0, "lost")
        source = one.source("gate", REFUSED, REFUSED, let_in, REFUSED, REFUSED, steady(0.001))
        one.supervisor.add(feed_of(source))
        eventually(lambda: one.state("gate")[0] == "up" and source.opened == 6)


def test_switching_a_refused_feed_off_and_on_tries_it_once() -> None:
    with desk() as one:
        made = [one.source("gate", REFUSED) for _ in range(2)]
        openers = iter(made)
        one.supervisor.add(feed_of(made[0], open_source=openers.__next__))
        eventually(lambda: "5 minutes" in one.state("gate")[1])
        one.supervisor.set_enabled("gate", False)
        one.supervisor.set_enabled("gate", True)
        eventually(lambda: "5 minutes" in one.state("gate")[1])
        assert made[1].opened == 1


def test_a_file_is_read_once_and_ends() -> None:
    with desk() as one:
        source = one.source("clip", steps(0.0, 0.0, 0.0))
        source.rhythm = Rhythm(speed=math.inf, is_finite=True)
        one.supervisor.add(feed_of(source))
        eventually(lambda: one.state("clip")[0] == "ended")
        one.clock.advance(100.0)
        assert one.state("clip") == ("ended", "read to its end")
        assert one.indices("clip") == [0, 1, 2]
        assert source.opened == 1
        assert one.supervisor.alive == 0


def test_a_file_that_is_not_there_yet_is_tried_again() -> None:
    with desk() as one:
        source = one.source("clip", steps("lost"), steps(0.0))
        source.rhythm = Rhythm(speed=math.inf, is_finite=True)
        one.supervisor.add(feed_of(source))
        eventually(lambda: one.state("clip")[0] == "ended")
        assert source.opened == 2


def test_a_file_waits_for_numbers_and_for_room() -> None:
    with desk() as one:
        source = one.source("clip", steps(0.0, 0.0, 0.0))
        source.rhythm = Rhythm(speed=math.inf, is_finite=True)
        one.latest.has_room = False
        one.supervisor.add(feed_of(source, reserved=2))
        reader = one.supervisor.readers["clip"]
        eventually(lambda: one.latest.asked > 3)
        assert one.indices("clip") == []
        one.latest.has_room = True
        eventually(lambda: one.indices("clip") == [0, 1])
        reader.reserved = 10
        eventually(lambda: one.state("clip")[0] == "ended")
        assert one.indices("clip") == [0, 1, 2]
        assert reader.take_unreserved() == 0


def test_a_frame_that_waits_for_its_turn_is_no_silence() -> None:
    with desk() as one:
        source = one.source("gate", steady(0.0))
        source.rhythm = Rhythm(speed=0.001)
        one.supervisor.add(feed_of(source))
        eventually(lambda: source.produced == 1)
        for _ in range(4):
            one.clock.advance(9.0)
            eventually(lambda: one.quiet("gate") < 1.0)
            assert one.state("gate")[0] == "up"
        assert one.indices("gate") == [0]
        one.clock.advance(5.0)
        eventually(lambda: one.indices("gate") == [0, 1])


def test_a_source_of_long_segments_is_not_down_between_them() -> None:
    with desk() as one:
        source = one.source("gate", steps(0.0, "freeze"))
        source.rhythm = Rhythm(pause=24.0)
        one.supervisor.add(feed_of(source))
        eventually(lambda: one.state("gate")[0] == "up")
        one.clock.advance(23.0)
        assert one.state("gate")[0] == "up"
        one.clock.advance(2.0)
        assert one.state("gate") == ("down", "no picture for 24 s")
        source.thaw.set()


def test_a_feed_whose_pictures_are_of_no_use_is_useless_and_that_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    covered = Fault("covered", "the camera seems to be covered")
    refused = Fault("refused", "every picture was refused: black")
    turns = [threading.Event() for _ in range(3)]

    class Watch:
        found: ClassVar[list[Fault | None]] = [None, covered, covered, refused, None]

        def check(self, prefiltered: PrefilteredFrame) -> Fault | None:
            return self.found[prefiltered.frame.key.index]

    def session() -> Iterator[Step]:
        yield 0.0
        for turn in turns:
            turn.wait()
            yield 0.0
            if turn is turns[0]:
                yield 0.0
        yield "freeze"

    with caplog.at_level(logging.INFO, "streamsel.feeds"), desk() as one:
        source = one.source("gate", session)
        one.supervisor.add(feed_of(source, open_watch=Watch))
        eventually(lambda: len(one.passed) == 1)
        seen = [one.supervisor.changed()]
        for turn, frames in zip(turns, (3, 4, 5), strict=True):
            turn.set()
            eventually(partial(one.has_passed, frames))
            one.clock.advance(4.0)
            seen.append(one.supervisor.changed())
            assert one.supervisor.changed() == []
        source.thaw.set()
    assert [[(told.state, told.fault) for told in each] for each in seen] == [
        *[[("up", None)], [("useless", "covered")], [("useless", "refused")], [("up", None)]]
    ]
    assert [record.message for record in caplog.records] == [
        "feed 'gate': the camera seems to be covered",
        "feed 'gate': every picture was refused: black",
        "feed 'gate': of use again, after 8 s",
    ]


def test_passwords_do_not_leak_from_a_foreign_source(caplog: pytest.LogCaptureFixture) -> None:
    class Careless(ScriptedSource):
        def session(self, start: int, media_time: float) -> Generator[Frame, None, None]:
            self.opened += 1
            raise SourceError("cannot open rtsp://cam:secret@10.0.0.4/main")

    with desk() as one:
        source = Careless("gate", clock=one.clock)
        one.supervisor.add(feed_of(source))
        eventually(lambda: source.opened > 2)
        assert "secret" not in one.state("gate")[1]
    assert "secret" not in caplog.text
    assert "rtsp://cam:***@10.0.0.4/main" in caplog.text


class Careful(OpenPrefilter):
    """Counts what it saw, and notices when two threads look at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []
        self._looking = threading.Lock()

    def check(self, frame: Frame) -> PrefilteredFrame:
        assert self._looking.acquire(blocking=False), "two threads at once"
        self.seen.append(frame.key.index)
        try:
            return super().check(frame)
        finally:
            self._looking.release()


def prefilters(made: list[Careful]) -> Callable[[], Prefilter]:
    def make() -> Prefilter:
        made.append(Careful())
        return made[-1]

    return make


def sources(made: Sequence[ScriptedSource]) -> Callable[[], ScriptedSource]:
    return iter(made).__next__


def test_a_reader_that_hangs_is_replaced_and_what_it_still_brings_is_not_used() -> None:
    with desk() as one:
        stuck = one.source("gate", steps(0.0, 0.0, "freeze", 0.0, 0.0))
        fresh = one.source("gate", steps("freeze", "freeze"))
        made: list[Careful] = []
        feed = feed_of(stuck, open_source=sources([stuck, fresh]), open_prefilter=prefilters(made))
        one.supervisor.add(feed)
        eventually(lambda: len(one.passed) == 2)
        assert one.state("gate") == ("up", "")
        one.clock.advance(10.5)
        assert one.state("gate")[0] == "down"
        assert fresh.opened == 0
        one.clock.advance(20.0)
        assert one.state("gate") == ("down", "no picture for 10 s")
        assert one.supervisor.alive == 2
        stuck.thaw.set()
        eventually(lambda: one.supervisor.alive == 1)
        assert one.indices("gate") == [0, 1]
        fresh.thaw.set()
        eventually(lambda: len(one.passed) >= 4)
        assert one.indices("gate")[:4] == [0, 1, 2, 3]
        assert len(made) == 1
        assert made[0].seen[:4] == [0, 1, 2, 3]


def test_at_most_three_threads_of_a_feed_are_left_hanging() -> None:
    with desk() as one:
        made = [one.source("gate", steps("freeze")) for _ in range(5)]
        one.supervisor.add(feed_of(made[0], open_source=sources(made)))
        for source in made[:3]:
            eventually(partial(was_opened, source))
            one.clock.advance(31.0)
            one.supervisor.changed()
        one.clock.advance(31.0)
        one.supervisor.changed()
        assert [source.opened for source in made] == [1, 1, 1, 0, 0]
        assert one.state("gate")[0] == "down"
        made[0].thaw.set()
        eventually(lambda: one.supervisor.alive == 2)
        one.supervisor.changed()
        eventually(lambda: made[3].opened == 1)
        for source in made:
            source.thaw.set()


def test_switching_a_hanging_feed_off_and_on_is_bounded_too() -> None:
    with desk() as one:
        made = [one.source("gate", steps("freeze")) for _ in range(9)]
        one.supervisor.add(feed_of(made[0], open_source=sources(made)))
        for _ in range(6):
            one.supervisor.set_enabled("gate", False)
            assert one.state("gate") == ("disabled", "switched off")
            one.supervisor.set_enabled("gate", True)
        assert one.supervisor.alive == 3
        assert one.state("gate")[0] == "down"
        for source in made:
            source.thaw.set()


def test_a_feed_that_is_switched_off_and_on_goes_on_where_it_was() -> None:
    with desk() as one:
        made: list[Careful] = []
        first = one.source("gate", steps(0.0, 0.0, 0.0, "freeze"))
        second = one.source("gate", steps(0.0, "freeze"))
        feed = feed_of(first, open_source=sources([first, second]), open_prefilter=prefilters(made))
        one.supervisor.add(feed)
        eventually(lambda: len(one.passed) == 3)
        last_frame = one.supervisor.statuses()[0].last_frame
        one.supervisor.set_enabled("gate", False)
        one.supervisor.set_enabled("gate", False)
        first.thaw.set()
        one.clock.advance(3600.0)
        assert one.state("gate") == ("disabled", "switched off")
        assert one.supervisor.statuses()[0].last_frame == last_frame
        one.supervisor.set_enabled("gate", True)
        assert one.state("gate")[0] in ("connecting", "up")
        eventually(lambda: len(one.passed) == 4)
        assert one.indices("gate") == [0, 1, 2, 3]
        assert [prefilter.seen for prefilter in made] == [[0, 1, 2, 3]]
        assert one.passed[3].frame.media_time == pytest.approx(3600.0 + 2 / 25)
        second.thaw.set()


def test_a_feed_that_is_not_enabled_is_not_opened() -> None:
    with desk() as one:
        source = one.source("gate", steady(0.001))
        one.supervisor.add(feed_of(source, enabled=False))
        assert one.state("gate")[0] == "disabled"
        assert one.supervisor.alive == source.opened == 0


def test_a_removed_feed_continues_when_it_is_added_again() -> None:
    with desk() as one:
        first, second = one.source("gate", steady(0.001)), one.source("gate", steady(0.001))
        feed = feed_of(first, open_source=sources([first, second]))
        one.supervisor.add(feed)
        eventually(lambda: len(one.passed) > 5)
        removed = one.supervisor.remove("gate")
        count = len(one.passed)
        assert removed.start == count
        assert removed.reserved == feed.reserved
        assert "gate" not in one.supervisor
        one.supervisor.add(removed)
        eventually(lambda: len(one.passed) > count + 5)
        assert one.indices("gate") == list(range(len(one.passed)))


def test_no_number_is_used_that_is_not_reserved() -> None:
    with desk() as one:
        source = one.source("gate", steady(0.001))
        one.supervisor.add(feed_of(source, start=10, reserved=15))
        eventually(lambda: source.produced > 20)
        assert one.indices("gate") == [10, 11, 12, 13, 14]
        reader = one.supervisor.readers["gate"]
        missed = reader.take_unreserved()
        assert missed > 0
        reader.reserved = 1000
        eventually(lambda: len(one.passed) > 5)
        missed += reader.take_unreserved()
        assert one.indices("gate")[5] == 15 + missed


def test_a_defect_is_raised_where_somebody_looks() -> None:
    with desk() as one:
        one.supervisor.add(feed_of(one.source("gate", steps(0.0, ZeroDivisionError("gate")))))
        eventually(lambda: one.supervisor.alive == 0)
        with pytest.raises(ZeroDivisionError):
            one.supervisor.changed()


def test_refused_pictures_are_let_go_of_and_the_others_counted_in() -> None:
    with desk() as one:
        source = one.source("gate", steps(0.0, 0.0, 0.0, "freeze"))
        one.supervisor.add(feed_of(source, open_prefilter=lambda: OpenPrefilter(refuse_every=2)))
        eventually(lambda: len(one.passed) == 3)
        assert [seen.refusal for seen in one.passed] == ["black", None, "black"]
        assert [seen.frame.picture.held_bytes > 0 for seen in one.passed] == [False, True, False]
        assert one.held == [one.passed[1].frame.picture]
        source.thaw.set()


class HeldTurn:
    """A turn, and whether somebody has it."""

    is_held = False

    def __enter__(self) -> None:
        assert not self.is_held
        self.is_held = True

    def __exit__(self, *_: object) -> None:
        self.is_held = False


def test_a_frame_is_prefiltered_in_its_turn_and_waits_for_the_next_without() -> None:
    turn = HeldTurn()
    held: list[bool] = []

    class Prefiltered(OpenPrefilter):
        def check(self, frame: Frame) -> PrefilteredFrame:
            held.append(turn.is_held)
            return super().check(frame)

    def sent() -> Iterator[Step]:
        for _ in range(3):
            held.append(turn.is_held)
            yield 0.0
        yield "freeze"

    with desk() as one:
        source = one.source("gate", sent)
        one.supervisor.add(feed_of(source, open_prefilter=Prefiltered, turn=turn))
        eventually(lambda: len(one.passed) == 3)
        source.thaw.set()
    assert held[:6] == [False, True] * 3


def test_names_are_checked() -> None:
    with desk() as one:
        source = one.source("gate", steps("freeze"))
        one.supervisor.add(feed_of(source))
        with pytest.raises(ConfigurationError, match="one of that name already"):
            one.supervisor.add(feed_of(source))
        for call in (one.supervisor.remove, lambda feed: one.supervisor.set_enabled(feed, True)):
            with pytest.raises(ConfigurationError, match="'yard' is not part of this service"):
                call("yard")
        source.thaw.set()


def test_after_the_end_nobody_is_sent_to_read_any_more() -> None:
    with desk() as one:
        source = one.source("gate", steady(0.001))
        one.supervisor.add(feed_of(source, enabled=False))
        one.supervisor.stop()
        one.supervisor.set_enabled("gate", True)
        one.supervisor.changed()
        assert one.supervisor.alive == source.opened == 0


class SlowScreen(OpenPrefilter):
    """Takes five seconds to look at a frame."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def check(self, frame: Frame) -> PrefilteredFrame:
        self._clock.advance(5.0)
        return super().check(frame)


def test_media_time_goes_on_from_when_a_frame_was_received() -> None:
    with desk() as one:
        source = one.source("gate", steps(0.0, "lost"), steps("freeze"))
        feed = feed_of(source, media_time=100.0, open_prefilter=lambda: SlowScreen(one.clock))
        one.supervisor.add(feed)
        eventually(lambda: source.opened == 2)
        # Looking at the frame took five seconds, and so much later it is.
        assert source.begun_at == [100.0, 105.0]
        source.thaw.set()


def test_nothing_is_passed_on_any_more_when_stop_returns() -> None:
    stopping, stopped = threading.Event(), threading.Event()
    returned_early: list[bool] = []

    def stop() -> None:
        stopping.set()
        reader.stop()
        stopped.set()

    def pass_on(_: PrefilteredFrame) -> None:
        if not stopping.is_set():
            pool.submit(stop)
            stopping.wait()
            # It cannot return as long as this does not.
            returned_early.append(stopped.wait(0.2))

    source = ScriptedSource("gate", steady(0.0))
    backoff = Backoff(first=0.001, most=0.002)
    reader = FeedReader(
        feed_of(source), lambda _: None, Shelf(pass_on), ManualClock(), backoff, random.Random(0)
    )
    with ThreadPoolExecutor(1) as pool:
        reader.start()
        eventually(lambda: stopped.is_set() and not reader.is_alive)
    assert returned_early == [False]


class Blind(OpenPrefilter):
    """Cannot look at every third frame."""

    def check(self, frame: Frame) -> PrefilteredFrame:
        if frame.key.index % 3 == 2:
            raise SourceError(f"feed {frame.key.feed!r}: its picture cannot be converted")
        return super().check(frame)


def test_a_picture_that_cannot_be_looked_at_ends_a_session_of_its_feed_alone() -> None:
    with desk() as one:
        odd, good = one.source("odd", steady(0.001)), one.source("good", steady(0.001))
        made: list[Blind] = []

        def open_prefilter() -> Prefilter:
            made.append(Blind())
            return made[-1]

        one.supervisor.add(feed_of(odd, open_prefilter=open_prefilter))
        one.supervisor.add(feed_of(good))
        eventually(lambda: len(one.indices("good")) > 20 and odd.opened > 3)
        assert one.indices("odd")[:2] == [0, 1]
        assert all(reader.failure is None for reader in one.supervisor.readers.values())
        assert len(made) == 1  # what the prefilter remembers is not lost


def was_opened(source: ScriptedSource) -> bool:
    return source.opened == 1
