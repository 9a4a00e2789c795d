"""Configuration files as tests write them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from streamsel.config.load import load
from streamsel.config.schema import Config
from streamsel.errors import ConfigurationError

ONE_FEED: dict[str, Any] = {"feeds": {"gate": {"source": "rtsp://10.0.0.4/main"}}}


def written(folder: Path, text: str) -> Path:
    file = folder / "streamsel.yaml"
    file.write_text(dedent(text))
    file.chmod(0o600)
    return file


def loaded(
    folder: Path,
    text: str,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Config:
    return load(written(folder, text), environment or {}, overrides)


def problems(
    folder: Path,
    text: str,
    environment: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[str]:
    """Load what must be refused; return the lines that say why, without the folder."""
    with pytest.raises(ConfigurationError) as refused:
        loaded(folder, text, environment, overrides)
    return str(refused.value).replace(f"{folder}/", "").splitlines()
