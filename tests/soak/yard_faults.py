"""What happens to a yard in a year, one thing after another.

A fault more is a function and its line in :data:`FAULTS`. Each breaks something, waits until the
service shows it, mends it, and waits until all is well.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Callable
from typing import NamedTuple

from streamsel.sinks.mqtt.store import DATABASE
from tests.servers.rtsp import Mount, RtspServer
from tests.soak.yard_run import Fault, Run, is_up

_OTHER = "canary-changed"


class Seen(NamedTuple):
    """What the service showed, and how many seconds after the mend all was well."""

    shown: str
    recovered: float


def a_camera_is_cut_off_and_back(run: Run) -> Seen:
    """Its server dies, for three feeds at once."""
    affected = run.up() & {"rtsp-tcp", "rtsp-udp", "rtsp-hevc"}
    run.yard.camera.kill()
    run.until(lambda feeds: not any(is_up(feeds, name) for name in affected), "the loss is seen")
    shown = _state(run, "rtsp-tcp")
    run.yard.camera.start()
    return Seen(shown, run.until_up(affected))


def the_network_stalls(run: Run) -> Seen:
    """Nothing arrives, and connections stay open."""
    run.yard.network.set_mode("stall")
    run.until(lambda feeds: not is_up(feeds, "rtsp-tcp"), "the stall is reported")
    shown = _state(run, "rtsp-tcp")
    run.yard.network.set_mode("pass")
    return Seen(shown, run.until_up({"rtsp-tcp"}))


def a_password_is_changed(run: Run) -> Seen:
    """First on the camera, then, by a reload, here."""
    yard = run.yard
    yard.locked.kill()
    mounts = {"/moving": Mount([yard.moving])}
    other = RtspServer(yard.folder, mounts, user=("viewer", _OTHER), port=yard.locked.port)
    yard.locked = yard.keep(other)
    run.until(lambda feeds: not is_up(feeds, "rtsp-password"), "the refusal is reported")
    run.watch(10)
    shown = _state(run, "rtsp-password")
    feeds = run.config["feeds"] | {"rtsp-password": {"source": other.url("/moving")}}
    run.service.configure({**run.config, "feeds": feeds})
    run.service.reload()
    return Seen(shown, run.until_up({"rtsp-password"}))


def the_broker_is_away(run: Run) -> Seen:
    """For a quarter of a minute; what waited then is sent, whatever has come since."""
    run.broker.kill()
    run.watch(15)
    waiting = _waiting(run)
    run.broker.start()
    seconds = run.until(lambda _: not waiting & _waiting(run), "what waited is sent")
    return Seen(f"{len(waiting)} messages wait", seconds)


def the_disk_is_full(run: Run) -> Seen:
    """And has room again a while after the service has said so."""
    ballast = run.disk.place / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        while True:
            file.write(bytes(1 << 20))
    began = time.monotonic()
    while not (why := run.unready()) and time.monotonic() - began < 30:
        run.watch(1)
    ballast.unlink()
    return Seen(_first_reason(why) or "nothing: what is evicted made room", run.until_ready())


def the_disk_is_gone(run: Run) -> Seen:
    """It is unmounted, and mounted again."""
    run.disk.detach()
    run.until(lambda _: run.unready(), "the loss of the disk is reported")
    shown = _first_reason(run.unready())
    strays = [*run.disk.place.iterdir()]
    assert strays == [], "nothing lands on the disk below"
    run.disk.attach()
    return Seen(shown, run.until_ready())


def the_clock_jumps(run: Run) -> Seen:
    """An hour ahead, and back again."""
    affected = run.up()
    _set_off(run, 3600)
    run.watch(10)
    lost = affected - run.up()
    _set_off(run, 0)
    return Seen(f"{len(lost)} of {len(affected)} feeds are lost", run.until_up(affected))


def the_service_is_restarted(run: Run) -> Seen:
    """In good order."""
    return _restart(run, lambda: run.service.stop(within=60))


def the_service_is_killed(run: Run) -> Seen:
    """By kill -9: nothing can be put in order."""
    return _restart(run, run.service.kill)


FAULTS: dict[str, Callable[[Run], Seen]] = {
    "camera cut off and back": a_camera_is_cut_off_and_back,
    "network stalls": the_network_stalls,
    "password changed, then reloaded": a_password_is_changed,
    "broker killed, back after 15 s": the_broker_is_away,
    "disk full": the_disk_is_full,
    "disk unmounted and mounted": the_disk_is_gone,
    "clock an hour ahead and back": the_clock_jumps,
    "service restarted": the_service_is_restarted,
    "service killed": the_service_is_killed,
}


def make(name: str, run: Run) -> Fault:
    """Break it, mend it, and say what was seen; what was waited for in vain is said, too."""
    try:
        return Fault(name, *FAULTS[name](run))
    except AssertionError as error:
        return Fault(name, str(error), math.inf)


def _waiting(run: Run) -> set[int]:
    """The numbers of the messages in the outbox."""
    path = run.disk.place / "kept" / "outbox" / DATABASE
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as outbox:
        return {number for (number,) in outbox.execute("SELECT seq FROM messages")}


def _restart(run: Run, end: Callable[[], object]) -> Seen:
    affected = run.up()
    run.end_life(end)
    began = time.monotonic()
    run.begin_life()
    run.until_up(affected)
    return Seen(f"{len(affected)} feeds were up", time.monotonic() - began)


def _set_off(run: Run, seconds: float) -> None:
    """Let the service's clock be so far off; it reads the file at any moment."""
    new = run.clock.with_suffix(".new")
    new.write_text(str(seconds))
    new.replace(run.clock)


def _state(run: Run, feed: str) -> str:
    state, reason = run.states[feed]
    return f"{state}: {reason}" if reason else state


def _first_reason(why: str) -> str:
    return why.partition('["')[2].partition('"')[0]
