"""A disk that is taken away while it is written to: nothing lands on the one below."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from streamsel.clock import SystemClock
from streamsel.decisions import Evicted, Kept, SelectionUpdate
from streamsel.errors import DiskChangedError, DiskGoneError, SinkError
from streamsel.frame import EncodedPicture, Frame, FrameKey
from streamsel.record.reader import Record
from streamsel.sinks.clips import ClipOrder, ClipSink
from streamsel.testing import ManualClock
from tests.servers.disks import RemovableDisk
from tests.sinks import live_streams, streams
from tests.sinks.live_streams import files, keeping
from tests.sinks.mqtt.lines import message, open_outbox


def below(disk: RemovableDisk) -> list[str]:
    """What lies in the folder that the disk covers while it is there."""
    return sorted(path.name for path in disk.place.iterdir())


def test_nothing_is_stored_while_the_disk_is_gone_and_all_goes_on_when_it_is_back(
    removable_disk: RemovableDisk,
) -> None:
    folder, clock = removable_disk.place / "kept", ManualClock()
    sink = live_streams.opened(folder, clock)
    sink.apply(keeping(0))
    removable_disk.detach()
    for _ in range(2):
        with pytest.raises(DiskGoneError, match=rf"{folder}: the disk that was opened is gone"):
            sink.tick()
        with pytest.raises(DiskGoneError):
            sink.apply(keeping(1))
        with pytest.raises(DiskGoneError):
            sink.reserve({"gate": 1_000})
        with pytest.raises(DiskGoneError):
            sink.set_pinned(FrameKey("gate", 0), True)
    assert below(removable_disk) == []
    removable_disk.attach()
    sink.tick()
    sink.apply(keeping(1))
    sink.apply(keeping(2, 0))
    sink.tick()
    sink.close()
    with Record.open(folder) as record:
        kept = {one.picture.path: one.picture.sha256 for one in record.kept() if one.picture}
        assert [one.key.index for one in record.kept()] == [1, 2]
    assert files(folder) == kept


def test_a_picture_that_is_written_as_the_disk_goes_is_not_claimed(
    removable_disk: RemovableDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = removable_disk.place / "kept"
    sink = live_streams.opened(folder)
    write = sink._pictures.write

    def write_elsewhere(frames: Sequence[tuple[Frame, EncodedPicture]]) -> object:
        removable_disk.detach()
        return write(frames)

    monkeypatch.setattr(sink._pictures, "write", write_elsewhere)
    with pytest.raises(DiskGoneError):
        sink.apply(keeping(0))
    assert not [path for path in removable_disk.place.rglob("*") if path.is_file()]
    monkeypatch.undo()
    removable_disk.attach()
    sink.apply(keeping(0))
    sink.close()
    assert len(files(folder)) == 1


@pytest.mark.parametrize("copied", [False, True])
def test_another_disk_in_its_place_wants_a_new_start(
    removable_disk: RemovableDisk, copied: bool
) -> None:
    folder = removable_disk.place / "kept"
    sink = live_streams.opened(folder)
    sink.apply(keeping(0))
    sink.tick()
    removable_disk.detach()
    with pytest.raises(DiskGoneError):
        sink.tick()
    removable_disk.replace(copied=copied)
    before = sorted(removable_disk.place.rglob("*"))
    with pytest.raises(DiskChangedError, match="restart to use"):
        sink.apply(keeping(1))
    with pytest.raises(DiskChangedError):
        sink.close()
    assert sorted(removable_disk.place.rglob("*")) == before
    again = live_streams.opened(folder)
    assert len(again.kept_candidates("gate")) == (1 if copied else 0)
    again.apply(keeping(2))
    again.close()


def test_a_service_that_ends_while_the_disk_is_gone_leaves_nothing_below_it(
    removable_disk: RemovableDisk,
) -> None:
    sink = live_streams.opened(removable_disk.place / "kept")
    removable_disk.detach()
    with pytest.raises(DiskGoneError):
        sink.close()
    assert below(removable_disk) == []


def test_a_run_over_files_ends_and_can_be_resumed(removable_disk: RemovableDisk) -> None:
    folder, made = removable_disk.place / "kept", list(streams.verdicts(20))
    run = streams.opened(folder, hold_bytes=0)
    run.apply(streams.turn(made[:10]))
    removable_disk.detach()
    with pytest.raises(SinkError, match="is gone"):
        run.apply(streams.turn(made[10:]))
    with pytest.raises(SinkError, match="is gone"):
        streams.end(run)
    assert below(removable_disk) == []
    removable_disk.attach()
    again = streams.opened(folder, resume=True)
    again.apply(streams.turn(made))
    streams.supply(again)
    streams.end(again)
    assert len(files(folder)) == len(streams.kept_keys(made))


class Footage:
    def clip(self, received: float, before: float, after: float) -> bytes:
        return b"0000ftyp"


def test_clips_wait_for_the_disk(removable_disk: RemovableDisk) -> None:
    sink = ClipSink(removable_disk.place, {"gate": ClipOrder(Footage(), 1.0, 0.0)}, SystemClock())
    frame = live_streams.frame(0)
    sink.apply(SelectionUpdate("gate", (), (Kept(frame, None, None, 0.0, "novel"),)))
    removable_disk.detach()
    with pytest.raises(DiskGoneError):
        sink.tick()
    with pytest.raises(DiskGoneError):
        sink.apply(SelectionUpdate("gate", (), (Evicted(frame, None, None, "lost"),)))
    assert below(removable_disk) == []
    removable_disk.attach()
    sink.tick()
    assert len(list(removable_disk.place.rglob("*.mp4"))) == 1


def test_messages_whose_pictures_are_on_the_disk_wait_for_it(removable_disk: RemovableDisk) -> None:
    line = open_outbox(removable_disk.place / "outbox")
    put = [message(number) for number in range(3)]
    line.outbox.put(put)
    removable_disk.detach()
    assert line.outgoing.next(0) is None
    with pytest.raises(DiskGoneError):
        line.outbox.put([message(3)])
    assert below(removable_disk) == []
    removable_disk.attach()
    line.outbox.put([message(3)])
    assert line.waiting() == [*put, message(3)]
    assert line.counter.counts().refused == {}
    line.close()


def test_the_publisher_is_told_when_the_disk_is_back(
    removable_disk: RemovableDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = open_outbox(removable_disk.place / "outbox")
    rung: list[bool] = []
    monkeypatch.setattr(line.wakeup, "ring", lambda: rung.append(True))
    removable_disk.detach()
    with pytest.raises(DiskGoneError):
        line.outbox.require_folder()
    assert not rung
    removable_disk.attach()
    line.outbox.require_folder()
    line.outbox.require_folder()
    assert rung == [True]
    line.close()
