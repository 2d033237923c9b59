"""The rows a model was fitted to: a private snapshot, its variables, and checks against the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.asking.alignment import aligned
from pymargins.asking.frames import as_frame
from pymargins.errors import ArgumentError, ArgumentTypeError, ModelError, listing, unknown_name
from pymargins.estimands.rows import repeat_constant
from pymargins.models.design import Design, mismatch
from pymargins.models.factors import Factor
from pymargins.models.fitted import Fitted

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
        _require_no_overflow(factor, columns, value)
        _require_row_by_row(factor, columns, value)
        values.append(value)
    return tuple(values)


def _require_no_overflow(factor: Factor, columns: dict[str, Any], value: AnyArray) -> None:
    """Refuse a factor that left the range of a column's integers when it was fitted.

    ``I(year**2)`` of an int16 column wraps around without a word. Everything asked later arrives
    as floats, which do not.
    """
    kinds = {k: c.dtype for k, c in columns.items() if pd.api.types.is_integer_dtype(c.dtype)}
    if factor.direct or not kinds:
        return
    rows = np.unique(np.concatenate([_ends(value), *(_ends(c) for c in columns.values())]))
    if min(kind.itemsize for kind in kinds.values()) < 8:
        rows = np.arange(len(value))
    meant = {k: c.iloc[rows].reset_index(drop=True) for k, c in columns.items()}
    for name, kind in kinds.items():
        meant[name] = meant[name].astype(np.int64 if kind.itemsize < 8 else float)
    try:
        wide = np.asarray(factor.evaluate(meant), dtype=float)
    except Exception:  # code that takes no other type: there is nothing to compare with
        return
    stored = np.asarray(value[rows], dtype=float)
    # half-precision results, as of np.log of an int8, are not what is looked for
    off = ~np.isclose(stored, wide, rtol=1e-2, atol=1e-9 * float(np.abs(wide).max(initial=0.0)))
    if off.any():
        narrow = ", ".join(f"{name!r} ({kind})" for name, kind in kinds.items())
        raise ModelError(
            f"the factor {factor.name!r} of the formula overflows the integers of {narrow}: the "
            f"fit's own design holds {stored[off][0]:g} where {wide[off][0]:g} is meant. Fit "
            f"again with floats: data[{next(iter(kinds))!r}].astype(float)."
        )


def _require_row_by_row(factor: Factor, columns: dict[str, Any], value: AnyArray) -> None:
    """Refuse a factor whose value in one row depends on the other rows.

    ``x - x.mean()`` written out (not as the stateful ``center(x)``) would be recomputed on
    whatever rows are asked for. Some rows at once may have the mean, median and largest value of
    all; a row alone, or with copies of itself only, has its own.
    """
    n = len(value)
    if factor.direct or not factor.variables or n < 2:
        return
    rounding = 1e-12 * float(np.abs(value).max(initial=0.0))
    some = np.unique(np.linspace(0, n - 1, PROBE_ROWS).astype(int))
    ends = np.concatenate([_ends(value), *(_ends(c) for c in columns.values())])
    alone = np.unique(np.concatenate([some[1:-1:2], ends]))
    for rows in [some[1:], *(np.array([row]) for row in alone), *(np.full(3, r) for r in ends)]:
        try:
            part = factor.evaluate(
                {k: c.iloc[rows].reset_index(drop=True) for k, c in columns.items()}
            )
        except Exception as error:  # user code refuses in many ways
            raise _not_row_by_row(factor, f" ({type(error).__name__}: {error})") from error
        if len(part) != len(rows) or not np.allclose(part, value[rows], rtol=1e-9, atol=rounding):
            raise _not_row_by_row(factor)


def _ends(column: Any) -> AnyArray:
    """Return the rows with the smallest and the largest value, by the first column of several."""
    values = column if isinstance(column, np.ndarray) else pd.factorize(column, sort=False)[0]
    if not isinstance(column, np.ndarray) and pd.api.types.is_numeric_dtype(column.dtype):
        values = np.asarray(column, dtype=float)
    values = values if values.ndim == 1 else values[:, 0]
    return np.array([np.argmin(values), np.argmax(values)])


def _not_row_by_row(factor: Factor, why: str = "") -> ModelError:
    return ModelError(
        f"the factor {factor.name!r} of the formula depends on all rows at once, so it has no "
        f"value at a new point{why}. Use a stateful transform such as center(x) or "
        "standardize(x), or compute the column before fitting."
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


def cluster_labels(fitted: Fitted, cluster: Any) -> AnyArray:
    """Return one cluster label for each row of the fit."""
    return one_a_row(fitted, cluster, "cluster")


def one_a_row(fitted: Fitted, given: Any, argument: str) -> AnyArray:
    """Return a column of the data by its name, or what was given with one entry a row."""
    if isinstance(given, str):
        if given not in fitted.frame.columns:
            raise unknown_name(argument, given, fitted.frame.columns, "a column of the data")
        return np.asarray(fitted.frame[given])
    found = np.asarray(aligned(given, fitted.index, argument, fitted.facts.n))
    if found.shape != (fitted.facts.n,):
        raise ArgumentError(
            f"{argument}: shape {found.shape}; expected a column name or one label for each of the "
            f"{fitted.facts.n} rows of the fit."
        )
    return found
