"""Prediction intervals as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from pymargins.report.prediction import PredictionFigures, prediction_summary
from pymargins.report.summary import Summary, Tabled
from pymargins.results.exports import arrow_stream, as_polars, labelled_frame

COLUMNS = ("estimate", "prediction_error", "df", "pi_lower", "pi_upper")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class PredictionIntervals(Tabled):
    """Prediction intervals, one row each: a table that prints, exports and converts.

    Made by `MarginsResult.prediction_interval`.

    Parameters
    ----------
    figures : PredictionFigures
        `estimate`, `prediction_error` (the standard deviation of the error of prediction), `df`,
        `pi_lower` and `pi_upper`, each of shape (k,), with `labels` and `columns`.
    """

    figures: PredictionFigures

    def __len__(self) -> int:
        return len(self.figures)

    def to_frame(self) -> pd.DataFrame:
        """Return a pandas data frame, one row an interval.

        Returns
        -------
        DataFrame
            Columns: `label`, the scenario and subgroup variables, `estimate`, `prediction_error`
            (on the scale that was modelled), `df` (infinite for the normal distribution and for
            draws), `pi_lower`, `pi_upper`.
        """
        own = self.figures
        return labelled_frame(own.labels, own.columns, {k: getattr(own, k) for k in COLUMNS})

    def to_polars(self) -> Any:
        """Return a polars data frame (polars must be installed)."""
        return as_polars(self.to_frame())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Export the table through the Arrow PyCapsule interface (pyarrow must be installed)."""
        return arrow_stream(self.to_frame(), requested_schema)

    def summary(self) -> Summary:
        """Return the table with what the intervals are of and on what they rest."""
        return prediction_summary(self.figures)
