"""The rows that a regression of statsmodels was fitted to: data, design, offset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.formulas import (
    design_of_spec,
    formula_engine,
    formula_order,
    stored_spec,
)
from pymargins.adapters.training import (
    check_design,
    evaluate_factors,
    match_columns,
    rows_of_fit,
    training_frame,
)
from pymargins.asking.frames import as_frame, snapshot
from pymargins.errors import ModelError
from pymargins.models.design import Design


@dataclass(frozen=True, slots=True, eq=False)
class FittedRows:
    """The rows of a fit.

    Parameters
    ----------
    frame : DataFrame
        A private snapshot.
    design : Design
    values : tuple of ndarray
        Each factor of the design on the rows.
    exog : ndarray, shape (n, p)
        The design matrix that was fitted.
    offset : ndarray, shape (n,), or None
        What is added to the linear predictor, the logarithm of the exposure included.
    engine : str
        What read the formula, ``"patsy"`` or ``"formulaic"``; nothing of a fit from arrays.
    order : str, optional
        The text that tells the order of the variables, where the design lost it.
    index : Index, optional
        Of the rows as the user's own frame had it; None of a fit from arrays without one.
    """

    frame: pd.DataFrame
    design: Design
    values: tuple[AnyArray, ...]
    exog: FloatArray
    offset: FloatArray | None
    engine: str = ""
    order: str | None = None
    index: pd.Index | None = None


def fitted_rows(source: Any, training_data: Any) -> FittedRows:
    """Read the rows of a statsmodels model, and check that they give the design it fitted.

    Raises
    ------
    ModelError
        For a model whose data were removed, and for data that give another design.
    ArgumentError
        For training data that do not match.
    """
    if getattr(source, "exog", None) is None:
        raise ModelError(
            "model: its data were removed (remove_data()); pass the result as it came from fit()."
        )
    exog = np.asarray(source.exog, dtype=float)
    spec = stored_spec(source.data)
    if spec is not None:
        own = _formula_frame(source, training_data, len(exog))
        index, frame = own.index, snapshot(own)
        design = _as_fitted(design_of_spec(spec, frame), source.exog_names)
    else:
        index = _array_index(source, training_data, len(exog))
        frame, design = _array_frame(source, training_data, exog)
    values = evaluate_factors(design, frame)
    check_design(design, values, exog)
    return FittedRows(
        frame=frame,
        design=design,
        values=values,
        exog=exog,
        offset=fitted_offset(source, len(exog)),
        engine=formula_engine(spec),
        order=formula_order(source, spec),
        index=index,
    )


def _as_fitted(design: Design, fitted: Sequence[str]) -> Design:
    """Put columns in the order of the fit: a spec without its intercept may have another."""
    names = tuple(str(name) for name in fitted[: len(design.names)])
    if names == design.names or sorted(names) != sorted(design.names):
        return design
    place = [names.index(name) for name in design.names]
    blocks = [replace(b, columns=tuple(place[c] for c in b.columns)) for b in design.blocks]
    return Design(names, design.factors, tuple(blocks))


def fitted_offset(source: Any, n: int) -> FloatArray | None:
    """Return offset and logarithm of the exposure together; None where there is neither.

    statsmodels keeps the exposure logged. Where there is none, the attribute is None, 0 or
    missing, by class and version.
    """
    parts = [getattr(source, name, None) for name in ("offset", "exposure")]
    given = [np.asarray(part, dtype=float) for part in parts if part is not None]
    arrays = [part for part in given if part.shape == (n,)]
    return np.sum(arrays, axis=0) if arrays else None


def _formula_frame(source: Any, training_data: Any, n: int) -> pd.DataFrame:
    """Return the fitted rows of the user's data frame, without those dropped as missing."""
    if training_data is not None:
        return _given_frame(source, training_data, n)
    stored = source.data.frame
    if isinstance(stored, (Mapping, np.ndarray)):
        stored = pd.DataFrame(stored)
    return _given_frame(source, stored, n)


def _given_frame(source: Any, data: Any, n: int) -> pd.DataFrame:
    """Return the fitted rows of a data frame: by position, or by the labels of the fit."""
    dropped = getattr(source.data, "missing_row_idx", None)
    frame = as_frame(data)
    if dropped is not None and frame is not None and len(frame) == n + len(dropped):
        return _without(frame, dropped)
    labels = source.data.row_labels
    index = None if labels is None else pd.DataFrame(index=labels)
    return training_frame(rows_of_fit(data, index, n), n)


def _without(frame: pd.DataFrame, dropped: Any) -> pd.DataFrame:
    """Leave out rows by position."""
    kept = np.ones(len(frame), dtype=bool)
    kept[np.asarray(dropped, dtype=np.intp)] = False
    return frame.loc[kept]


def _array_index(source: Any, training_data: Any, n: int) -> pd.Index | None:
    """Return the index of the rows of a fit from arrays: of the data, or of the arrays."""
    if training_data is not None:
        return _given_frame(source, training_data, n).index
    labels = source.data.row_labels
    return None if labels is None else pd.Index(labels)


def _array_frame(source: Any, training_data: Any, exog: FloatArray) -> tuple[pd.DataFrame, Design]:
    """Return data and design of a fit from arrays: every column is a variable of its own."""
    names = [str(name) for name in source.exog_names[: exog.shape[1]]]
    if training_data is not None:
        frame = snapshot(_given_frame(source, training_data, len(exog)))
        return frame, Design.from_columns(names, match_columns(names, exog, frame))
    frame = pd.DataFrame(exog, columns=names)
    constant = (exog == 1.0).all(axis=0)
    columns = [None if one else name for name, one in zip(names, constant, strict=True)]
    return frame, Design.from_columns(names, columns)
