"""The error and warning tree.

One root, `PymarginsError`. Leaves also inherit the built-in that a user would
catch anyway (`ValueError`, `TypeError`, `KeyError`). Messages are made here, by
constructors, so that every one says which argument it is about, what came, what
is allowed, and the near miss.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from types import FrameType, TracebackType

from pymargins.elsewhere import option_hint


class PymarginsError(Exception):
    """Root of every error that pymargins raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """Show the message first, then the user's lines that led to it: notebooks ask for this."""
        from IPython.core.getipython import get_ipython  # nobody but IPython calls this

        shell = get_ipython()
        *lines, message = shell.InteractiveTB.structured_traceback(  # pyright: ignore[reportOptionalMemberAccess]
            type(self), self, _without_own_lines(self.__traceback__) or self.__traceback__
        )
        return [message, *lines]


def _without_own_lines(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out the lines of pymargins in which a traceback ends."""
    if traceback is None:
        return None
    rest = _without_own_lines(traceback.tb_next)
    if rest is None and _is_own(traceback.tb_frame):
        return None
    return TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)


class ArgumentError(PymarginsError, ValueError):
    """An argument has a value that cannot be used."""


class ArgumentTypeError(PymarginsError, TypeError):
    """An argument has a type that cannot be used."""


class UnknownNameError(PymarginsError, KeyError):
    """A variable, level, label or option that does not exist."""

    def __str__(self) -> str:  # KeyError would print the repr of its message
        return str(self.args[0]) if self.args else ""


class UnknownAttributeError(PymarginsError, AttributeError):
    """An attribute or a method that there is not."""


class RowError(PymarginsError, IndexError):
    """A row that a result does not have."""


class ModelError(PymarginsError, ValueError):
    """The fitted model cannot be used as asked."""


class UnsupportedModelError(PymarginsError, TypeError):
    """No adapter knows this kind of model."""


class UnsupportedError(PymarginsError, ValueError):
    """A known option that this model or this version does not offer."""


class EstimabilityError(PymarginsError, ValueError):
    """The asked quantity is not determined by the fitted coefficients."""


class NumericalError(PymarginsError, ArithmeticError):
    """A computation left its domain (a log of a negative mean, a negative variance)."""


class PymarginsWarning(UserWarning):
    """Root of every warning that pymargins gives."""


class FitWarning(PymarginsWarning):
    """Something about the fit would change a conclusion."""


#: Whose lines are not the user's: cached properties and wrappers stand between two of our own.
NOT_THE_USERS = ("pymargins", "functools")


def _is_own(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).split(".")[0] in NOT_THE_USERS


def users_frame() -> tuple[FrameType | None, int]:
    """Return the frame in which the user called pymargins, and how far above the caller it is."""
    level, frame = -1, inspect.currentframe()
    while frame and _is_own(frame):
        level, frame = level + 1, frame.f_back
    return frame, level


def callers_level() -> int:
    """Return the `stacklevel` with which a warning names the line outside of pymargins."""
    return users_frame()[1]


def listing(items: Iterable[object], limit: int = 12) -> str:
    """Join items for a message: at most `limit`, then how many more there are."""
    shown = [repr(item) if isinstance(item, str) else str(item) for item in items]
    extra = len(shown) - limit
    return ", ".join(shown[:limit]) + (f" and {extra} more" if extra > 0 else "")


def near_miss(name: object, known: Iterable[object]) -> str:
    """Return `" Did you mean 'x'?"`, or nothing where no known name is close."""
    candidates = {str(k).lower(): k for k in known}
    close = difflib.get_close_matches(str(name).lower(), candidates, n=1, cutoff=0.6)
    return f" Did you mean {listing([candidates[close[0]]])}?" if close else ""


def unknown_name(
    argument: str, name: object, known: Iterable[object], what: str
) -> UnknownNameError:
    """Build the error for a name that is not among the known ones."""
    known = list(known)
    return UnknownNameError(
        f"{argument}: {name!r} is not {what}. Known: {listing(known) or 'none'}."
        f"{near_miss(name, known)}"
    )


def not_one_of(argument: str, value: object, allowed: Iterable[object]) -> ArgumentError:
    """Build the error for an option that is not among the allowed ones."""
    allowed = list(allowed)
    hint = option_hint(argument, value) or near_miss(value, allowed)
    return ArgumentError(f"{argument}: got {value!r}; allowed are {listing(allowed)}.{hint}")
