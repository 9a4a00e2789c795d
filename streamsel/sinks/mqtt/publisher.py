"""The coroutine that keeps a broker connection open and drains the outbox into it."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
from pathlib import Path

import aiomqtt

from streamsel.backoff import Backoff
from streamsel.clock import Clock
from streamsel.errors import SinkError, StreamselError
from streamsel.sinks.mqtt.commands import SETTINGS, Controls, obey, read_command
from streamsel.sinks.mqtt.connection import BrokerConnection, Login, connected, explain
from streamsel.sinks.mqtt.counts import DeliveryCounter, OutboxCounts
from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.drain import Drain
from streamsel.sinks.mqtt.log_throttle import LogThrottle
from streamsel.sinks.mqtt.options import MqttOptions
from streamsel.sinks.mqtt.outgoing import Outgoing
from streamsel.sinks.mqtt.payloads import Topics
from streamsel.sinks.mqtt.retained import OFFLINE, Announcer, RetainedState
from streamsel.wakeup import Wakeup, await_set

LOG = logging.getLogger("streamsel.mqtt")

_GRACE = 1.0
"""Seconds allowed for sending the rest of the outbox on stop."""
_BACKOFF = Backoff(first=0.1, most=2.0)
_STEADY = 5.0
"""Seconds after which a connection counts as stable and the backoff is reset."""
_SUSPICIOUS = 3
"""Number of short connections in a row before a cause is suggested."""


class MqttPublisher:
    """Connects to the broker, reconnects, sends messages and executes commands.

    Shares the folder of the outbox, ``counter``, ``retained`` and ``wakeup`` with the sink. A
    message leaves the outbox only when the broker has accepted or refused it.
    """

    def __init__(
        self,
        options: MqttOptions,
        folder: Path,
        counter: DeliveryCounter,
        retained: RetainedState,
        wakeup: Wakeup,
        controls: Controls,
        clock: Clock,
        discovery: Discovery | None,
    ) -> None:
        self._options = options
        self._folder = folder
        self._counter = counter
        self._retained = retained
        self._wakeup = wakeup
        self._controls = controls
        self._clock = clock
        self._discovery = discovery
        self._topics = Topics(options.prefix)
        self._throttle = LogThrottle(clock)
        self._stopping = asyncio.Event()
        self._chance = random.Random()
        self._accepted = 0

    @property
    def counts(self) -> OutboxCounts:
        """Return the counts so far. Safe from any thread."""
        return self._counter.counts()

    def stop(self) -> None:
        """Make :meth:`run` send what it can within a second, disconnect and return."""
        self._stopping.set()
        self._wakeup.ring()

    async def run(self) -> None:
        """Stay connected and send until stopped or cancelled; call it once.

        Returns within 2 s of either, whatever the broker does; when cancelled, without sending the
        rest. Unacknowledged messages stay in the outbox.
        """
        _warn_of_bare_password(self._options)
        outgoing = await asyncio.to_thread(Outgoing, self._folder, self._counter, self._clock)
        drain = Drain(outgoing, self._clock, self._options.message_expiry)
        self._wakeup.listen(drain.news)
        try:
            async with asyncio.TaskGroup() as tasks:
                line = tasks.create_task(self._stay_connected(outgoing, drain), name="mqtt")
                await self._stopping.wait()
                if self._counter.counts().connected:
                    await asyncio.wait({line}, timeout=_GRACE)
                line.cancel()
        finally:
            self._wakeup.ignore()
            await asyncio.to_thread(outgoing.close)

    async def _stay_connected(self, outgoing: Outgoing, drain: Drain) -> None:
        failures = short_lived = 0
        while not self._stopping.is_set():
            begun, accepted = self._clock.monotonic(), self._accepted
            failures += 1
            try:
                await self._run_session(outgoing, drain)
            except SinkError as error:
                lasted = self._clock.monotonic() - begun >= _STEADY
                failures = 1 if lasted else failures
                short_lived = 0 if lasted or self._accepted == accepted else short_lived + 1
                self._tell(error, short_lived)
            await await_set(self._stopping, _BACKOFF.delay(failures, self._chance))

    def _tell(self, error: SinkError, short_lived: int) -> None:
        hint = ""
        if short_lived >= _SUSPICIOUS:
            hint = "; the broker accepts and drops us at once: if another client has our client "
            hint += "id, set mqtt.client_id or mqtt.prefix"
        if self._throttle.due("connection", f"{error}{hint}"):
            waiting = self._counter.counts().pending
            LOG.warning("%s%s; trying again, %d messages wait", error, hint, waiting)

    async def _run_session(self, outgoing: Outgoing, drain: Drain) -> None:
        """Connect once; return when stopped. Raises :class:`SinkError` on a lost connection."""
        login = await asyncio.to_thread(Login.read, self._options)
        will = aiomqtt.Will(self._topics.available, OFFLINE, qos=1, retain=True)
        try:
            async with connected(self._options, login, will) as connection:
                self._counter.set_connected(True)
                self._accepted += 1
                waiting = self._counter.counts().pending
                LOG.info("connected to %s; %d messages wait", self._options.address, waiting)
                await self._serve(connection, outgoing, drain)
        except aiomqtt.MqttError as error:
            raise explain(error, self._options) from error
        except BaseExceptionGroup as group:
            lost, other = group.split((aiomqtt.MqttError, SinkError))
            if lost is None or other is not None:
                raise
            raise explain(_plainest(lost), self._options) from group
        finally:
            self._counter.set_connected(False)

    async def _serve(self, connection: BrokerConnection, outgoing: Outgoing, drain: Drain) -> None:
        announcer = Announcer(
            connection, self._topics, self._retained, self._controls, outgoing, self._discovery
        )
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(self._listen(connection, announcer), name="mqtt commands"),
                tasks.create_task(self._subscribe(connection), name="mqtt subscriptions"),
                tasks.create_task(announcer.run(), name="mqtt retained topics"),
            ]
            await drain.run(connection, self._stopping)
            for other in others:
                other.cancel()

    async def _subscribe(self, connection: BrokerConnection) -> None:
        filters = [self._topics.set("+", setting) for setting in SETTINGS]
        if self._discovery is not None:
            filters.append(self._discovery.birth)
        for name in await connection.subscribe(filters):
            LOG.warning("%s: the broker refuses the subscription; commands are not received", name)

    async def _listen(self, connection: BrokerConnection, announcer: Announcer) -> None:
        """Execute commands; raises as soon as the connection is lost."""
        async for message in connection.messages:
            topic, payload = message.topic.value, message.payload
            if not isinstance(payload, bytes):
                continue
            if self._discovery is not None and topic == self._discovery.birth:
                if payload == b"online":
                    announcer.introduce()
                continue
            try:
                command = read_command(self._topics, topic, payload)
                await obey(command, self._controls)
            except StreamselError as error:
                self._counter.count_refused_command()
                if self._throttle.due("command", str(error)):
                    LOG.warning("command refused: %s", error)
            announcer.answer(self._topics.command(topic)[0])


def _plainest(group: BaseExceptionGroup[BaseException]) -> Exception:
    """Return the most informative failure of a lost connection: the broker's own reason."""
    failures = _flat(group)
    return next((one for one in failures if isinstance(one, aiomqtt.MqttError)), failures[0])


def _flat(group: BaseExceptionGroup[BaseException]) -> list[Exception]:
    found: list[Exception] = []
    for one in group.exceptions:
        if isinstance(one, BaseExceptionGroup):
            found += _flat(one)
        elif isinstance(one, Exception):
            found.append(one)
    return found


def _warn_of_bare_password(options: MqttOptions) -> None:
    if options.tls is not None or options.username is None or options.host == "localhost":
        return
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(options.host).is_loopback:
            return
    LOG.warning(
        "%s: the password is sent in the clear, as are the pictures; set mqtt.tls",
        options.address,
    )
