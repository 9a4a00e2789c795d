"""Messages that the broker refused: held for inspection, within bounds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from streamsel.sinks.mqtt import quarantine
from streamsel.sinks.mqtt.payloads import Message
from streamsel.sinks.mqtt.quarantine import held, set_aside

TABLE = """CREATE TABLE quarantine (number INTEGER PRIMARY KEY AUTOINCREMENT, reason TEXT,
created REAL, key TEXT, id TEXT, topic TEXT, bytes INTEGER, file TEXT, payload BLOB)"""


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute(TABLE)
    yield connection
    connection.close()


def put(
    database: sqlite3.Connection, number: int, size: int, *, in_file: bool = False
) -> list[str]:
    message = Message(f"k{number}", f"gate-{number:06d}", "t", "image/jpeg", bytes(size))
    return set_aside(database, message, "too large", 5.0, f"{number}.jpg" if in_file else None)


def keys(database: sqlite3.Connection) -> list[str]:
    return [key for (key,) in database.execute("SELECT key FROM quarantine ORDER BY number")]


def test_a_message_is_held_with_the_reason(database: sqlite3.Connection) -> None:
    assert put(database, 1, 9) == []
    (row,) = database.execute(
        "SELECT reason, created, id, topic, bytes, file, payload FROM quarantine"
    )
    assert row == ("too large", 5.0, "gate-000001", "t", 9, None, bytes(9))
    assert held(database) == 1


def test_a_payload_in_a_file_is_not_held_twice(database: sqlite3.Connection) -> None:
    put(database, 1, 9, in_file=True)
    (row,) = database.execute("SELECT bytes, file, payload FROM quarantine")
    assert row == (9, "1.jpg", None)


@pytest.mark.parametrize(("size", "is_held"), [(10, True), (11, False)])
def test_a_payload_that_is_too_large_is_told_of_and_not_held(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, size: int, is_held: bool
) -> None:
    monkeypatch.setattr(quarantine, "MOST_BYTES", 10)
    put(database, 1, size)
    put(database, 2, 0)
    (told,) = database.execute("SELECT bytes, payload FROM quarantine WHERE key = 'k1'")
    assert told == (size, bytes(size) if is_held else None)


def test_the_oldest_go_where_there_are_too_many(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_MESSAGES", 2)
    assert [put(database, number, 1, in_file=number % 2 == 0) for number in range(4)] == [
        *([], [], ["0.jpg"], [])
    ]
    assert keys(database) == ["k2", "k3"]


def test_the_oldest_go_where_they_are_too_large_together(
    database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantine, "MOST_BYTES", 10)
    assert put(database, 1, 6, in_file=True) == []
    assert put(database, 2, 4) == []
    assert put(database, 3, 1) == ["1.jpg"]
    assert keys(database) == ["k2", "k3"]
    put(database, 4, 10)
    assert keys(database) == ["k4"]
