"""Puts messages into an outbox and publishes them, until it is killed.

    python -m tests.sinks.mqtt.killed_publisher FOLDER PORT FIRST COUNT INTERVAL [BYTES]

Puts COUNT updates of one frame each, an interval apart in seconds, and says the index of each
once it is taken; the process goes on until all that waits is delivered and its input is closed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.polling import until
from tests.sinks.mqtt.lines import frame, open_line, update


async def main(
    folder: str, port: str, first: str, count: str, interval: str, size: str = "60000"
) -> None:
    sink, publisher = await asyncio.to_thread(open_line, Path(folder), int(port))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(publisher.run())
        loop = asyncio.get_running_loop()
        due = loop.time()
        for index in range(int(first), int(first) + int(count)):
            await asyncio.to_thread(sink.apply, update(frame(index, int(size))))
            print(index, flush=True)
            due += float(interval)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await asyncio.to_thread(sys.stdin.read)
        await until(lambda: not publisher.counts.pending)
        publisher.stop()
    sink.close()
    print("delivered", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
