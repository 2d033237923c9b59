"""linearmodels: panels with absorbed effects, random effects, instrumental variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray
from pymargins.adapters.absorbing import Estimated, absorbs, fitted_of, places_by_values
from pymargins.adapters.equations import read_formula
from pymargins.adapters.formulas import response_columns, transformed_response
from pymargins.asking.frames import as_frame, snapshot
from pymargins.errors import ArgumentError, ArgumentTypeError, ModelError
from pymargins.facts import FitWeights, ModelFacts, ModelNote, RandomEffects, Remark
from pymargins.models.design import Design
from pymargins.models.fitted import Fitted

KINDS = {
    "PanelOLS": ("panel regression", "least squares"),
    "PooledOLS": ("pooled panel regression", "least squares"),
    "RandomEffects": ("panel regression with random effects", "generalised least squares"),
    "IV2SLS": ("instrumental variables regression", "two-stage least squares"),
    "IVLIML": ("instrumental variables regression", "limited information maximum likelihood"),
    "IVGMM": ("instrumental variables regression", "generalised method of moments"),
    "IVGMMCUE": ("instrumental variables regression", "continuously updating GMM"),
}
#: Words of linearmodels' formulas that are no columns.
EFFECTS = re.compile(r"\b(EntityEffects|TimeEffects|FixedEffects|OtherEffects)\b")
#: Endogenous variables and their instruments: ``[educ ~ motheduc + fatheduc]``.
INSTRUMENTED = re.compile(r"\[([^\]~]*)~[^\]]*\]")


class LinearModelsAdapter:
    """Reads fitted panel and instrumental variables regressions of linearmodels.

    Their own covariance is used. Effects of entities or times that were absorbed are averaged over
    where the model has a constant, as linearmodels defines it; without one, means are refused.

    Parameters
    ----------
    fit : results of linearmodels
    data : data frame, optional
        The data that were fitted: needed where the formula transforms or codes a variable, since
        the fit keeps the columns of its design only.

    Attributes
    ----------
    fitted : Fitted
    """

    def __init__(self, fit: Any, data: Any = None) -> None:
        self.model = fit
        self.source = fit.model
        self.name = type(fit.model).__name__
        self.dependent = _frame_of(self.source.dependent)
        self.exog = self._exog()
        self.fitted = self._read(data)

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether `model` is a fit of linearmodels that it reads."""
        kind = type(getattr(model, "model", None))
        return kind.__module__.split(".")[0] == "linearmodels" and kind.__name__ in KINDS

    @property
    def absorbed(self) -> tuple[str, ...]:
        """The effects that stand in the place of a constant."""
        source = self.source
        found = [
            name
            for name, attribute in (
                ("entities", "entity_effects"),
                ("times", "time_effects"),
                ("others", "other_effects"),
            )
            if getattr(source, attribute, False)
        ]
        return tuple(found) if not _has_constant(self.exog) else ()

    def _exog(self) -> pd.DataFrame:
        """Return the design before effects were absorbed, in the order of the coefficients."""
        parts = [_frame_of(self.source.exog)]
        endog = getattr(self.source, "endog", None)
        if endog is not None and self.name.startswith("IV"):
            parts.append(_frame_of(endog))
        whole = pd.concat(parts, axis=1)
        return whole.loc[:, [name for name in self.model.params.index if name in whole.columns]]

    def _read(self, data: Any) -> Fitted:
        frame = snapshot(self._frame(data))
        design, values = self._design(frame)
        weights = _frame_of(self.source.weights).to_numpy(dtype=float)
        weighted = not np.allclose(weights, weights.flat[0])
        found = self._estimated()
        return fitted_of(
            found,
            design,
            values,
            places_by_values(design.rows(values, len(frame)), found.names, self._columns),
            frame,
            self._facts(frame, weighted, data is None),
            index=self.dependent.index,
            groups=np.arange(len(frame)),
        )

    def _estimated(self) -> Estimated:
        fit = self.model
        names = tuple(str(name) for name in fit.params.index)
        cov = fit.cov.loc[fit.params.index, fit.params.index]
        return Estimated(
            names=names,
            params=fit.params.to_numpy(dtype=float),
            cov=cov.to_numpy(dtype=float),
            called=str(getattr(fit, "_cov_type", "")),
            absorbed=self.absorbed,
            df=float(fit.df_resid) if fit._debiased else np.inf,
            residual_df=float(fit.df_resid),
        )

    @property
    def _columns(self) -> FloatArray:
        return self.exog.to_numpy(dtype=float)

    def _frame(self, data: Any) -> pd.DataFrame:
        """Return the rows that were fitted, the levels of their index as columns."""
        if data is None:
            known = pd.concat([self.dependent, self.exog], axis=1)
            known = known.loc[:, [str(name).isidentifier() for name in known.columns]]
            return _without_index(known)
        frame = as_frame(data)
        if frame is None:
            raise ArgumentTypeError(f"data: expected a data frame, got {type(data).__name__}.")
        index = self.dependent.index
        if not frame.index.is_unique or not index.isin(frame.index).all():
            raise ArgumentError(
                "data: its index does not hold the rows of the fit; pass the frame that was "
                "fitted, with the same index."
            )
        return _without_index(frame.loc[index])

    def _design(self, frame: pd.DataFrame) -> tuple[Design, tuple[AnyArray, ...]]:
        """Read the formula; the columns themselves where there is none."""
        names: list[str] = []
        for right in self._formulas():
            try:
                design, values = read_formula(right, frame, "formulaic")
            except Exception as error:  # a formula engine refuses in many ways
                names.append(f"{type(error).__name__}: {error}")
                continue
            if _holds(design.rows(values, len(frame)), self._columns):
                return design, values
        why = f" ({names[-1]})" if names else ""
        raise ModelError(
            "model: linearmodels keeps the columns of the design only, and the formula cannot be "
            f"read from them{why}. Pass the data that were fitted: Margins(fit, data=...)."
        )

    def _formulas(self) -> Iterator[str]:
        """Give the right-hand sides that may have made the design."""
        formula = getattr(self.source, "formula", None)
        if not formula:
            terms = [f"`{name}`" for name in self.exog if not _is_constant(self.exog[name])]
            yield " + ".join(["1" if _has_constant(self.exog) else "0", *terms])
            return
        right = EFFECTS.sub("0", INSTRUMENTED.sub(r"\1", formula.partition("~")[2]))
        right = re.sub(r"\+\s*0\b", "", right)
        yield right
        yield f"0 + {right}"

    def _facts(self, frame: pd.DataFrame, weighted: bool, incomplete: bool) -> ModelFacts:
        kind, estimation = KINDS[self.name]
        formula = str(getattr(self.source, "formula", None) or "")
        response = formula.partition("~")[0].strip() or str(self.dependent.columns[0])
        notes: tuple[ModelNote, ...] = transformed_response(response, frame)
        if weighted:
            notes = (*notes, FitWeights("weights"))
        if self.absorbed:
            notes = (*notes, Remark(absorbs(self.absorbed)))
        random = self.name == "RandomEffects"
        return ModelFacts(
            kind=f"{kind} (linearmodels {self.name})",
            response=response,
            n=len(frame),
            estimation=estimation,
            random_effects=RandomEffects.INTEGRATED if random else RandomEffects.NONE,
            incomplete=incomplete,
            notes=notes,
            response_variables=response_columns(response, frame),
        )


def _frame_of(data: Any) -> pd.DataFrame:
    """Return linearmodels' own holder of data as a frame."""
    return data.dataframe if hasattr(data, "dataframe") else data.pandas


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=levels) if levels else frame
    return frame.reset_index(drop=True)


def _is_constant(column: Any) -> bool:
    return bool((np.asarray(column, dtype=float) == 1.0).all())


def _has_constant(exog: pd.DataFrame) -> bool:
    return any(_is_constant(exog[name]) for name in exog.columns)


def _holds(built: FloatArray, exog: FloatArray) -> bool:
    """Tell whether every column of the fit is among those that were built."""
    return all(np.isclose(built, column[:, None]).all(axis=0).any() for column in exog.T)
