"""The end of a service's process, whatever hangs in it."""

from __future__ import annotations

import signal
import subprocess
import sys

HANGS_WHILE_LOADING = """
import threading
from streamsel.clock import SystemClock
from streamsel.service.process import run_service

def load():
    print("loading", flush=True)
    threading.Event().wait()

run_service(load, SystemClock())
"""


def test_what_hangs_outside_the_pipeline_does_not_keep_the_process() -> None:
    """A configuration on a dead network disk is read for ever; SIGTERM ends the process."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGS_WHILE_LOADING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "in load" in said
