"""What is shown of a configuration reads as the same configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from streamsel.config.load import load
from streamsel.config.schema import Config
from streamsel.config.show import as_yaml, shown
from tests.config.files import ONE_FEED

_LINE = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12
).filter(lambda text: not text.startswith("~"))
_NAME = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,8}", fullmatch=True)
_SHARE = st.floats(0, 1, exclude_min=True)


def _some(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A section that says any of its keys, null among what they may be where it may."""
    return st.fixed_dictionaries({}, optional=keys)


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_SECONDS = st.floats(0.1, 600) | st.sampled_from(["250ms", "90", "1m30s", "00:01:30"])
_PER_FEED: dict[str, st.SearchStrategy[Any]] = {
    "enabled": st.booleans(),
    "window": _maybe(st.floats(1, 1e9) | st.sampled_from(["24h", "7d"])),
    "min_distance": st.floats(0, 2),
    "near_duplicate": st.just("auto") | st.floats(0, 2),
    "burst": st.sampled_from(["auto", "off", "2/10s", "1/1m30s"]),
    "look_ahead": st.integers(1, 1024),
    "transport": st.sampled_from(["tcp", "udp"]),
    "open_timeout": _SECONDS,
    "down_after": _SECONDS,
    "tls_ca_file": _maybe(_LINE),
    "decode": st.sampled_from(["all", "reference", "keyframes"]),
    "fps": _maybe(st.floats(0, 100_000, exclude_min=True)),
    "vf": _maybe(_LINE),
    "prefilter": _some(
        corrupt=st.booleans(),
        black_share=_maybe(st.floats(0, 1)),
        freeze_seconds=_maybe(st.floats(0, 1e6)),
        unchanged_cell=st.integers(0, 256),
    ),
    "clip": _maybe(_some(before=st.floats(0, 600), after=st.floats(0.1, 600))),
}
_BUDGET: st.SearchStrategy[dict[str, Any]] = (
    st.just({})
    | st.fixed_dictionaries({"count": st.integers(1, 100_000) | st.sampled_from(["50/h", "9/m"])})
    | st.fixed_dictionaries({"share": _SHARE})
    | st.just({"count": None})
)


def _with_budget(keys: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda section, budget: {**section, **budget}, keys, _BUDGET)


_SOURCE = st.just("rtsp://h/1") | _LINE.filter(lambda text: not {"/", "@"} & set(text))
_FEED = _with_budget(st.fixed_dictionaries({"source": _SOURCE}, optional=_PER_FEED))
_CONFIGS = _some(
    log_level=st.sampled_from(["debug", "error"]),
    defaults=_with_budget(_some(**_PER_FEED, embedder=_LINE, weights=_maybe(_LINE))),
    pictures=_some(quality=_maybe(st.integers(1, 100)), size=st.just("640x360")),
    sinks=_some(
        mqtt=_maybe(
            st.fixed_dictionaries(
                {"host": st.just("broker")},
                optional={
                    "tls": _maybe(_some(ca_file=_LINE)),
                    "client_id": _LINE,
                    "username": _LINE,
                    "discovery": st.booleans() | _some(prefix=st.just("ha")),
                    "max_bytes": st.integers(1 << 20, 1 << 50),
                },
            )
        ),
        disk=_some(
            path=_LINE,
            max_bytes=_maybe(st.integers(10**6, 10**15)),
            durability=st.just("batched"),
        ),
    ),
    service=_maybe(_some(listen=st.sampled_from(["localhost:1", "[::1]:0"]))),
).flatmap(
    lambda sections: st.dictionaries(
        _NAME, _FEED, min_size=1, max_size=3
    ).map(lambda feeds: {**sections, "feeds": feeds})
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_CONFIGS, st.booleans())
def test_what_is_shown_reads_as_the_same(
    tmp_path: Path, values: dict[str, Any], resolved: bool
) -> None:
    assume(len({name.casefold() for name in values["feeds"]}) == len(values["feeds"]))
    config = Config.model_validate(values, context={"folder": Path("/base")})
    file = tmp_path / "streamsel.yaml"
    file.write_text(as_yaml(shown(config, resolved=resolved)))
    again = load(file, {})
    assert list(again.feeds) == list(config.feeds)
    for name in config.feeds:
        assert again.feed(name) == config.feed(name)
    for section in ("log_level", "defaults", "pictures", "sinks", "service"):
        assert getattr(again, section) == getattr(config, section)


SECRETS = {
    "feeds": {"gate": {"source": "rtsp://cam:hunter2@10.0.0.4/main"}},
    "sinks": {"mqtt": {"host": "h", "username": "u", "password": "hunter3"}},
    "service": {"token": "hunter4"},
}


@pytest.mark.parametrize("resolved", [False, True])
def test_secrets_are_masked(resolved: bool) -> None:
    values = shown(Config.model_validate(SECRETS), resolved=resolved)
    assert "hunter" not in as_yaml(values) + json.dumps(values)
    assert values["feeds"]["gate"]["source"] == "rtsp://cam:***@10.0.0.4/main"


def test_a_feed_shows_what_it_says_itself_and_resolved_all() -> None:
    config = Config.model_validate({**ONE_FEED, "defaults": {"count": "50/h", "window": 86400}})
    assert shown(config)["feeds"]["gate"] == {"source": "rtsp://10.0.0.4/main"}
    whole = yaml.safe_load(as_yaml(shown(config, resolved=True)))["feeds"]["gate"]
    assert (whole["count"], whole["window"], whole["transport"]) == ("50/h", "1d", "tcp")
    assert whole["prefilter"]["black_level"] == 32
