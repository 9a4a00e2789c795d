"""The command by which the image's engine learns whether the service runs, against services."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.image import DOCKERFILE, ROOT
from tests.http.serving import TOKEN, ServiceChoices, serving
from tests.servers.broker import certify

PLACE = "/etc/streamsel/streamsel.yaml"


def command(folder: Path, service: dict[str, Any]) -> list[str]:
    """The image's own words, but for the place of the configuration, which is written."""
    (words,) = re.findall(
        r"^HEALTHCHECK .*\\\n +CMD (\[.*\])$", DOCKERFILE.read_text(), re.MULTILINE
    )
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    file = folder / "streamsel.yaml"
    feeds = {"gate": {"source": "rtsp://127.0.0.1:9/main"}}
    file.write_text(yaml.safe_dump({"feeds": feeds, "service": service}))
    program, *arguments = json.loads(words)
    assert program == "streamsel"
    assert PLACE in arguments
    return [
        sys.executable,
        "-m",
        program,
        *(str(file) if each == PLACE else each for each in arguments),
    ]


async def asked(words: list[str]) -> tuple[int | None, str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    asking = await asyncio.create_subprocess_exec(*words, env=env, stderr=subprocess.PIPE)
    _, said = await asyncio.wait_for(asking.communicate(), 60)
    return asking.returncode, said.decode()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("speaks_tls", [False, True])
def test_it_asks_on_the_port_that_is_set_and_over_tls_where_the_service_speaks_it(
    tmp_path: Path, host: str, speaks_tls: bool
) -> None:
    made = certify(tmp_path / "pki", "streamsel.example.org")
    files = {"cert_file": str(made.certificate), "key_file": str(made.key)} if speaks_tls else None
    options: ServiceChoices = {"token": TOKEN}
    if speaks_tls:
        options |= {"tls_cert": made.certificate, "tls_key": made.key}

    async def scenario() -> None:
        async with serving(**options) as client:
            port = client.port
            service = {"listen": f"{host}:{port}", "token_file": "token", "tls": files}
            assert await asked(command(tmp_path, service)) == (0, "")

    asyncio.run(scenario())


def test_what_does_not_answer_is_not_healthy(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        words = command(tmp_path, {"listen": f"127.0.0.1:{port}"})
        code, said = asyncio.run(asked(words))
        assert (code, said.count("\n")) == (1, 1)
        assert f"http://127.0.0.1:{port}/healthz: no answer" in said
    code, said = asyncio.run(asked(words))
    assert code == 1
    assert "refused" in said


def test_a_service_that_answers_nothing_over_http_cannot_be_asked(tmp_path: Path) -> None:
    words = command(tmp_path, {})
    Path(words[-1]).write_text("feeds: {gate: {source: rtsp://127.0.0.1:9/main}}\nservice: null\n")
    code, said = asyncio.run(asked(words))
    assert code == 2
    assert "service is null" in said
