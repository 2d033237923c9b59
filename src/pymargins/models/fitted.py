"""A fitted model, as everything after it sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd

from pymargins._typing import AnyArray, FloatArray, IntArray
from pymargins.errors import ModelError, UnsupportedError
from pymargins.facts import FitHealth, Health, ModelFacts
from pymargins.models.describe import make_variables
from pymargins.models.design import Design
from pymargins.models.influences import Influences
from pymargins.models.means import LinearMean, Mean
from pymargins.models.parameters import Parameters, Point
from pymargins.models.random_part import RANDOM, RandomPart
from pymargins.models.transforms import OutcomeScale
from pymargins.models.uncertainty import (
    CovarianceOffer,
    ReferenceOffer,
    Replicates,
    offered,
)
from pymargins.models.variables import Variable
from pymargins.models.variances import VarianceStructure
from pymargins.options import Bootstrap, Kind
from pymargins.ranks import column_rank

MEAN = "mean"


class Refits(Protocol):
    """What refits a model to other data."""

    @property
    def kind(self) -> Kind:
        """The kind of bootstrap where none is asked for."""
        ...

    def bootstrap(self, option: Bootstrap) -> Replicates:
        """Refit the model to resampled data."""
        ...

    def likelihood_ratio(self, columns: list[int], option: Bootstrap) -> pd.Series:
        """Bootstrap the likelihood ratio of a null model without these columns of the design."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A fitted model: parameters, the mean of a row, data, and what the class of models offers.

    What a model cannot do is None here; nothing is looked for by the name of an attribute.

    Parameters
    ----------
    parameters : Parameters
        In named blocks; those that `mean` depends on, and more where the model has more.
    mean : Mean
        The mean outcomes of a row.
    designs : mapping of str to Design
        What the design rows of each role are made of; ``"mean"`` always.
    variables : mapping of str to Variable
        The variables that can be set, in the formula's order.
    frame : DataFrame
        The rows the model was fitted to, all columns: a private snapshot.
    facts : ModelFacts
    covariances : mapping of str to CovarianceOffer
        By name, the default first.
    references : mapping of str to ReferenceOffer
        Degrees of freedom that belong to each contrast, by name.
    reference_df : float
        Degrees of freedom that the fit itself uses; infinite for the normal distribution.
    residual_df : float, optional
        Rows less the rank of the design.
    factor_values : mapping of str to tuple of ndarray
        By role, each factor of the design on the rows of `frame`, where they are known already.
    offsets : mapping of str to ndarray
        By role, what is added to the linear predictor of each row of `frame`.
    null_spaces : mapping of str to ndarray
        By block, directions (p, d) of the parameters that the data do not determine.
    row_weights : ndarray, shape (n,), optional
        How many observations each row of `frame` stands for: averages count them so.
    index : Index, optional
        Of the rows of `frame` as the user's own frame had it, by which what comes one a row is
        aligned; by default 0 to n - 1.
    groups : ndarray, shape (n,), optional
        The group of each row, 0..G-1, that a bootstrap draws: each row its own where rows are.
    refits : Refits, optional
    health : callable, optional
        Returns what a reviewer should know of the fit.
    polish : callable, optional
        Returns the same model at the optimum of its likelihood.
    random : callable, optional
        Returns what the random effects of a mixed model are made of.
    typical : Mean, optional
        The mean of a cluster whose random effects are zero, where it is not that of `mean`.
    predicted : callable, optional
        Returns the model whose rows keep their own clusters, at their predicted random effects.
    variances : callable, optional
        Returns the structure of the random part, of models that have one: its variance parameters
        are the block ``"gamma"``.
    outcome_scale : OutcomeScale, optional
        Of an outcome that is normal around its predictor: how it was transformed.
    responses : mapping of str to callable
        Other means that the class has, by name: from a model to the same with that mean.
    influences : callable, optional
        From the clusters that a session names, or None, to how much the units of the sample move
        the parameters.
    """

    parameters: Parameters
    mean: Mean
    designs: Mapping[str, Design]
    variables: Mapping[str, Variable]
    frame: pd.DataFrame
    facts: ModelFacts
    covariances: Mapping[str, CovarianceOffer]
    references: Mapping[str, ReferenceOffer] = field(default_factory=dict)
    reference_df: float = np.inf
    residual_df: float | None = None
    factor_values: Mapping[str, tuple[AnyArray, ...]] = field(default_factory=dict)
    offsets: Mapping[str, FloatArray] = field(default_factory=dict)
    null_spaces: Mapping[str, FloatArray] = field(default_factory=dict)
    row_weights: FloatArray | None = None
    index: pd.Index | None = None
    groups: IntArray | None = None
    refits: Refits | None = None
    health: Callable[[], Health | FitHealth] | None = None
    polish: Callable[[], Fitted] | None = None
    random: Callable[[], RandomPart] | None = None
    typical: Mean | None = None
    predicted: Callable[[], Fitted] | None = None
    variances: Callable[[], VarianceStructure] | None = None
    outcome_scale: OutcomeScale | None = None
    responses: Mapping[str, Callable[[Fitted], Fitted]] = field(default_factory=dict)
    influences: Callable[[Any], Influences] | None = None

    @classmethod
    def of(
        cls,
        params: Any,
        *,
        design: Design,
        frame: pd.DataFrame,
        covariances: Mapping[str, Any],
        kind: str,
        response: str,
        mean: Mean | None = None,
        **more: Any,
    ) -> Fitted:
        """Describe a model with one design: what an adapter of your own needs.

        Parameters
        ----------
        params : array_like, shape (p,)
            The coefficients, in the order of the design's columns.
        design : Design
            For example `Design.from_function`.
        frame : DataFrame
            The rows that were fitted.
        covariances : mapping of str to array or callable
            By name, the default first: (p, p), or a function that returns it when it is needed.
        kind, response : str
            How tables name the class of model and the outcome.
        mean : Mean, optional
            From `pymargins.models.link_mean`; by default the linear predictor itself.
        **more
            Other fields of `Fitted`.

        Raises
        ------
        ModelError
            Where coefficients and design do not have one length.
        """
        coefficients = np.array(params, dtype=float).ravel()
        if len(coefficients) != len(design.names):
            raise ModelError(
                f"params: {len(coefficients)} coefficients for a design of {len(design.names)} "
                "columns."
            )
        more.setdefault("index", frame.index)
        frame = frame.reset_index(drop=True)
        values = tuple(f.evaluate({v: frame[v] for v in f.variables}) for f in design.factors)
        missing = column_rank(design.rows(values, len(frame))).null_space
        more.setdefault("residual_df", float(len(frame) - len(coefficients) + missing.shape[1]))
        return cls(
            parameters=Parameters.of_blocks(beta=coefficients),
            mean=LinearMean() if mean is None else mean,
            designs={MEAN: design},
            variables=make_variables(design, frame),
            frame=frame,
            facts=ModelFacts(kind, response, len(frame)),
            covariances={name: offered(name, cov) for name, cov in covariances.items()},
            factor_values={MEAN: values},
            null_spaces={"beta": missing},
            **more,
        )

    @property
    def design(self) -> Design:
        """The design of the mean."""
        return self.designs[MEAN]

    def with_design(self, role: str, design: Design, values: tuple[AnyArray, ...]) -> Fitted:
        """Return the same with another design, and the variables that only it depends on."""
        new = make_variables(design, self.frame)
        return replace(
            self,
            designs={**self.designs, role: design},
            variables={
                **self.variables,
                **{k: v for k, v in new.items() if k not in self.variables},
            },
            factor_values={**self.factor_values, role: values},
        )

    def with_random(self) -> Fitted:
        """Return the same with the design ``"random"`` of its random effects.

        Raises
        ------
        UnsupportedError
            For a model without random effects.
        """
        if self.random is None:
            raise UnsupportedError(f"random effects: a {self.facts.kind} has none.")
        part = self.random()
        return self.with_design(RANDOM, part.design, part.values)

    @property
    def point(self) -> Point:
        """The fitted parameters that the mean depends on, as the one point of a session."""
        used = self.parameters.only(self.mean.blocks)
        return Point(used.value[None, :], used.blocks)


class Adapter(Protocol):
    """What a class must offer to make its models usable by `Margins`.

    `pymargins.testing.check_adapter` tells its author whether an instance keeps the promises.
    """

    @classmethod
    def accepts(cls, model: Any) -> bool:
        """Tell whether this adapter knows the fitted result `model`."""
        ...

    @property
    def model(self) -> Any:
        """The fitted result it was made from."""
        ...

    @property
    def fitted(self) -> Fitted:
        """The model as everything after it sees it."""
        ...
