"""Base class of all sections of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict

from streamsel.config import fields as kind

NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
NAME_RULE = "1 to 64 letters, digits, - and _, beginning with a letter or a digit"


class Section(BaseModel):
    """A section of a configuration: immutable, unknown keys forbidden, errors without values."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


Name: TypeAlias = Annotated[str, kind.text(NAME_RULE, NAME)]
FilePath: TypeAlias = Annotated[Path, kind.path()]
Text: TypeAlias = Annotated[str, kind.text()]
