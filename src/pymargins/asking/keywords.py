"""Keywords, arguments and names that there are not: what is meant, not Python's own complaint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Any, TypeVar

from pymargins.elsewhere import CALLS, INSTEAD, KEYWORDS, name_hint
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnknownAttributeError,
    UnknownNameError,
    listing,
    near_miss,
)

C = TypeVar("C", bound=type)

#: Errors of what the user wrote: where inside the library it came out is no help.
OF_THE_CALL = (ArgumentError, ArgumentTypeError, UnknownNameError)
#: Verbs whose keywords may be taken for variables.
ASKING = ("predict", "dydx", "eyex", "eydx", "dyex", "contrasts")
#: Keywords of the session that are tried with a verb.
OF_THE_SESSION = ("method", "random_effects", "response", "offset", "cluster", "rng", "n_boot")


def explains_keywords(*methods: str) -> Callable[[C], C]:
    """Let methods of a class explain keywords that they do not have, and mistakes in short.

    An error about what was written in the call is raised from the call itself.
    """

    def decorate(cls: C) -> C:
        for name in methods:
            setattr(cls, name, _explaining(name, getattr(cls, name)))
        return cls

    return decorate


def explains_names(names: dict[str, str]) -> Callable[[C], C]:
    """Let a class explain attributes that it does not have, by what `names` calls them here."""

    def decorate(cls: C) -> C:
        def missing(self: Any, name: str) -> Any:
            if name.startswith("_"):  # a notebook, or a copy, looks whether there is one
                raise AttributeError(f"{cls.__name__!r} object has no attribute {name!r}")
            hint = name_hint(names, name) or near_miss(name, _public(cls))
            article = "an" if cls.__name__[0] in "AEIOU" else "a"
            raise UnknownAttributeError(f"{article} {cls.__name__} has no {name!r}.{hint}")

        setattr(cls, "__getattr__", missing)  # noqa: B010 - unseen by type checkers
        return cls

    return decorate


def _public(cls: type) -> list[str]:
    return [name for name in dir(cls) if not name.startswith("_")]


def _explaining(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    parameters = signature(method).parameters
    anything = any(p.kind is Parameter.VAR_KEYWORD for p in parameters.values())
    known = [p for p in parameters if p != "self"]

    @wraps(method)
    def called(self: Any, *args: Any, **options: Any) -> Any:
        __tracebackhide__ = True
        for option in options:
            if option not in parameters and not anything:
                raise _not_a_keyword(self, name, option, options[option], known)
        _require_arguments(self, name, parameters, args, options)
        try:
            return method(self, *args, **options)
        except OF_THE_CALL as error:
            raise error.with_traceback(None) from error.__cause__

    return called


def _not_a_keyword(
    owner: Any, method: str, option: str, value: Any, known: list[str]
) -> ArgumentTypeError:
    whole = type(owner).__name__ if method == "__init__" else method
    fitted = owner._fitted if method in ASKING else None
    if fitted is not None and option in fitted.variables:
        first = "" if method == "predict" else "..., "
        hint = f" Set a variable by {method}({first}atexog={{{option!r}: {value!r}}})."
    elif (method, option) in INSTEAD:
        hint = f" Here it is {INSTEAD[method, option]}."
    elif option in KEYWORDS:
        hint = name_hint(KEYWORDS, option)
    elif method != "__init__" and option in OF_THE_SESSION:
        hint = f" It belongs to the session: Margins(fit, {option}=...)."
    else:
        hint = near_miss(option, known)
    return ArgumentTypeError(
        f"{whole}: there is no keyword {option!r}; there are {listing(known, 20) or 'none'}.{hint}"
    )


def _in_short(value: Any) -> str:
    """Write an argument that came; of one that fills lines, what it is."""
    text = repr(value)
    return text if len(text) < 60 and "\n" not in text else f"a {type(value).__name__}"


def _require_arguments(
    owner: Any,
    method: str,
    parameters: Mapping[str, Parameter],
    args: tuple[Any, ...],
    options: Mapping[str, Any],
) -> None:
    """Refuse more arguments by position than there are, and a call without one that it needs."""
    whole = type(owner).__name__ if method == "__init__" else method
    several = any(p.kind is Parameter.VAR_POSITIONAL for p in parameters.values())
    ordered = [p.name for p in parameters.values() if p.kind is Parameter.POSITIONAL_OR_KEYWORD]
    ordered = ordered[1:]  # self
    if len(args) > len(ordered) and not several:
        named = [f"{p.name}=" for p in parameters.values() if p.kind is Parameter.KEYWORD_ONLY]
        first = f"only {' and '.join(ordered)} can" if ordered else "nothing can"
        hint = f" Name the argument: {', '.join(named)}." if named else ""
        if not hint and whole in CALLS:
            hint = f" Write {CALLS[whole]}."
        raise ArgumentTypeError(
            f"{whole}: got {_in_short(args[len(ordered)])} by position, where {first} be.{hint}"
        )
    for position, name in enumerate(ordered):
        needed = parameters[name].default is Parameter.empty
        if needed and position >= len(args) and name not in options:
            call = f" Write {CALLS[whole]}." if whole in CALLS else ""
            raise ArgumentTypeError(f"{whole}: {name} is missing.{call}")
