"""Field types of a configuration: how each parses, checks, documents and writes its values.

All values in files and the environment are text; the field's type decides how to parse it. Errors
of parsers state only the requirement. The caller reports the value, because it may hold a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from streamsel.bounds import MOST_FRAMES, require_count
from streamsel.config.burst import read_burst
from streamsel.config.count import Count, read_count
from streamsel.config.listen import Listen, read_listen
from streamsel.errors import ConfigurationError
from streamsel.pixels.size import PictureSize
from streamsel.redaction import HIDDEN, is_secret_name, redact
from streamsel.sources.masks import read_masks

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import core_schema

Read: TypeAlias = Callable[[Any, Path], object]
"""Parses a value; relative paths start at the given folder.

Raises :class:`ConfigurationError`; the text after its first semicolon states the requirement."""

_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]")


def refuse(requirement: str) -> NoReturn:
    """Raise the validation error of a value that does not meet ``requirement``."""
    from pydantic_core import PydanticCustomError

    raise PydanticCustomError("requirement", "{requirement}", {"requirement": requirement})


@dataclass(frozen=True, slots=True)
class Doc:
    """The meaning of an option, for every surface; used in the annotation of a field.

    ``text`` begins in lower case and has no full stop; ``absent`` is what holds without a value.
    """

    text: str
    absent: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A field type, used in the annotation of a field.

    ``told`` documents valid values for people, ``schema`` for editors; ``noun`` is one word for
    them. Parsing the result of ``write`` gives the same value.
    """

    told: str
    read: Read
    write: Callable[[Any], object]
    schema: JsonSchemaValue
    noun: str = "text"

    def require(self, name: str, value: object) -> object:
        """Read a value; relative paths start at the working folder.

        Raises :class:`ConfigurationError` with the name, the value and the requirement.
        """
        try:
            return self.read(value, Path())
        except ConfigurationError as error:
            raise ConfigurationError(f"{name} is {value!r}; {_requirement(error)}") from None

    def _validate(self, value: object, info: core_schema.ValidationInfo) -> object:
        try:
            return self.read(value, (info.context or {}).get("folder", Path()))
        except ConfigurationError as error:
            refuse(_requirement(error))

    def __get_pydantic_core_schema__(
        self, source: object, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        from pydantic_core import core_schema

        return core_schema.with_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.write, when_used="json"
            ),
        )

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.schema


def _requirement(error: ConfigurationError) -> str:
    return str(error).partition("; ")[2]


def frame_count() -> Kind:
    """Return the type of numbers of frames."""

    def read(value: object, folder: Path) -> object:
        if isinstance(value, str) and re.fullmatch(r"\s*\d{1,18}\s*", value):
            return require_count(int(value))
        return require_count(value)

    told = f"whole number of frames, at least 1 and at most {MOST_FRAMES:,}"
    schema = {"type": "integer", "minimum": 1, "maximum": MOST_FRAMES}
    return Kind(told, read, int, schema, "integer")


def frames() -> Kind:
    """Return the type of frame counts, in total or per minute, hour or day."""

    def read(value: object, folder: Path) -> object:
        is_text = isinstance(value, str | int) and not isinstance(value, bool)
        return value if isinstance(value, Count) else read_count(str(value) if is_text else "")

    def write(count: Count) -> object:
        return count.frames if count.period is None else str(count)

    text = {"type": "string", "examples": ["50/h", "1000/d"]}
    schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_FRAMES}, text]}
    told = "frames (300), or frames per minute, hour or day (10/m, 50/h, 1000/d)"
    return Kind(told, read, write, schema, "count")


def burst() -> Kind:
    """Return the type of limits of bursts, as text."""
    told = "auto, off, or frames per stretch of time (2/10s)"

    def read(value: object, folder: Path) -> object:
        # YAML reads a bare off as false.
        text = "off" if value is False else value
        if not isinstance(text, str):
            raise ConfigurationError(f"not text; it must be {told}")
        read_burst(text)
        return text

    schema = {"type": ["string", "boolean"], "examples": ["auto", "off", "2/10s"]}
    return Kind(told, read, str, schema, "burst")


def size_px() -> Kind:
    """Return the type of picture sizes in pixels."""

    def read(value: object, folder: Path) -> object:
        return value if isinstance(value, PictureSize) else PictureSize.read(str(value))

    told = "WIDTHxHEIGHT in pixels, like 640x360, 640x, x360 or 640x360!"
    return Kind(told, read, str, {"type": "string"}, "size")


def host_and_port() -> Kind:
    """Return the type of addresses to listen on."""

    def read(value: object, folder: Path) -> object:
        return value if isinstance(value, Listen) else read_listen(str(value))

    return Kind("HOST:PORT; port 0 picks a free port", read, str, {"type": "string"})


def text(told: str = "text", pattern: str = ".+") -> Kind:
    """Return the type of non-empty single lines that match ``pattern`` as a whole.

    The JSON schema omits the pattern, because ``${NAME}`` may stand for matching text.
    """

    def read(value: object, folder: Path) -> object:
        return read_line(value, told, pattern)

    return Kind(told, read, str, {"type": "string", "minLength": 1})


def path() -> Kind:
    """Return the type of paths of files and folders."""

    def read(value: object, folder: Path) -> object:
        line = read_line(str(value) if isinstance(value, Path) else value, "a path", ".+")
        return folder / os.path.expanduser(line)

    return Kind("path", read, str, {"type": "string", "minLength": 1})


def origins() -> Kind:
    """Return the type of lists of origins, separated by spaces or commas."""
    told = "origins, like https://phone.example, separated by spaces"

    def read(value: object, folder: Path) -> object:
        if isinstance(value, tuple):
            return value
        found = read_line(value, told, "[^/]+.*").replace(",", " ").split()
        if not all(map(_ORIGIN.fullmatch, found)):
            raise ConfigurationError(f"no match; it must be {told}, without a path")
        return tuple(each.lower() for each in found)

    return Kind(told, read, " ".join, {"type": "string", "minLength": 1})


def masks() -> Kind:
    """Return the type of lists of privacy masks."""
    told = (
        "a list of X,Y,W,H[:blur|black], as shares of the picture (0.1,0.1,0.3,0.2) or in pixels "
        "(40px,40px,80px,60px)"
    )

    def read(value: object, folder: Path) -> object:
        texts = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
            raise ConfigurationError(f"no list of text; it must be {told}")
        # In the environment, masks are on one line.
        return tuple(
            str(mask) for mask in read_masks(part for one in texts for part in one.split())
        )

    items: JsonSchemaValue = {"type": "string", "examples": ["0.1,0.1,0.3,0.2:black"]}
    schema = {"anyOf": [{"type": "array", "items": items}, items, {"type": "null"}]}
    return Kind(told, read, list, schema)


def plugin_options() -> Kind:
    """Return the type of the options of a plug-in, which only the plug-in knows."""
    told = "the options of the plug-in by name; null: none of it"

    def read(value: object, folder: Path) -> object:
        if value is None:
            return None
        names = value.keys() if isinstance(value, dict) else ("",)
        if not all(isinstance(name, str) and name.isidentifier() for name in names):
            raise ConfigurationError(f"no options; it must hold {told}")
        return value

    return Kind(told, read, _masked, {"type": ["object", "null"]})


def _masked(value: Any, name: str = "") -> Any:
    """Return options without what is secret by its name, or as a known secret."""
    if isinstance(value, dict):
        return {inner: _masked(one, inner) for inner, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, name) for one in value]
    if isinstance(value, str):
        return HIDDEN if is_secret_name(name) else redact(value)
    return value


def read_line(value: object, told: str, pattern: str) -> str:
    """Return a line of printable characters that matches ``pattern`` as a whole.

    Raises :class:`ConfigurationError` for anything else, with ``told`` as the requirement.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"not text; it must be {told}")
    if _UNPRINTABLE.search(value):
        raise ConfigurationError("unprintable; it must be one line of printable characters")
    if not re.fullmatch(pattern, value):
        raise ConfigurationError(f"no match; it must be {told}")
    return value
