"""What tests need of the machine, and what they must not."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.conftest import attend_to_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_tests_start_hears_signals_though_their_parent_ignored_them(
    number: signal.Signals,
) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        attend_to_signals()
        waiting = "import signal; signal.pause()"
        with subprocess.Popen([sys.executable, "-c", waiting], stderr=subprocess.DEVNULL) as child:
            child.send_signal(number)
            assert child.wait(timeout=60) == -number
    finally:
        signal.signal(number, before)
