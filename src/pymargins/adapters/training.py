"""The rows a model was fitted to: a private snapshot, its variables, and checks against the fit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.averages import repeat_constant
from pymargins.design import Design, Factor, chunks, mismatch
from pymargins.errors import ArgumentError, ArgumentTypeError, ModelError, listing, unknown_name
from pymargins.model import ModelView, Variable
from pymargins.population import as_frame
from pymargins.population import snapshot as snapshot

#: The smallest singular value of X, its columns of length one, relative to the largest ...
RANK_TOLERANCE = 1e-10
#: ... and the smallest eigenvalue of X'X above which there is no doubt about the rank.
SOUND = 1e-8
INVOLVED = 1e-7
#: Both names of one argument: of the session, and of the adapter.
DATA = "training_data (data= of a session)"
PROBE_ROWS = 7


def evaluate_factors(design: Design, frame: pd.DataFrame) -> tuple[AnyArray, ...]:
    """Evaluate every factor of a design on the rows of a frame."""
    values: list[AnyArray] = []
    for factor in design.factors:
        columns = {v: frame[v] for v in factor.variables}
        try:
            value = repeat_constant(factor.evaluate(columns), len(frame))
        except Exception as error:
            raise ModelError(
                f"the factor {factor.name!r} of the formula cannot be evaluated on the data of the "
                f"fit: {type(error).__name__}: {error}. If the data frame was changed after "
                "fitting, pass the original: Margins(fit, data=...)."
            ) from error
        if factor.levels is not None and (value < 0).any():
            raise _changed([factor.name])
        _require_row_by_row(factor, columns, value)
        values.append(value)
    return tuple(values)


def _require_row_by_row(factor: Factor, columns: dict[str, Any], value: AnyArray) -> None:
    """Refuse a factor whose value in one row depends on the other rows.

    ``x - x.mean()`` written out (not as the stateful ``center(x)``) would be recomputed on
    whatever rows are asked for.
    """
    n = len(value)
    if factor.direct or not factor.variables or n < 2:
        return
    rows = np.unique(np.linspace(0, n - 1, PROBE_ROWS).astype(int))[1:]
    part = factor.evaluate({k: c.iloc[rows].reset_index(drop=True) for k, c in columns.items()})
    if len(part) != len(rows) or not np.allclose(
        part, value[rows], rtol=1e-9, atol=1e-12 * float(np.abs(value).max(initial=0.0))
    ):
        raise ModelError(
            f"the factor {factor.name!r} of the formula depends on all rows at once, so it has no "
            "value at a new point. Use a stateful transform such as center(x) or standardize(x), "
            "or compute the column before fitting."
        )


def check_design(design: Design, values: Sequence[AnyArray], exog: AnyArray) -> None:
    """Raise where the data do not reproduce the design matrix that was fitted."""
    wrong = mismatch(design, values, exog)
    if wrong:
        raise _changed(wrong)


def _changed(columns: Sequence[str]) -> ModelError:
    return ModelError(
        f"the data do not reproduce the fitted design in {listing(columns)}: the data frame was "
        "changed after fitting, or it is another one. Pass the data that were fitted: "
        "Margins(fit, data=...)."
    )


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


def null_space(exog: AnyArray) -> FloatArray:
    """Return the directions of the coefficients that a design does not determine, (p, d).

    X'X has the squares of X's singular values, so it shows at once that a design is sound, but not
    that it is deficient: with raw calendar years, ``year + year**2`` leaves a ratio of 1e-12 in
    it. Then X itself is asked, by an orthogonal decomposition.
    """
    cross = np.asarray(exog.T @ exog, dtype=float)
    size = np.sqrt(np.diagonal(cross))
    size = np.where(size > 0, size, 1.0)
    spectrum = np.linalg.eigvalsh(cross / np.outer(size, size))
    if spectrum[0] > SOUND * spectrum[-1]:
        return np.empty((len(size), 0))
    root = np.zeros((len(size), len(size)))
    for rows in chunks(len(exog)):
        root = np.linalg.qr(np.vstack([root, exog[rows] / size]), mode="r")
    _, sizes, vectors = np.linalg.svd(root)
    missing = vectors[sizes < RANK_TOLERANCE * sizes[0]].T
    # rounding is not involvement: a coefficient that takes no part gets an exact zero
    missing = np.where(np.abs(missing) < INVOLVED, 0.0, missing)
    return missing / size[:, None]


def training_frame(data: Any, n: int) -> pd.DataFrame:
    """Return training data as a pandas frame with one row for each row of the fit."""
    frame = as_frame(data)
    if frame is None:
        raise ArgumentTypeError(f"{DATA}: expected a data frame, got {type(data).__name__}.")
    if len(frame) != n:
        raise ArgumentError(
            f"{DATA}: {len(frame)} rows, and the model was fitted to {n}. Pass the rows that "
            "were fitted, in the same order (without those dropped as missing)."
        )
    return frame


def rows_of_fit(data: Any, stored: Any, n: int) -> Any:
    """Return the rows of the user's frame that were fitted, where others were dropped as missing.

    They are found by the labels of the frame that the fit stored, if that still has its n rows;
    that they are the right ones is checked against the design.
    """
    frame = as_frame(data)
    index = getattr(stored, "index", None)
    if frame is None or index is None or len(index) != n or len(frame) <= n:
        return data
    if not frame.index.is_unique:
        return data
    return frame.loc[index] if index.isin(frame.index).all() else data


def match_columns(names: Sequence[str], exog: AnyArray, frame: pd.DataFrame) -> list[str | None]:
    """Find the data column behind each column of an array fit; None for the constant.

    By name where there is one, otherwise by value where exactly one column has those values.

    Raises
    ------
    ArgumentError
        Naming the first column that has no counterpart, or that differs.
    """
    out: list[str | None] = []
    for j, name in enumerate(names):
        stored = np.asarray(exog[:, j], dtype=float)
        if name in frame.columns:
            if not _equal(frame[name], stored):
                raise ArgumentError(
                    f"{DATA}: column {name!r} differs from the fitted design. Pass the rows "
                    "that were fitted, unchanged and in the same order."
                )
            out.append(None if (stored == 1.0).all() else name)
        elif stored.size and (stored == stored[0]).all():
            if stored[0] != 1.0:
                raise ArgumentError(
                    f"{DATA}: no column {name!r}; the design holds the constant {stored[0]:g} "
                    "there."
                )
            out.append(None)
        else:
            same = [c for c in frame.columns if _equal(frame[c], stored)]
            if len(same) != 1:
                found = "no other column has" if not same else f"{len(same)} others have"
                raise ArgumentError(
                    f"{DATA}: there is no column {name!r}, and {found} its values. Name a column "
                    f"after it; the model's names are {listing(names)}."
                )
            out.append(str(same[0]))
    return out


def _equal(column: Any, stored: FloatArray) -> bool:
    if not (
        pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    ):
        return False
    values = np.asarray(column, dtype=float)
    return bool(np.allclose(values, stored, rtol=1e-12, atol=0.0))


def cluster_labels(view: ModelView, cluster: Any) -> AnyArray:
    """Return one cluster label for each row of the fit."""
    if isinstance(cluster, str):
        if cluster not in view.frame.columns:
            raise unknown_name("cluster", cluster, view.frame.columns, "a column of the data")
        return np.asarray(view.frame[cluster])
    labels = np.asarray(cluster)
    if labels.shape != (view.info.n,):
        raise ArgumentError(
            f"cluster: shape {labels.shape}; expected a column name or one label for each of the "
            f"{view.info.n} rows of the fit."
        )
    return labels
