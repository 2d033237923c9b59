"""What statsmodels stores of a formula, whichever engine read it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pymargins.adapters.response import is_transformed, response_variables
from pymargins.facts import TransformedResponse
from pymargins.models.design import Design


def stored_spec(data: Any) -> Any:
    """Return the right-hand-side spec of a formula fit: 0.15 and 0.14 name it differently."""
    spec = getattr(data, "model_spec", None)
    return spec if spec is not None else getattr(data, "design_info", None)


def formula_engine(spec: Any) -> str:
    """Name what read a formula; nothing where there is none."""
    if spec is None:
        return ""
    return "patsy" if hasattr(spec, "factor_infos") else "formulaic"


def design_of_spec(spec: Any, frame: pd.DataFrame) -> Design:
    """Translate a stored formula spec of either engine."""
    columns = _names(frame)
    if hasattr(spec, "factor_infos"):
        from pymargins.adapters.patsy_design import design_from_patsy

        return design_from_patsy(spec, columns)
    from pymargins.adapters.formulaic_design import design_from_formulaic

    return design_from_formulaic(spec, columns)


def formula_order(source: Any, spec: Any) -> str | None:
    """Return the text that tells the order of the variables, where the stored spec lost it.

    statsmodels puts formulaic's categories first, as patsy does with columns; patsy's own spec
    keeps the order of its factors, unless its intercept was taken out (OrderedModel, PHReg).
    """
    if spec is None:
        return None
    if hasattr(spec, "factor_infos") and any(not term.factors for term in spec.terms):
        return None
    return str(source.formula).partition("~")[2]


def transformed_response(response: str, frame: pd.DataFrame) -> tuple[TransformedResponse, ...]:
    """Tell where the formula transforms the response: means do not transform back."""
    if not is_transformed(response, _names(frame)):
        return ()
    return (TransformedResponse(response, response_columns(response, frame)[0]),)


def response_columns(response: str, frame: pd.DataFrame) -> tuple[str, ...]:
    """Name the columns that the response is made of."""
    return response_variables(response, _names(frame))


def _names(frame: pd.DataFrame) -> list[str]:
    return [c for c in frame.columns if isinstance(c, str)]


def unwrapped(results: Any) -> Any:
    """Return a result without the wrapper that statsmodels puts around it."""
    return getattr(results, "_results", results)
