from __future__ import annotations

import pytest
from huggingface_hub import constants

from streamsel.embed.backbones.hub import not_waiting, reachable


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_host_without_an_address_is_not_worth_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reachable("https://localhost/models")
    assert not reachable("https://nowhere.invalid/models")
    monkeypatch.setenv("https_proxy", "http://localhost:3128")
    assert reachable("https://nowhere.invalid/models")


def test_the_hub_is_left_alone_while_it_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "https://nowhere.invalid")
    with not_waiting():
        assert constants.is_offline_mode()
    assert not constants.is_offline_mode()
    monkeypatch.setattr(constants, "ENDPOINT", "http://localhost")
    with not_waiting():
        assert not constants.is_offline_mode()
