"""Builds the MQTT sink and the publisher that share an outbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamsel.choices import MEDIA_TYPES, ImageFormat
from streamsel.clock import Clock
from streamsel.sinks.mqtt.commands import Controls
from streamsel.sinks.mqtt.counts import DeliveryCounter
from streamsel.sinks.mqtt.discovery import Discovery
from streamsel.sinks.mqtt.options import MqttOptions
from streamsel.sinks.mqtt.outbox import Outbox
from streamsel.sinks.mqtt.payloads import Topics, Writer
from streamsel.sinks.mqtt.publisher import MqttPublisher
from streamsel.sinks.mqtt.retained import RetainedState
from streamsel.sinks.mqtt.sink import MqttSink
from streamsel.wakeup import Wakeup


def open_sink(
    options: MqttOptions,
    folder: Path,
    clock: Clock,
    *,
    embedder: str,
    embedder_digest: str,
    image_format: ImageFormat = "jpg",
    stored: bool = True,
) -> tuple[MqttSink, Callable[[Controls], MqttPublisher]]:
    """Open the outbox in ``folder``; return the sink that fills it, and a publisher factory.

    ``stored`` says that a disk sink stores the
    pictures too, so that events contain their paths. To end, close the sink, then stop the
    publisher.

    Raises :class:`FolderInUseError` if another process uses the folder, :class:`SinkError` if it
    cannot be written. A damaged outbox is moved aside with a warning. Blocks.
    """
    topics, counter, wakeup, retained = (
        Topics(options.prefix),
        DeliveryCounter(),
        Wakeup(),
        RetainedState(),
    )
    outbox = Outbox(folder, options, counter, wakeup, clock)
    writer = Writer(topics, embedder, embedder_digest, image_format, stored)
    discovery = Discovery(topics, options.discovery_prefix, MEDIA_TYPES[image_format], options.page)

    def make_publisher(controls: Controls) -> MqttPublisher:
        for feed in controls.feeds():
            topics.image(feed)
        return MqttPublisher(
            options,
            folder,
            counter,
            retained,
            wakeup,
            controls,
            clock,
            discovery if options.discovery else None,
        )

    return MqttSink(outbox, retained, counter, writer, clock), make_publisher
