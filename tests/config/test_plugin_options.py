"""Options of plug-ins in a configuration: any, by name, secrets masked."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsel.config.show import as_yaml, shown
from tests.config.files import loaded, problems

FEEDS = "feeds: {gate: {source: rtsp://10.0.0.4/main}}\n"


def test_options_are_text_in_lists_and_mappings_of_any_depth(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        f"""{FEEDS}
sinks:
  plugins:
    webhook: {{url: a, retries: 3, deep: {{er: [1, {{b: [c]}}]}}, none: null}}
    alarm:
    siren: null
""",
        {"STREAMSEL_SINKS__PLUGINS__WEBHOOK__RETRIES": "5"},
    )
    assert config.sinks.added == {
        "webhook": {"url": "a", "retries": "5", "deep": {"er": ["1", {"b": ["c"]}]}, "none": None},
        "alarm": {},
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[a]", "streamsel.yaml:4: sinks.plugins.webhook is a list or a mapping; it must hold"),
        (
            "always",
            "streamsel.yaml:4: sinks.plugins.webhook is always; it must hold the options of the",
        ),
        ("{no-name: 1}", "streamsel.yaml:4: sinks.plugins.webhook is a list or a mapping; it must"),
    ],
)
def test_what_are_no_options_is_refused(tmp_path: Path, text: str, told: str) -> None:
    [problem] = problems(tmp_path, f"{FEEDS}sinks:\n  plugins:\n    webhook: {text}\n")
    assert problem.startswith(told)


def test_secrets_are_masked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = f"""{FEEDS}
sinks:
  plugins:
    webhook:
      url: "https://a/${{PART}}"
      login: {{api_key: canary-1}}
      token_file: t
      keys: [canary-2]
"""
    told = as_yaml(shown(loaded(tmp_path, text, {"PART": "canary-3"})))
    assert "canary" not in told
    assert "https://a/***" in told
    assert "token_file: t" in told


def test_lists_of_lists_are_bounded(tmp_path: Path) -> None:
    bomb = ["x: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    bomb += [f"x{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]" for n in range(6)]
    assert "holds more than 100,000 values" in problems(tmp_path, "\n".join(bomb))[0]
