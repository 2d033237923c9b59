"""Keywords that a verb does not have: what is meant, instead of Python's own complaint."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, TypeVar

from pymargins.elsewhere import KEYWORDS
from pymargins.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnknownNameError,
    listing,
    near_miss,
)

C = TypeVar("C", bound=type)

#: Errors of what the user wrote: where inside the library it came out is no help.
OF_THE_CALL = (ArgumentError, ArgumentTypeError, UnknownNameError)
#: Verbs whose keywords may be taken for variables.
ASKING = ("predict", "dydx", "eyex", "eydx", "dyex", "contrasts")


def explains_keywords(*methods: str) -> Callable[[C], C]:
    """Let methods of a class explain keywords that they do not have, and mistakes in short.

    An error about what was written in the call is raised from the call itself.
    """

    def decorate(cls: C) -> C:
        for name in methods:
            setattr(cls, name, _explaining(name, getattr(cls, name)))
        return cls

    return decorate


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
    elif option in KEYWORDS:
        hint = f" Here it is {KEYWORDS[option]}."
    else:
        hint = near_miss(option, known)
    return ArgumentTypeError(
        f"{whole}: there is no keyword {option!r}; there are {listing(known, 20)}.{hint}"
    )
