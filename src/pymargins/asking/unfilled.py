"""Helpers without levels: what they return until a session fills the levels in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, NoReturn, TypeVar, cast

from pymargins.errors import ArgumentError, ArgumentTypeError

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A helper's return without levels: all of them, once a session tells which there are.

    Parameters
    ----------
    helper : str
        Its name.
    variables : tuple of str
        Those whose levels are missing.
    make : callable
        From ``{variable: levels}``, and what else the helper takes, to its usual return.
    options : mapping
        What the helper was given besides.
    """

    helper: str
    variables: tuple[str, ...]
    make: Callable[..., Any]
    options: Mapping[str, Any]

    def filled(self, levels: Mapping[str, Sequence[Any]], **defaults: Any) -> Any:
        """Return what the helper makes of levels; `defaults` are of options that were not given."""
        return self.make(levels, **{**defaults, **self.options})

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()

    @property
    def scenarios(self) -> NoReturn:
        """Refuse: they are not known before a session fills the levels in."""
        self._refuse()

    @property
    def weights(self) -> NoReturn:
        """Refuse: they are not known before a session fills the levels in."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        name = self.variables[0]
        if self.helper == "grid":
            whole, named = f"grid({name}=...)", f"grid({name}=[...])"
        else:
            whole, named = f"{self.helper}({name!r})", f"{self.helper}({name!r}, [a, b])"
        raise ArgumentError(
            f"{self.helper}: without levels of {name!r} it cannot be unpacked; the session fills "
            f"them in. Pass it whole, m.contrasts({whole}), or name the levels: {named}."
        )


def levels_optional(helper: F) -> F:
    """Let a helper ``(variable, values, ...)`` be called without values: all levels.

    The type stays that of the helper with levels: it is what a session makes of it.
    """
    parameters = signature(helper)

    @wraps(helper)
    def called(*args: Any, **options: Any) -> Any:
        try:
            given = parameters.bind(*args, **options).arguments
        except TypeError as error:
            raise ArgumentTypeError(
                f"{helper.__name__}: {error}; it is {helper.__name__}{_short(parameters)}, as in "
                f'{helper.__name__}("school", ["A", "B"]).'
            ) from None
        var, values = given.pop("var"), given.pop("values", None)
        if values is not None and values is not ...:
            return helper(var, values, **given)
        if not isinstance(var, str):
            raise ArgumentTypeError(
                f"{helper.__name__}: the variable must be a name, got {var!r} "
                f"({type(var).__name__})."
            )
        return Unfilled(helper.__name__, (var,), _of_one(helper, var), given)

    return cast(F, called)


def _short(parameters: Signature) -> str:
    """Write a signature without types."""
    bare = [p.replace(annotation=Parameter.empty) for p in parameters.parameters.values()]
    return str(Signature(bare))


def _of_one(helper: Callable[..., Any], var: str) -> Callable[..., Any]:
    def make(levels: Mapping[str, Sequence[Any]], **options: Any) -> Any:
        return helper(var, levels[var], **options)

    return make
