"""Which addresses plug-ins read."""

from __future__ import annotations

import pytest

from streamsel.sources.live.plugin_address import OWN_SCHEMES, plugin_of


@pytest.mark.parametrize("scheme", OWN_SCHEMES)
def test_no_plugin_reads_an_address_of_ours(scheme: str) -> None:
    assert plugin_of(f"{scheme}://10.0.0.4/main") is None
    assert plugin_of(f"{scheme.upper()}://10.0.0.4/main") is None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("pylon:22345678", "pylon"),
        ("Pylon:22345678", "pylon"),
        ("a+b.c-d1://x", "a+b.c-d1"),
        ("pylon:", None),
        ("/dev/video0", None),
        ("1st:x", None),
        ("whip", None),
        ("", None),
    ],
)
def test_a_plugin_is_named_before_the_colon(source: str, name: str | None) -> None:
    assert plugin_of(source) == name
