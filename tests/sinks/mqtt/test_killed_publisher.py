"""kill -9 of the publisher: what was taken reaches the broker, and twice only with the same id."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from tests.servers.broker import Broker
from tests.sinks.mqtt.lines import content_of, frame
from tests.sinks.mqtt.subscriber import Subscriber

ROOT = Path(__file__).parents[3]
EACH = 60


def start(folder: Path, port: int, first: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.sinks.mqtt.killed_publisher", folder, port, first, EACH]
    return subprocess.Popen(
        [*map(str, command), "0.005", "20000"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_killed_three_times_nothing_that_was_taken_is_lost(tmp_path: Path, broker: Broker) -> None:
    dice = random.Random(7)
    taken = []
    with Subscriber(broker.port, "streamsel/#") as subscriber:
        for life in range(4):
            with start(tmp_path / "outbox", broker.port, life * EACH) as process:
                assert process.stdout is not None
                if life < 3:
                    lines = dice.randint(10, EACH)
                    taken += [int(process.stdout.readline()) for _ in range(lines)]
                    process.kill()
                    said, _ = process.communicate()
                else:
                    said, _ = process.communicate("")
                    assert said.endswith("delivered\n")
                taken += [int(line) for line in said.split() if line.isdigit()]
        wanted = {f"gate-{number:06d}" for number in taken}
        for topic in ("streamsel/events", "streamsel/gate/image"):
            subscriber.wait(partial(has_all, subscriber, topic, wanted))
        images = subscriber.on("streamsel/gate/image")
    for got in images:
        index = int(got.about["id"][-6:])
        assert got.payload == content_of(frame(index, 20_000))
    twice = [
        name for name, times in Counter(got.about["id"] for got in images).items() if times > 1
    ]
    assert len(twice) <= 3 * 10  # at most a window for each kill
    first_time = list(dict.fromkeys(got.about["id"] for got in images))
    assert first_time == sorted(first_time)


def has_all(subscriber: Subscriber, topic: str, wanted: set[str]) -> bool:
    return wanted <= {got.about["id"] for got in subscriber.on(topic)}
