"""The MQTT 5 sink: an outbox on disk, and a publisher that drains it.

    MqttSink -> Outbox (on disk) -> Outgoing -> MqttPublisher -> broker
             -> RetainedState (in memory, retained topics) ----^

The sink runs in its own thread, the publisher is a coroutine; they share only the outbox's folder
and the retained state.
"""
