"""Events of a service: in order, once, and never delayed by a slow listener."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from streamsel.clock import SystemClock
from streamsel.frame import FrameKey
from streamsel.http.events import MOST_LISTENERS, EventBroker, Listener
from streamsel.record.gallery import FrameView
from streamsel.testing import ManualClock
from tests.http.happenings import evicted, kept, live, update
from tests.http.serving import BORN, TOKEN, Behind, Client, kept_frame, serving, view
from tests.metrics.scenario import FixedSelector, unit_vectors

Told = tuple[str, dict[str, object]]


class Listening:
    """What a client of the stream hears."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id = ""
        self.has_begun = asyncio.Event()

    async def next(self) -> Told:
        """The next event; comments and times to wait are passed over."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(20):
            async for line in self.answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    fields[name] = value
                elif "id" in fields:
                    self.last_id = fields["id"]
                    if "event" in fields:
                        return fields["event"], json.loads(fields["data"])
                    self.has_begun.set()
        raise AssertionError("the stream has ended")

    async def until(self, name: str) -> Told:
        """The next event of this name."""
        while True:
            told = await self.next()
            if told[0] == name:
                return told

    async def until_id(self, name: str) -> None:
        """Skip everything before the event of this frame."""
        while (await self.next())[1].get("id") != name:
            pass


@asynccontextmanager
async def listening(client: Client, last_id: str = "") -> AsyncIterator[Listening]:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    url = client.service.url + "/api/events"
    async with client.session.get(url, headers=headers) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/event-stream"
        yield Listening(answer)


def ids(told: list[Told]) -> list[tuple[str, object]]:
    return [(name, data.get("id")) for name, data in told]


def test_frames_are_told_as_kept_once_they_are_stored_and_then_as_evicted(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind, events_broker = Behind(tmp_path), EventBroker(SystemClock())
        async with live(behind, events_broker) as client, listening(client) as page:
            for index in (1, 2):
                behind.keep(kept_frame("gate", index, BORN))
            events_broker.delivered("mqtt", update(kept(1)))
            events_broker.delivered("disk", update(kept(1), kept(2)))
            events_broker.delivered("disk", update(evicted(1, by=2)))
            told = [await page.next() for _ in range(3)]
            listed = (await client.json("/api/frames"))["frames"]
        assert ids(told) == [
            ("kept", "gate-000001"),
            ("kept", "gate-000002"),
            ("evicted", "gate-000001"),
        ]
        assert told[0][1] in listed
        assert told[2][1] == {
            "id": "gate-000001",
            "feed": "gate",
            "reason": "closest-pair",
            "by": "gate-000002",
            "distance": 0.25,
        }

    asyncio.run(scenario())


def test_what_was_kept_and_evicted_at_once_is_not_told(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind, events_broker = Behind(tmp_path), EventBroker(SystemClock())
        async with live(behind, events_broker) as client, listening(client) as page:
            behind.keep(kept_frame("gate", 2, BORN))
            events_broker.delivered("disk", update(kept(1), evicted(1, by=2), kept(2)))
            assert ids([await page.next()]) == [("kept", "gate-000002")]

    asyncio.run(scenario())


def test_feeds_are_told_when_they_change_and_when_they_go() -> None:
    async def scenario() -> None:
        behind, events_broker = (
            Behind(feeds=[view("gate"), view("yard")]),
            EventBroker(SystemClock()),
        )
        async with live(behind, events_broker) as client, listening(client) as page:
            first = [await page.next(), await page.next()]
            assert [feed for _, feed in first] == await client.json("/api/feeds")
            behind.views["gate"] = view("gate", "down")
            name, gate = await page.next()
            assert (name, gate["feed"], gate["state"]) == ("feed", "gate", "down")
            assert gate["reason"] == "no answer from rtsp://viewer:***@10.0.0.4/main"
            del behind.views["yard"]
            assert await page.next() == ("feed", {"feed": "yard", "state": "removed"})

    asyncio.run(scenario())


def test_pins_are_told_to_every_page(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind, events_broker = Behind(tmp_path), EventBroker(SystemClock())
        behind.keep(kept_frame("gate", 1, BORN))
        async with (
            live(behind, events_broker) as client,
            listening(client) as one,
            listening(client) as other,
        ):
            assert (await client.put("/api/frames/gate-000001/pin", {})).status == 200
            expected = ("pinned", {"id": "gate-000001", "pinned": True})
            assert await one.next() == await other.next() == expected

    asyncio.run(scenario())


def test_who_comes_back_hears_what_was_missed_and_nothing_twice(tmp_path: Path) -> None:
    async def scenario() -> None:
        behind, events_broker = Behind(tmp_path), EventBroker(SystemClock())
        async with live(behind, events_broker) as client:
            for index in range(5):
                behind.keep(kept_frame("gate", index, BORN))
            async with listening(client) as page:
                events_broker.delivered("disk", update(kept(0), kept(1)))
                told = [await page.next()]
            events_broker.delivered("disk", update(kept(2), kept(3)))
            async with listening(client, page.last_id) as page:
                told += [await page.next() for _ in range(3)]
                events_broker.delivered("disk", update(kept(4)))
                told.append(await page.next())
        assert ids(told) == [("kept", f"gate-{index:06d}") for index in range(5)]

    asyncio.run(scenario())


def test_who_missed_too_much_or_comes_from_elsewhere_loads_all_again() -> None:
    async def scenario() -> None:
        events_broker = EventBroker(SystemClock())
        async with live(Behind(), events_broker) as client:
            async with listening(client) as page:
                events_broker.announce_pin("gate-000001", True)
                await page.next()
                last_id = page.last_id
            run = last_id.partition(".")[0]
            strange = ["x", "...", f"{run}.", f"{run}.99", f"{run}.-1", f"{run}.٣", "f00.1"]
            strange.append(f"{run}.{'9' * 5000}")
            for given in strange:
                async with listening(client, given) as page:
                    assert await page.next() == ("reset", {}), given[:40]
                    events_broker.announce_pin("gate-000002", False)
                    assert (await page.next())[0] == "pinned"
            async with listening(client) as page:
                for index in range(3000):
                    events_broker.announce_pin(f"gate-{index:06d}", True)
                async with listening(client, last_id) as late:
                    assert await late.next() == ("reset", {})
                # More than 500 waited for the page, so it was told to load all again.
                assert await page.until("reset") == ("reset", {})

    asyncio.run(scenario())


def test_who_comes_back_to_another_run_before_hearing_anything_loads_all_again() -> None:
    async def scenario() -> None:
        async with live(Behind(), EventBroker(SystemClock())) as client, listening(client) as page:
            waiting = asyncio.ensure_future(page.next())
            await asyncio.wait_for(page.has_begun.wait(), 20)
            waiting.cancel()
        async with (
            live(Behind(), EventBroker(SystemClock())) as client,
            listening(client, page.last_id) as page,
        ):
            assert await page.next() == ("reset", {})

    asyncio.run(scenario())


def test_nothing_is_looked_up_while_nobody_listens(tmp_path: Path) -> None:
    class Asked(Behind):
        def __init__(self) -> None:
            super().__init__(tmp_path)
            self.keys: list[FrameKey] = []

        async def find(self, keys: Sequence[FrameKey]) -> Sequence[FrameView]:
            self.keys += keys
            return await super().find(keys)

    async def scenario() -> None:
        clock = ManualClock()
        behind, events_broker = Asked(), EventBroker(clock)
        async with live(behind, events_broker):
            events_broker.delivered("disk", update(kept(1)))
            with events_broker.listen("") as page:
                assert (await page.next()).startswith("id: ")
                behind.keep(kept_frame("gate", 2, BORN))
                events_broker.delivered("disk", update(kept(2)))
                assert "event: kept" in await page.next()
            clock.advance(61)
            events_broker.delivered("disk", update(kept(3)))
        assert behind.keys == [FrameKey("gate", 2)]

    asyncio.run(scenario())


def test_a_page_that_reads_nothing_holds_up_nobody_and_fills_no_memory() -> None:
    async def scenario() -> None:
        events_broker = EventBroker(SystemClock())
        async with live(Behind(), events_broker) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readline()
            name, told = "x" * 4000, 0
            async with listening(client) as page:
                for _ in range(200):
                    for _ in range(50):
                        events_broker.announce_pin(f"{name}-{told:06d}", True)
                        told += 1
                    await page.until_id(f"{name}-{told - 1:06d}")
            late = b""
            async with asyncio.timeout(20):
                while b"event: reset" not in late[-100_000:]:
                    late += await reader.read(65536)
            assert len(late) < told * len(name) / 2
            writer.close()

    asyncio.run(scenario())


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Everything until the service hung up."""
    parts = []
    try:
        while part := await reader.read(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def test_only_so_many_pages_listen() -> None:
    async def scenario() -> None:
        events_broker = EventBroker(SystemClock())
        async with (
            live(Behind(), events_broker) as client,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        ):
            url = client.service.url + "/api/events"
            answers = [await session.get(url) for _ in range(MOST_LISTENERS)]
            assert {answer.status for answer in answers} == {200}
            refused = await client.get("/api/events")
            assert refused.status == 503
            assert json.loads(refused.body)["error"] == "too many pages are open; close one"
            assert (await client.get("/healthz")).status == 200
            for answer in answers:
                answer.close()

    asyncio.run(scenario())


def test_the_end_of_the_service_ends_the_streams() -> None:
    async def scenario() -> None:
        async with live(Behind(), EventBroker(SystemClock())) as client:
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await reader.readuntil(b"retry: ")
            async with asyncio.timeout(5):
                await client.service.stop()
                await rest_of(reader)
            writer.close()

    asyncio.run(scenario())


def test_the_stream_wants_the_token() -> None:
    async def scenario() -> None:
        async with serving(token=TOKEN) as client:
            assert (await client.get("/api/events")).status == 401

    asyncio.run(scenario())


def test_measurements_are_told_and_remembered_for_an_hour() -> None:
    async def scenario() -> None:
        clock = ManualClock()
        behind, events_broker = Behind(feeds=[view("gate")]), EventBroker(clock)
        selector = FixedSelector(unit_vectors(4))
        async with live(behind, events_broker) as client, listening(client) as page:
            assert (await page.until("feed"))[1]["feed"] == "gate"
            for _ in range(400):
                events_broker.measured("gate", selector)
                events_broker.measured("gate", selector)
                clock.advance(10)
            _, told = await page.until("measured")
            assert told == {
                **{
                    "scope": "gate",
                    "time": 1_800_000_000.0,
                    "spacing": 0.5,
                    "coverage": 0.75,
                    "kept": 4,
                }
            }
            history = (await client.json("/api/history"))["scopes"]["gate"]
            assert history["times"] == [1_800_000_000.0 + 10 * step for step in range(40, 400)]
            assert set(history["coverage"]) == {0.75}
            assert len(history["spacing"]) == len(history["kept"]) == 360
            behind.views = {"yard": view("yard")}
            while (await page.until("feed"))[1] != {"feed": "gate", "state": "removed"}:
                pass
            assert "gate" not in (await client.json("/api/history"))["scopes"]

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_what_is_not_a_number_yet_is_null() -> None:
    async def scenario() -> None:
        events_broker = EventBroker(ManualClock())

        class Unmeasured(FixedSelector):
            @property
            def spacing(self) -> float:
                return float("inf")

            @property
            def coverage_bound(self) -> float:
                return float("nan")

        selector = Unmeasured(unit_vectors(1))
        async with live(Behind(feeds=[view("gate")]), events_broker) as client:
            events_broker.measured("gate", selector)
            await asyncio.sleep(0)
            history = (await client.json("/api/history"))["scopes"]["gate"]
        assert (history["spacing"], history["coverage"]) == ([None], [None])

    asyncio.run(scenario())


def test_who_does_not_read_is_told_to_load_again_and_nothing_else() -> None:
    async def scenario() -> None:
        listener = Listener(())
        for number in range(501):
            listener.tell(f"{number};", "reset;")
        assert await listener.next() == "reset;"
        for number in range(5000):
            listener.tell(f"{number};", "reset;")
        told = (await listener.next()).split(";")[:-1]
        assert told[0] == "reset"
        assert len(told) <= 500
        assert told[1:] == [str(number) for number in range(5001 - len(told), 5000)]

    asyncio.run(scenario())
