"""Files that a configuration names and that are not there."""

from __future__ import annotations

from pathlib import Path

from streamsel.config.missing import missing_files
from tests.config.files import loaded


def test_missing_files_are_named_and_others_are_not(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    config = loaded(
        tmp_path,
        """
        defaults: {weights: w.safetensors}
        feeds: {gate: {source: x, tls_ca_file: cameras.pem}}
        sinks: {mqtt: {host: h, tls: {ca_file: ca.pem}, username: u, password_file: secret}}
        """,
    )
    assert missing_files(config) == [
        f"defaults.weights: {tmp_path}/w.safetensors is not there yet",
        f"feeds.gate.tls_ca_file: {tmp_path}/cameras.pem is not there yet",
        f"sinks.mqtt.password_file: {tmp_path}/secret is not there yet",
    ]
