"""Another client of the broker: what it got, and what it says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.subscribeoptions import SubscribeOptions

from streamsel.sinks.mqtt.payloads import new_properties

PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Got:
    """A message as it arrived; ``about`` are its user properties."""

    topic: str
    payload: bytes
    retained: bool
    content_type: str | None
    about: dict[str, str]
    expiry: int | None

    @property
    def json(self) -> Any:
        return json.loads(self.payload)


class Subscriber:
    """Subscribes with QoS 1. With a name, its session outlives its connections."""

    def __init__(
        self,
        port: int,
        *filters: str,
        name: str = "",
        user: str | None = None,
        password: str | None = None,
    ) -> None:
        self.got: list[Got] = []
        self._news = threading.Condition()  # over a lock that its owner may take again
        self._subscribed = threading.Event()
        self._filters = filters
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, name, protocol=paho.MQTTv5, reconnect_on_failure=True
        )
        self._client.reconnect_delay_set(1, 1)
        if user is not None:
            self._client.username_pw_set(user, password)
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        lasting = new_properties(PacketTypes.CONNECT)
        lasting.SessionExpiryInterval = 3600 if name else 0
        self._client.connect(
            "127.0.0.1", port, clean_start=not name, properties=lasting, keepalive=10
        )
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE), "the subscriber was not heard"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def say(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE)

    def on(self, topic: str) -> list[Got]:
        """What came on one topic so far."""
        with self._news:
            return [got for got in self.got if got.topic == topic]

    def last(self, topic: str) -> bytes | None:
        """The latest payload of a topic, None where there was none."""
        found = self.on(topic)
        return found[-1].payload if found else None

    def wait(self, holds: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until a condition holds that depends on what came; not for the loop."""
        with self._news:
            is_heard = self._news.wait_for(holds, seconds)
            topics = sorted({got.topic for got in self.got})
            assert is_heard, f"not heard; {len(self.got)} messages came on {topics}"

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        client.subscribe([(name, SubscribeOptions(qos=1)) for name in self._filters])

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        properties = message.properties
        with self._news:
            self.got.append(
                Got(
                    message.topic,
                    bytes(message.payload),
                    message.retain,
                    getattr(properties, "ContentType", None),
                    dict(getattr(properties, "UserProperty", [])),
                    getattr(properties, "MessageExpiryInterval", None),
                )
            )
            self._news.notify_all()


def ids(subscriber: Subscriber, topic: str) -> Sequence[str]:
    """The ids of what came on a topic, in the order in which they came first."""
    return list(dict.fromkeys(got.about["id"] for got in subscriber.on(topic)))
