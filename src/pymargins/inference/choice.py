"""From the words of a session to its inference: covariance, degrees of freedom, method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pymargins.errors import ArgumentError, ArgumentTypeError, listing, not_one_of
from pymargins.estimands.sampled import with_units
from pymargins.facts import CovarianceFacts, Distribution, ReferenceFacts
from pymargins.inference.covariance import choose_covariance
from pymargins.inference.delta import DeltaInference
from pymargins.inference.posterior import posterior
from pymargins.inference.reference import choose_reference
from pymargins.inference.resampling import bootstrap, simulate
from pymargins.inference.sampled import sampled_covariance
from pymargins.inference.uncertainty import Uncertainty
from pymargins.inference.whole import DRAWS, Whole
from pymargins.models.fitted import Fitted
from pymargins.models.influences import Influences
from pymargins.options import Bootstrap, Delta, Option, Posterior, Simulation

#: What the covariance of posterior draws is called.
POSTERIOR = "posterior"
METHODS: dict[str, type[Delta | Simulation | Bootstrap]] = {
    "delta": Delta,
    "simulation": Simulation,
    "bootstrap": Bootstrap,
}
USES: dict[str, tuple[str, ...]] = {
    "delta": (),
    "simulation": ("n_sim", "rng"),
    "bootstrap": ("n_boot", "rng", "n_jobs", "progress"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A session's inference, and what is to be said of it."""

    inference: Uncertainty
    covariance: CovarianceFacts
    reference: ReferenceFacts
    whole: Whole


def choose_inference(
    fitted: Fitted,
    vcov: Any,
    df: Any,
    cluster: Any,
    option: Option,
    sampled: Influences | None = None,
) -> Choice:
    """Build the inference a session asked for, or say what is supported.

    `sampled` are the units of a population that is a sample itself.
    """
    if sampled is not None:
        return _sampled(fitted, df, sampled)
    if isinstance(option, Bootstrap):
        return _bootstrapped(fitted, vcov, df, option)
    if isinstance(option, Posterior):
        return _of_posterior(fitted, vcov, df, cluster, option)
    cov = choose_covariance(fitted, vcov, df, cluster)
    if isinstance(option, Simulation):
        _refuse_df(df, "simulation")
        inference = simulate(option, fitted.point, cov.matrix, cov.seen)
        whole = Whole(fitted, inference)
        return Choice(inference, cov.facts, ReferenceFacts(Distribution.DRAWS), whole)
    reference = choose_reference(fitted, df, cov)
    inference = DeltaInference(fitted.point, cov.matrix, reference, cov.seen)
    whole = Whole(fitted, inference, vcov, df, cluster)
    return Choice(inference, cov.facts, reference.facts, whole)


def _sampled(fitted: Fitted, df: Any, sampled: Influences) -> Choice:
    cov = sampled_covariance(fitted, sampled)
    reference = choose_reference(fitted, df, cov)
    inference = DeltaInference(with_units(fitted.point, len(sampled)), cov.matrix, reference)
    return Choice(inference, cov.facts, reference.facts, Whole(fitted, inference))


def settle_method(option: Option, fitted: Fitted, cluster: Any) -> Option:
    """Return a bootstrap with the clusters of the session and with its kind; others as they are.

    Raises
    ------
    ArgumentError
        For clusters given twice, and for options that the kind does not use.
    """
    if not isinstance(option, Bootstrap):
        return option
    if cluster is not None:
        if option.cluster is not None:
            raise ArgumentError("cluster: given to the session and to Bootstrap(); give it once.")
        option = replace(option, cluster=cluster)
    return option if fitted.refits is None else option.of_kind(fitted.refits.kind)


def _bootstrapped(fitted: Fitted, vcov: Any, df: Any, option: Bootstrap) -> Choice:
    _refuse_df(df, "bootstrap")
    if vcov is not None:
        raise ArgumentError(
            'vcov: method="bootstrap" takes its uncertainty from refits; leave `vcov` out.'
        )
    inference, found = bootstrap(option, fitted)
    whole = Whole(fitted, inference, replicates=found)
    drawn = ReferenceFacts(Distribution.DRAWS)
    return Choice(inference, CovarianceFacts(DRAWS), drawn, whole)


def _of_posterior(fitted: Fitted, vcov: Any, df: Any, cluster: Any, option: Posterior) -> Choice:
    for name, value in (("vcov", vcov), ("df", df), ("cluster", cluster)):
        if value is not None:
            raise ArgumentError(
                f"{name}: a posterior has its uncertainty in its draws; leave `{name}` out."
            )
    inference = posterior(option, fitted)
    drawn = ReferenceFacts(Distribution.DRAWS)
    return Choice(inference, CovarianceFacts(POSTERIOR), drawn, Whole(fitted, inference))


def _refuse_df(df: Any, name: str) -> None:
    if df is not None:
        raise ArgumentError(
            f'df: method="{name}" takes its intervals from draws; leave `df` out or use '
            'method="delta".'
        )


def parse_method(method: Any, options: Mapping[str, Any]) -> Option:
    """Turn `method` and the options beside it into one option object.

    Raises
    ------
    ArgumentError
        For an option that the method does not use, or that is given both ways.
    """
    given = {k: v for k, v in options.items() if v is not None}
    if isinstance(method, str):
        if method not in METHODS:
            raise not_one_of("method", method, METHODS)
        for option in given:
            if option not in USES[method]:
                owner = next((name for name, uses in USES.items() if option in uses), None)
                where = f"; it belongs to method={owner!r}." if owner else "."
                raise ArgumentError(f'{option}: method="{method}" does not use it{where}')
        return METHODS[method](**given)
    if isinstance(method, (*METHODS.values(), Posterior)):
        if given:
            option = next(iter(given))
            name = next((k for k, made in METHODS.items() if type(method) is made), POSTERIOR)
            if option not in USES.get(name, ()):
                raise ArgumentError(
                    f"{option}: a {type(method).__name__} does not use it; leave it out."
                )
            raise ArgumentError(
                f"{option}: give it to {type(method).__name__}({option}=...) or to the session "
                "with a method named by a string, not to both."
            )
        return method
    raise ArgumentTypeError(
        f"method: expected one of {listing(METHODS)} or an option object, got {method!r}."
    )
