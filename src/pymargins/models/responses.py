"""The same model asked for another response: the linear predictor, a part of two equations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pymargins.errors import ArgumentError, ArgumentTypeError, UnsupportedError, not_one_of
from pymargins.facts import ResponseOf
from pymargins.models.fitted import Fitted
from pymargins.models.links import IDENTITY
from pymargins.models.means import LinearMean, Mean, Predictor, PredictorMean
from pymargins.models.outcome_scale import on_outcome_scale
from pymargins.options import Response


@dataclass(frozen=True, slots=True, eq=False)
class OtherMean:
    """Gives a model another mean.

    Parameters
    ----------
    name : str
        What `response=` calls it.
    mean : Mean
    """

    name: str
    mean: Mean

    def __call__(self, fitted: Fitted) -> Fitted:
        """Return the model; its tables say what figures are of."""
        facts = replace(fitted.facts, notes=(*fitted.facts.notes, ResponseOf(self.name)))
        return replace(fitted, mean=self.mean, facts=facts, responses={})


def with_responses(fitted: Fitted, means: Mapping[str, Mean]) -> Fitted:
    """Return a model that offers other responses, by name."""
    offers = {name: OtherMean(name, mean) for name, mean in means.items()}
    return replace(fitted, responses={**fitted.responses, **offers})


def link_mean_of(fitted: Fitted, predictor: Predictor | None = None) -> Mean:
    """Return the mean that is a linear predictor itself, offset included."""
    predictor = predictor or Predictor()
    if predictor.role not in fitted.offsets:
        return LinearMean(predictor)
    return PredictorMean(IDENTITY, (predictor,))


def link_response(fitted: Fitted) -> Fitted:
    """Return a model of one linear predictor that offers it as the response ``"link"``."""
    return with_responses(fitted, {"link": link_mean_of(fitted)})


def choose_response(fitted: Fitted, response: object) -> Fitted:
    """Return the model with the response that a session asked for.

    Parameters
    ----------
    fitted : Fitted
    response : str or Response, optional

    Raises
    ------
    ArgumentError
        For a name that nothing is called.
    UnsupportedError
        For a response that this class of models does not have.
    """
    if response is None:
        return fitted
    if not isinstance(response, (str, Response)):
        raise ArgumentTypeError(
            f"response: expected a name, a Response or None, got {type(response).__name__}."
        )
    if fitted.outcome_scale is not None:
        asked = response if isinstance(response, Response) else Response(response)
        return on_outcome_scale(fitted, asked)
    if isinstance(response, Response):
        raise UnsupportedError(
            f"response: the outcome of a {fitted.facts.kind} was not transformed: it is modelled "
            "by its mean. Leave `response` out."
        )
    if response in fitted.responses:
        return fitted.responses[response](fitted)
    if not fitted.responses:
        raise UnsupportedError(
            f"response: got {response!r}; a {fitted.facts.kind} has one response only, its "
            f"default. Leave `response` out.{_of_logarithms(fitted.facts.log_of)}"
        )
    error = not_one_of("response", response, fitted.responses)
    raise ArgumentError(f"{error} Leave it out for the default.")


def _of_logarithms(name: str) -> str:
    """Say what has a meaning where figures are logarithms without a level."""
    if not name:
        return ""
    return (
        f" Differences of log {name}s have a meaning without the baseline, their level and averaged"
        f' survival have none; scale="log" reports {name} ratios.'
    )
