"""The MQTT 5 sink: an outbox on disk, and a publisher that drains it.

    MqttSink -> Outbox (on disk) -> Outgoing -> MqttPublisher -> broker
             -> Board (in memory, retained topics) ----^

The sink has the sink's thread, the publisher is a coroutine; they meet in the outbox's folder and
on the retained state, and nowhere else.
"""
