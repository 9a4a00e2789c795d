"""Runs a service from its configuration: pipeline, sinks, servers and signals."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from streamsel.clock import Clock, GuardedClock
from streamsel.config.schema import Config
from streamsel.config.secrets import service_token
from streamsel.errors import ConfigurationError, StreamselError
from streamsel.http.events import EventBroker
from streamsel.http.options import ServiceOptions
from streamsel.http.server import Service
from streamsel.interfaces.sinks import Sink
from streamsel.runtime.failure import first_failure
from streamsel.runtime.service_run import LivePipeline
from streamsel.runtime.worker import Worker
from streamsel.service.controls import HttpControl, MqttControls
from streamsel.service.days import put_days_right, warn_of_wrong_clock
from streamsel.service.notify import Notifier, keep_alive
from streamsel.service.operations import Operations
from streamsel.service.patience import Patience
from streamsel.sinks.console import ConsoleSink
from streamsel.wiring.checks import require_buildable
from streamsel.wiring.service import LiveParts, build_parts

if TYPE_CHECKING:
    from streamsel.metrics.observer import Metrics

_LOG = logging.getLogger("streamsel.service")
_GAUGE_SECONDS = 1.0
_PUBLISHER_SECONDS = 2.5
_MOST_STOPPING_SECONDS = 9.5
"""After this the process is ended by force. The limits of its parts may add up to more."""


class LiveService:
    """A running service, and the operations on it from within the process.

    ``load`` reads the configuration, at start and at each reload. ``extra`` are factories of
    further sinks; they receive the suffix of pictures (None: not stored). Call :meth:`run` on an
    event loop; again if it could not start.
    """

    def __init__(
        self,
        load: Callable[[], Config],
        clock: Clock,
        notifier: Notifier,
        *,
        extra: Sequence[Callable[[str | None], Sink]] = (),
    ) -> None:
        self._load = load
        self._clock = GuardedClock(clock)
        self._notifier = notifier
        self._extra = extra
        self._stopping = asyncio.Event()
        self._reloading = asyncio.Event()
        self._left_behind = False

    @property
    def left_behind(self) -> bool:
        """Whether a thread hangs after the run, so that the process must be ended by force."""
        return self._left_behind

    @property
    def stopping(self) -> asyncio.Event:
        """Set once the service is to stop."""
        return self._stopping

    def stop(self) -> None:
        """Let :meth:`run` end, within 10 s."""
        self._stopping.set()

    def reload(self) -> None:
        """Reload the configuration soon; an invalid one changes nothing."""
        self._reloading.set()

    async def run(self) -> None:
        """Run until :meth:`stop`.

        Raises :class:`ConfigurationError` and other :class:`StreamselError` if it cannot start,
        :class:`EmbedderError` if it cannot continue.
        """
        async with Worker("streamsel-start") as starting:
            config = await starting.run(self._load)
            parts = await starting.run(build_parts, config, self._clock)
        parts.metrics.record_reload(self._clock.wall())
        warn_of_wrong_clock(self._clock)
        suffix = None if config.sinks.disk is None else config.pictures.format
        events_broker = EventBroker(self._clock)
        line = LivePipeline(
            parts.embeddings,
            [*parts.sinks, *(make_sink(suffix) for make_sink in self._extra)],
            parts.encode,
            parts.reserve,
            self._clock,
            observers=[parts.metrics, events_broker],
        )
        operations = Operations(config, parts, line)
        try:
            await self._run_pipeline(config, parts, line, operations, events_broker)
        except BaseExceptionGroup as group:
            raise first_failure(group) from None
        finally:
            self._left_behind = line.left_behind
            await asyncio.to_thread(parts.ingest.close)

    async def _answer(
        self,
        stack: AsyncExitStack,
        config: Config,
        parts: LiveParts,
        line: LivePipeline,
        operations: Operations,
        events_broker: EventBroker,
    ) -> HttpControl | None:
        """Start the HTTP server, if configured."""
        if config.service is None:
            return None
        tls, disk = config.service.tls, config.sinks.disk
        folder = None if disk is None else disk.path
        options = ServiceOptions(
            host=config.service.listen.host,
            port=config.service.listen.port,
            token=service_token(config.service),
            tls_cert=None if tls is None else tls.cert_file,
            tls_key=None if tls is None else tls.key_file,
            origins=config.service.origins or (),
            allow_insecure=config.service.allow_insecure,
            folder=folder,
            access_log=config.service.access_log,
        )
        reading = await stack.enter_async_context(Worker("streamsel-gallery"))
        control = HttpControl(operations, line, folder, reading)
        await stack.enter_async_context(
            Service(options, parts.metrics, control, events_broker, parts.ingest, self._clock)
        )
        return control

    async def _run_pipeline(
        self,
        config: Config,
        parts: LiveParts,
        line: LivePipeline,
        operations: Operations,
        events_broker: EventBroker,
    ) -> None:
        """Run the pipeline with all that accompanies it."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            running = tasks.create_task(line.run(), name="line")
            control = await self._answer(stack, config, parts, line, operations, events_broker)
            reloading = tasks.create_task(
                self._serve_reloads(operations, parts.metrics), name="reload"
            )
            stopping = tasks.create_task(self._stopping.wait(), name="stop")
            companions: list[asyncio.Task[Any]] = [
                reloading,
                stopping,
                tasks.create_task(_tell_gauges(parts), name="gauges"),
                tasks.create_task(put_days_right(self._clock, parts.store, line), name="days"),
                tasks.create_task(keep_alive(self._notifier, line.check_alive), name="watchdog"),
            ]
            if control is not None:
                telling = events_broker.serve(control, parts.metrics)
                companions.append(tasks.create_task(telling, name="events_broker"))
            starting = tasks.create_task(operations.start(), name="start")
            await _wait_for_first(starting, running, stopping)
            publisher = None if parts.mqtt is None else parts.mqtt[1](MqttControls(operations))
            publishing = [] if publisher is None else [tasks.create_task(publisher.run())]
            if starting.done():
                self._notifier.report_ready()
                self._notifier.report_status(f"reads {len(config.feeds)} feeds")
            await _wait_for_first(running, stopping)
            self._notifier.report_stopping()
            starting.cancel()
            reloading.cancel()
            operations.end()
            line.stop()
            await running
            if publisher is not None:
                publisher.stop()
                await asyncio.wait(publishing, timeout=_PUBLISHER_SECONDS)
            for task in (*companions, *publishing):
                task.cancel()

    async def _serve_reloads(self, operations: Operations, metrics: Metrics) -> None:
        while True:
            await self._reloading.wait()
            self._reloading.clear()
            self._notifier.report_reload(self._clock.monotonic())
            try:
                async with Worker("streamsel-load") as loading:
                    config = await loading.run(self._load)
                    await loading.run(require_buildable, config)
                await operations.reload(config)
                metrics.record_reload(self._clock.wall())
                _LOG.info("configuration read again; %d feeds", len(config.feeds))
            except ConfigurationError as error:
                metrics.record_reload(None)
                _LOG.error("configuration rejected, the service continues unchanged: %s", error)
            except StreamselError as error:
                metrics.record_reload(None)
                _LOG.error("configuration not used in full, reload it again: %s", error)
            self._notifier.report_ready()


async def _wait_for_first(*tasks: asyncio.Task[Any]) -> None:
    """Wait until one of the tasks has ended; its group raises its exception."""
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


async def _tell_gauges(parts: LiveParts) -> None:
    """Update, for ever, the metrics that only the sinks know."""
    while True:
        if parts.store is not None:
            parts.metrics.set_store_bytes(parts.store.stored_bytes, parts.store.max_bytes)
        if parts.mqtt is not None:
            counts = parts.mqtt[0].counts
            parts.metrics.set_outbox(counts.pending, connected=counts.connected)
        await asyncio.sleep(_GAUGE_SECONDS)


def run_service(load: Callable[[], Config], clock: Clock, events_to: TextIO | None = None) -> None:
    """Run a service until SIGTERM or SIGINT; SIGHUP reloads its configuration.

    Decisions are written to ``events_to``, one event per line. Raises what :meth:`LiveService.run`
    raises; passing errors only after 8.5 minutes. If a thread hangs at the end, in a camera or on a
    disk, the process is ended here by force. If it still runs 9.5 s after the first signal, for any
    reason, it exits with the code 1 and writes what each thread was doing to standard error.
    """
    try:
        left_behind = asyncio.run(_until_stopped(load, clock, events_to))
    finally:
        faulthandler.cancel_dump_traceback_later()
    if left_behind:
        _LOG.warning("a thread hangs; the process is ended without it")
        logging.shutdown()
        os._exit(0)


async def _until_stopped(
    load: Callable[[], Config], clock: Clock, events_to: TextIO | None
) -> bool:
    loop = asyncio.get_running_loop()
    notifier = Notifier.from_environment(os.environ, os.getpid())
    extra = () if events_to is None else (partial(ConsoleSink, events_to),)
    service = LiveService(load, clock, notifier, extra=extra)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop_in_time, service)
    loop.add_signal_handler(signal.SIGHUP, service.reload)
    try:
        await Patience(notifier, service.stopping).run(service.run)
    finally:
        notifier.close()
    return service.left_behind


def _stop_in_time(service: LiveService) -> None:
    """Stop the service; the first call also limits how long that takes."""
    if not service.stopping.is_set():
        stderr = sys.__stderr__ or sys.stderr
        faulthandler.dump_traceback_later(_MOST_STOPPING_SECONDS, exit=True, file=stderr)
    service.stop()
