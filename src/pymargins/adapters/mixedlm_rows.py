"""The rows that a MixedLM was fitted to: arrays, design, data and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.formulas import (
    design_of_spec,
)
from pymargins.adapters.training import (
    DATA,
    match_columns,
    rows_of_fit,
    training_frame,
)
from pymargins.errors import (
    ArgumentError,
)
from pymargins.models.design import Design


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """The arrays that a MixedLM was fitted to, as the model holds them."""

    endog: FloatArray
    exog: AnyArray
    exog_re: AnyArray | None
    components: tuple[Any, ...]
    group_labels: Any
    effect_names: tuple[str, ...] = ()
    component_names: tuple[str, ...] = ()
    component_columns: tuple[Any, ...] = ()

    @classmethod
    def of(cls, source: Any) -> Arrays:
        """Read them off a statsmodels model."""
        return cls(
            source.endog,
            np.asarray(source.exog),
            source.exog_re if source.k_re else None,
            tuple(source.exog_vc.mats),
            source.group_labels,
            effect_names(source),
            tuple(str(name) for name in source.exog_vc.names),
            tuple(source.exog_vc.colnames),
        )


def effect_names(source: Any) -> tuple[str, ...]:
    """Name the columns that vary together; those without a name by their place."""
    known = [str(name) for name in getattr(source.data, "exog_re_names", None) or ()]
    return tuple(known[j] if j < len(known) else f"effect {j}" for j in range(int(source.k_re)))


def design_and_frame(source: Any, spec: Any, training_data: Any) -> tuple[Design, pd.DataFrame]:
    """Return what the design rows are made of, and the data of the rows that were fitted."""
    n = len(source.exog)
    if spec is not None:
        given = source.data.frame
        if training_data is not None:
            given = rows_of_fit(training_data, source.data.frame, n)
        frame = training_frame(given, n)
        return design_of_spec(spec, frame), frame
    if training_data is None:
        raise ArgumentError(
            f"{DATA}: a fit from arrays does not carry its data frame; pass it: "
            "Margins(fit, data=df) or StatsmodelsMixedLMAdapter(fit, training_data=df)."
        )
    frame = training_frame(training_data, n)
    names = list(source.exog_names)
    return Design.from_columns(names, match_columns(names, np.asarray(source.exog), frame)), frame


def group_name_of(source: Any, frame: pd.DataFrame) -> str | None:
    """Find the column of the data that holds the groups."""
    groups: AnyArray = np.asarray(source.groups)
    used = set(getattr(source.data, "exog_re_names", None) or ())
    for name in sorted(frame.columns, key=lambda c: c not in used):
        column = np.asarray(frame[name])
        if column[:1] == groups[:1] and np.array_equal(column, groups):
            return str(name)
    return None
