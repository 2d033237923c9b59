"""Facts and values of tables as what JSON holds, and back.

What JSON has no word for is written as an object with the key ``"is"``. Only facts that this module
knows can be made again from a file: nothing else is ever called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from pymargins.facts import (
    findings,
    health,
    model,
    population,
    quantities,
    rows,
    session,
    uncertainty,
    variances,
)

MODULES = (
    findings,
    health,
    model,
    population,
    quantities,
    rows,
    session,
    uncertainty,
    variances,
)


def _known() -> dict[str, type]:
    every = [value for module in MODULES for value in vars(module).values()]
    return {one.__name__: one for one in every if isinstance(one, type) and _is_fact(one)}


def _is_fact(one: type) -> bool:
    return one.__module__.startswith("pymargins.facts.") and (
        is_dataclass(one) or issubclass(one, Enum)
    )


KNOWN = _known()


def plain(value: Any) -> Any:
    """Return a fact, or a value of a table, as what JSON holds.

    Raises
    ------
    TypeError
        For anything that is neither.
    """
    value = value.item() if isinstance(value, (np.number, np.bool_, np.str_)) else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if isfinite(value) else {"is": "number", "of": repr(value)}
    if isinstance(value, Enum):
        return {"is": "name", "class": type(value).__name__, "of": value.name}
    if is_dataclass(value) and type(value).__name__ in KNOWN:
        parts = {one.name: plain(getattr(value, one.name)) for one in fields(value)}
        return {"is": "fact", "class": type(value).__name__, "of": parts}
    for kind, (of_type, to, _) in OTHERS.items():
        if isinstance(value, of_type):
            return {"is": kind, "of": to(value)}
    if value is pd.NA or value is pd.NaT:
        return {"is": "missing"}
    raise TypeError(f"{type(value).__name__} {value!r}")


def revived(value: Any) -> Any:
    """Return what `plain` was made of.

    Raises
    ------
    LookupError, TypeError, ValueError
        For what this version does not know.
    """
    if not isinstance(value, dict):
        return value
    kind = value["is"]
    if kind == "number":
        return float(value["of"])
    if kind == "name":
        return KNOWN[value["class"]][value["of"]]  # type: ignore[index]
    if kind == "fact":
        return KNOWN[value["class"]](**{k: revived(v) for k, v in value["of"].items()})
    if kind == "missing":
        return pd.NaT
    return OTHERS[kind][2](value["of"])


def _time(text: str) -> Any:
    return pd.Timestamp(text)


def _interval(parts: Any) -> Any:
    return pd.Interval(revived(parts[0]), revived(parts[1]), parts[2])


def _of_interval(value: Any) -> list[Any]:
    return [plain(value.left), plain(value.right), value.closed]


def _of_mapping(value: Mapping[Any, Any]) -> list[Any]:
    return [[plain(key), plain(one)] for key, one in value.items()]


def _mapping(pairs: Any) -> dict[Any, Any]:
    return {revived(key): revived(one) for key, one in pairs}


def _of_many(value: Any) -> list[Any]:
    return [plain(one) for one in value]


def _tuple(parts: Any) -> tuple[Any, ...]:
    return tuple(revived(one) for one in parts)


def _of_time(value: Any) -> str:
    return pd.Timestamp(value).isoformat()


def _of_span(value: Any) -> str:
    return pd.Timedelta(value).isoformat()


#: By name: which values, how they are written, and how they are made again.
OTHERS: dict[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]] = {
    "interval": (pd.Interval, _of_interval, _interval),
    "span": ((timedelta, np.timedelta64), _of_span, pd.Timedelta),
    "time": ((datetime, np.datetime64), _of_time, _time),
    "mapping": (Mapping, _of_mapping, _mapping),
    "tuple": ((tuple, list), _of_many, _tuple),
}
