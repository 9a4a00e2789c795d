"""Makes options of the command line from the definitions that all surfaces share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_origin

import click

from streamsel.config.annotated import Definition
from streamsel.config.fields import Kind
from streamsel.errors import ConfigurationError

_F = TypeVar("_F", bound=Callable[..., Any])


class KindType(click.ParamType[Any]):
    """A click type that parses as configuration files do."""

    def __init__(self, kind: Kind) -> None:
        self.name = kind.noun
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Parse the text; convert errors to usage errors."""
        try:
            return self._kind.require("it", value)
        except ConfigurationError as error:
            self.fail(str(error), param, ctx)


class DefinedOption(click.Option):
    """An option with a definition, from which it has its help."""

    def __init__(self, names: list[str], *, definition: Definition, **given: Any) -> None:
        self.definition = definition
        super().__init__(names, help=_help(definition, given), **given)


def _help(definition: Definition, given: Mapping[str, Any]) -> str:
    """Return the meaning as a sentence; in brackets the default and the valid values."""
    if definition.doc is None:
        raise TypeError(f"{definition.type} has no meaning")
    text, default = definition.doc.text, given.get("default")
    if default is None:
        default = definition.doc.absent
    told = [] if _is_nothing(default) else [f"default: {default}"]
    if definition.kind is not None:
        told.append(definition.kind.told)
    repeatable = "; repeatable" if given.get("multiple") else ""
    brackets = f"  [{'; '.join(told)}]" if told else ""
    return f"{text[:1].upper()}{text[1:]}{repeatable}.{brackets}"


def _is_nothing(default: object) -> bool:
    return default is None or default is False or default == ()


def option(
    name: str,
    annotation: Any,
    default: object = None,
    *,
    short: str | None = None,
    as_text: bool = False,
    **given: Any,
) -> Callable[[_F], _F]:
    """Return a decorator that adds an option, made from the annotation of a definition.

    With ``as_text`` the text is not parsed here but later, together with a configuration; a flag
    that is not given is then None. ``given`` are arguments of :class:`click.Option` that replace
    what the definition says.
    """
    definition = Definition.of(annotation)
    names = [*([] if short is None else [short]), f"--{name.replace('_', '-')}"]
    made: dict[str, Any] = {"default": default}
    if definition.type is bool:
        made |= {"is_flag": True, "default": None if as_text else bool(default)}
    elif get_origin(definition.type) is tuple:
        made |= {"multiple": True, "default": ()}
    elif definition.choices:
        made["type"] = click.Choice(definition.choices)
    elif (kind := definition.kind) is None:
        made["type"] = str
    elif as_text:
        made |= {"type": str, "metavar": kind.noun.upper()}
    else:
        made["type"] = KindType(kind)
    return click.option(*names, cls=DefinedOption, definition=definition, **(made | given))
