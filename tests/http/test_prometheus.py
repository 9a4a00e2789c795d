"""A real Prometheus scrapes the service and can answer what a dashboard asks."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest

from streamsel.decisions import SelectionUpdate, SourceCounters
from tests.http.serving import TOKEN, serving
from tests.metrics.scenario import busy_metrics, samples, verdict
from tests.servers.broker import certify
from tests.servers.prometheus import Prometheus


def test_what_is_counted_can_be_queried(tmp_path: Path) -> None:
    metrics = busy_metrics(("gate", "yard"))

    def look(port: int) -> None:
        with Prometheus(tmp_path, f"127.0.0.1:{port}") as prometheus:
            prometheus.until("up", 1)
            prometheus.until('streamsel_frames_received_total{feed="gate"}', 100)
            for name, labels in samples(metrics):
                if name.startswith("streamsel_"):
                    matchers = ",".join(f"{label}={text!r}" for label, text in labels)
                    assert len(prometheus.query(f"{name}{{{matchers}}}")) == 1, (name, labels)
            metrics.tallied("gate", SourceCounters(received=160, decoded=150, damaged=2))
            metrics.judged(
                SelectionUpdate("gate", (verdict("gate", 9, "kept", "novel"),)), now=10.2
            )
            prometheus.until('streamsel_frames_received_total{feed="gate"}', 160)
            increase = 'increase(streamsel_frames_received_total{feed="gate"}[1m])'
            assert (prometheus.value(increase) or 0) > 0
            quantile = (
                "histogram_quantile(0.99, sum by (le)(streamsel_frame_latency_seconds_bucket))"
            )
            assert 0.005 <= (prometheus.value(quantile) or 0) <= 0.25
            metrics.feed_removed("gate")
            prometheus.until('count(streamsel_feed_up{feed="gate"}) or vector(0)', 0)
            assert prometheus.value("sum(streamsel_feed_up)") == 1

    async def scenario() -> None:
        async with serving(metrics=metrics) as client:
            await asyncio.to_thread(look, client.port)

    asyncio.run(scenario())


@pytest.mark.parametrize("credentials", [TOKEN, "wrong"])
def test_it_scrapes_with_token_and_tls(tmp_path: Path, credentials: str) -> None:
    made = certify(tmp_path / "pki", "127.0.0.1")
    scrape: dict[str, Any] = {
        "scheme": "https",
        "tls_config": {"ca_file": str(made.authority)},
        "authorization": {"credentials": credentials},
    }

    def look(port: int) -> None:
        with Prometheus(tmp_path / "it", f"127.0.0.1:{port}", scrape=scrape) as prometheus:
            prometheus.until("up", 1 if credentials == TOKEN else 0)
            if credentials != TOKEN:
                assert "401" in prometheus.targets()[0]["lastError"]

    async def scenario() -> None:
        trusts = ssl.create_default_context(cafile=str(made.authority))
        options: dict[str, Any] = {"tls_cert": made.certificate, "tls_key": made.key}
        async with serving(token=TOKEN, trusts=trusts, **options) as client:
            await asyncio.to_thread(look, client.port)

    asyncio.run(scenario())
