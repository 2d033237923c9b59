"""Describe the variables of a design from the data it was fitted to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins.models.dates import days, is_date
from pymargins.models.design import Design
from pymargins.models.factors import Factor
from pymargins.models.variables import Variable


def make_variables(
    design: Design, frame: pd.DataFrame, formula: str | None = None
) -> dict[str, Variable]:
    """Describe the variables of the fixed part, in the design's order, or in that of a formula."""
    names = list(design.variables)
    if formula is not None:
        names.sort(key=lambda name: _place(name, formula))
    return {name: _variable(name, design, frame[name]) for name in names}


def _place(name: str, formula: str) -> int:
    found = re.search(rf"(?<!\w){re.escape(name)}(?![\w(])", formula)
    return found.start() if found else len(formula)


def _variable(name: str, design: Design, column: Any) -> Variable:
    direct = [f for f in design.factors if f.direct and f.variables == (name,) and f.levels]
    dtype = column.dtype
    if direct:
        levels = direct[0].levels or ()
        kind = "boolean" if pd.api.types.is_bool_dtype(dtype) else "categorical"
        return Variable(name, kind, levels, _reference(design, direct, levels), dtype=dtype)
    if pd.api.types.is_bool_dtype(dtype):
        return Variable(name, "boolean", (False, True), False, dtype=dtype)
    if isinstance(dtype, pd.CategoricalDtype):
        levels = tuple(dtype.categories)
        return Variable(name, "categorical", levels, levels[0], dtype=dtype)
    if is_date(dtype):
        values = days(column)
        return Variable(name, "numeric", low=values.min(), high=values.max(), dtype=dtype)
    if not pd.api.types.is_numeric_dtype(dtype):
        levels = tuple(sorted(pd.unique(column.dropna()), key=str))
        return Variable(name, "categorical", levels, levels[0], dtype=dtype)
    values = np.asarray(column, dtype=float)
    low, high = float(np.min(values)), float(np.max(values))
    indicator = low == 0.0 and high == 1.0 and bool(((values == 0.0) | (values == 1.0)).all())
    return Variable(name, "numeric", low=low, high=high, indicator=indicator, dtype=dtype)


def _reference(design: Design, factors: Sequence[Factor], levels: Sequence[Any]) -> Any:
    """Return the level that a treatment coding leaves out; the first under any other coding."""
    for block in design.blocks:
        for position, coding in zip(block.factors, block.codings, strict=True):
            factor = design.factors[position]
            if factor in factors and coding is not None and coding.shape[1] == len(levels) - 1:
                zero = np.flatnonzero(~coding.any(axis=1))
                ones = np.isin(coding, (0.0, 1.0)).all() and (coding.sum(axis=1) <= 1).all()
                if len(zero) == 1 and ones:
                    return levels[int(zero[0])]
    return levels[0]


def variables_frame(
    variables: Mapping[str, Variable], designs: Mapping[str, Design], frame: pd.DataFrame
) -> pd.DataFrame:
    """Describe the variables of a model, one row each, in the formula's order."""
    factors = [factor for design in designs.values() for factor in design.factors]
    rows: dict[str, dict[str, Any]] = {}
    for name, variable in variables.items():
        numeric = variable.kind == "numeric"
        enters = dict.fromkeys(f.name for f in factors if name in f.variables)
        rows[name] = {
            "kind": variable.kind,
            "levels": None if numeric else list(variable.levels),
            "low": variable.low if numeric else np.nan,
            "high": variable.high if numeric else np.nan,
            "reference": variable.reference,
            "missing": int(frame[name].isna().sum()),
            "enters": ", ".join(enters),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis("variable")
