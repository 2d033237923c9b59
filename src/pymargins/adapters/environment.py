"""What a formula's code reads besides the data: names kept with a factor, so that it can travel.

A formula is evaluated in the user's environment. A factor keeps of it the names that its own code
reads, and pickles them so that another process evaluates the same code with the same values.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pickle
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Environment:
    """Names of the user's environment, for the code of one factor.

    It pickles with modules by their name, with patsy's transforms (which refuse to be pickled) as
    a class and its attributes, and everything else as it is.

    Parameters
    ----------
    factor : str
        The factor's text in the formula, for messages.
    names : mapping of str to object
    """

    factor: str
    names: Mapping[str, Any]

    def __reduce__(self) -> Any:
        packed = {name: _packed(value, self.factor, name) for name, value in self.names.items()}
        return Environment, (self.factor, packed)

    def __copy__(self) -> Environment:
        return self

    def __deepcopy__(self, memo: Any) -> Environment:
        return self  # nothing writes to it, and what it names need not be copyable


def as_python(code: str) -> str:
    """Return a formula's code as Python reads it: formulaic's quotes as ``Q("odd name")``."""
    return re.sub(r"`([^`]*)`", lambda found: f"Q({found[1]!r})", code)


def names_read(code: str, known: Collection[str], namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that an expression reads from a namespace and not from the data.

    Parameters
    ----------
    code : str
    known : collection of str
        The names that are data.
    namespace : mapping of str to object
        Where the others are looked up; those it does not hold are left out.
    """
    nodes = ast.walk(ast.parse(code, mode="eval"))
    read = {node.id for node in nodes if isinstance(node, ast.Name)}
    return {
        name: namespace[name] for name in sorted(read) if name not in known and name in namespace
    }


def _packed(value: Any, factor: str, name: str) -> Any:
    """Return `value` in a form that pickle takes, or say which name of which factor it refuses."""
    value = _Module(value) if isinstance(value, ModuleType) else value
    value = _Attributes(value) if _refuses_pickling(value) else value
    try:
        pickle.dumps(value)
    except Exception as error:
        if any(_by_value()):
            return value
        raise pickle.PicklingError(
            f"the factor {factor!r} of the formula reads {name!r}, which pickle cannot store "
            f"({type(error).__name__}: {error}). Define it in a module by a name of its own (no "
            "lambda, no function inside a function), or use cloudpickle, as joblib and Dask do."
        ) from error
    return value


def _by_value() -> Iterator[bool]:
    """Tell for each caller whether it is a pickler that takes more than the standard one.

    cloudpickle stores a lambda by its code. It says so nowhere but in its class, and while an
    object is being pickled that is only to be found among the callers.
    """
    frame = inspect.currentframe()
    while frame:
        pickler = frame.f_locals.get("self")
        yield isinstance(pickler, _PICKLERS) and type(pickler) not in _PICKLERS
        frame = frame.f_back


_PICKLERS: tuple[type, ...] = (pickle.Pickler, getattr(pickle, "_Pickler", pickle.Pickler))


def _refuses_pickling(value: Any) -> bool:
    """Tell whether `value` is one of patsy's, or a subclass, all of which refuse."""
    import patsy.util

    refusal = getattr(patsy.util, "no_pickling", None)
    own = getattr(type(value), "__getstate__", None)
    return refusal is not None and own is refusal


@dataclass(frozen=True, slots=True, eq=False)
class _Module:
    """A module; it is unpickled as the module of that name."""

    module: ModuleType

    def __reduce__(self) -> Any:
        return importlib.import_module, (self.module.__name__,)


@dataclass(frozen=True, slots=True, eq=False)
class _Attributes:
    """An object by its class and attributes; it is unpickled as that object."""

    value: Any

    def __reduce__(self) -> Any:
        return _rebuilt, (type(self.value), dict(vars(self.value)))


def _rebuilt(kind: type, attributes: Mapping[str, Any]) -> Any:
    value = object.__new__(kind)
    vars(value).update(attributes)
    return value
