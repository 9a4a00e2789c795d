"""Messages through killed publishers and killed brokers: what is lost, what comes twice.

    python -m tests.soak.mqtt_delivery [--messages 1500] [--rate 100] [--size 60000] [--seed 1]

Each line is a run with its own broker and a subscriber with a session that outlives its
connections. ``lost`` are messages that were taken into the outbox and never reached the subscriber,
``wrong`` came with other bytes; ``twice`` came more than once, with the id they had before, ``far``
of them later than a window of others. A run ends when the outbox is empty, so everything has been
acknowledged: what the run without broker kills loses was lost by us, what only the others lose was
lost inside the broker, and what comes far behind is what a broker sends again that was started from
an older state. ``away``: the subscriber is not there until the end, so that all of it waits inside
the broker, with a fifth of the messages.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streamsel.sinks.mqtt.connection import WINDOW
from tests.servers.broker import Broker
from tests.sinks.mqtt.lines import frame
from tests.sinks.mqtt.subscriber import Got, Subscriber

ROOT = Path(__file__).parents[2]
IMAGES, EVENTS = "streamsel/gate/image", "streamsel/events"
BROKER_KILLS, PUBLISHER_KILLS = 3, 10
AWAY = 50
"""Messages that are taken while a killed broker stays away."""
UNLIMITED = ["max_queued_messages 0", "max_inflight_messages 0"]
SETTINGS = {
    "persistence alone": [],
    "autosave every second": ["autosave_interval 1"],
    "autosave on each change": ["autosave_interval 1", "autosave_on_changes true"],
}


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: so many updates of one frame each, a rate a second; when it is killed."""

    messages: int
    rate: float
    size_bytes: int
    seed: int


@dataclass(frozen=True, slots=True)
class Case:
    """A run: the broker's settings, who is killed how often, whether the subscriber is there."""

    name: str
    settings: Sequence[str]
    broker_kills: int
    publisher_kills: int
    away: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the messages of one topic."""

    taken: int
    lost: int
    wrong: int
    twice: int
    far: int


def run(folder: Path, load: Load, case: Case) -> tuple[dict[str, Outcome], float]:
    """Send all, killing on the way; return what became of pictures and events, and seconds."""
    begun = time.monotonic()
    with Broker(folder / "broker", settings=[*UNLIMITED, *case.settings]) as broker:
        with Subscriber(broker.port, "streamsel/#", name="soak") as subscriber:
            time.sleep(2)  # the subscription is saved, too
            taken = [] if case.away else send(folder, load, broker, case)
            wanted = {f"gate-{index:06d}" for index in taken}
            settle(subscriber, wanted)
        if case.away:
            taken = send(folder, load, broker, case)
            wanted = {f"gate-{index:06d}" for index in taken}
            with Subscriber(broker.port, "streamsel/#", name="soak") as subscriber:
                settle(subscriber, wanted)
    found = {
        topic: judge(subscriber.on(topic), wanted, load if topic == IMAGES else None)
        for topic in (IMAGES, EVENTS)
    }
    return found, time.monotonic() - begun


def send(folder: Path, load: Load, broker: Broker, case: Case) -> list[int]:
    """Run one publisher after another until all is taken and delivered; return what was taken."""
    dice = random.Random(load.seed)
    each = load.messages // (case.publisher_kills + 1)
    taken: list[int] = []
    fates = faults(broker, load.messages, case.broker_kills)
    last = False
    while not last:
        last = len(taken) + each + each // 2 > load.messages
        count = load.messages - len(taken) if last else each + dice.randint(-each // 4, each // 4)
        first = taken[-1] + 1 if taken else 0
        most = count if last else load.messages
        arguments = (folder / "outbox", broker.port, first, most, 1 / load.rate)
        command = ["-m", "tests.sinks.mqtt.killed_publisher", *arguments, load.size_bytes]
        with subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as publisher:
            assert publisher.stdout is not None
            for _ in range(count):
                taken.append(int(publisher.stdout.readline()))
                next(fates)
            if not last:
                publisher.kill()
                said = publisher.stdout.read()
            else:
                said, _ = publisher.communicate("")
            taken += [int(line) for line in said.split() if line.isdigit()]
    return taken


def faults(broker: Broker, messages: int, kills: int) -> Iterator[None]:
    """Kill the broker evenly over the messages, and start it again a little later."""
    due = {messages * (number + 1) // (kills + 1) for number in range(kills)}
    for count in range(10 * messages):
        if count in due:
            broker.kill()
        if count - AWAY in due:
            broker.start()
        yield


def settle(subscriber: Subscriber, wanted: set[str]) -> None:
    """Wait until all came, or nothing has come for some seconds."""
    quiet, seen = 0.0, -1
    while quiet < 8 and not wanted <= {got.about["id"] for got in subscriber.on(EVENTS)}:
        quiet = 0.0 if len(subscriber.got) != seen else quiet + 0.2
        seen = len(subscriber.got)
        time.sleep(0.2)


def judge(got: Sequence[Got], wanted: set[str], load: Load | None) -> Outcome:
    """Compare what came with what was taken; with a load, the pictures byte by byte."""
    names = [one.about["id"] for one in got]
    first = {name: names.index(name) for name in set(names)}
    again = [place for place, name in enumerate(names) if first[name] != place]
    wrong = 0
    for one in got if load is not None else ():
        index = int(one.about["id"][-6:])
        assert load is not None
        encoded = frame(index, load.size_bytes).picture.encoded
        wrong += encoded is None or one.payload != encoded.content
    ahead = [len({*names[first[names[place]] : place]}) for place in again]
    far = sum(1 for distance in ahead if distance > WINDOW)
    return Outcome(len(wanted), len(wanted - set(names)), wrong, len(again), far)


def main() -> None:
    """Run each setting and print what became of the messages."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=1_500)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--size", type=int, default=60_000)
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    load = Load(wishes.messages, wishes.rate, wishes.size, wishes.seed)
    few = replace(load, messages=load.messages // 5, rate=load.rate / 2)
    cases = [(load, Case("publisher kills alone", [], 0, PUBLISHER_KILLS))]
    for name, settings in SETTINGS.items():
        cases.append((load, Case(name, settings, BROKER_KILLS, PUBLISHER_KILLS)))
    for name, settings in SETTINGS.items():
        cases.append((few, Case(f"{name}, away", settings, BROKER_KILLS, 3, away=True)))
    print(f"{load.messages} frames of {load.size_bytes} bytes, {load.rate:g} a second")
    print(f"{'broker':32}{'kills':>8}  topic   taken  lost wrong twice  far  seconds")
    for wanted, case in cases:
        with tempfile.TemporaryDirectory() as folder:
            found, seconds = run(Path(folder), wanted, case)
        for topic, outcome in found.items():
            kills = f"{case.broker_kills} + {case.publisher_kills}"
            print(
                f"{case.name:32}{kills:>8}  {topic.rpartition('/')[2]:7}{outcome.taken:6}"
                f"{outcome.lost:6}{outcome.wrong:6}{outcome.twice:6}{outcome.far:5}{seconds:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
