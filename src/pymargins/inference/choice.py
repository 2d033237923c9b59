"""From the words of a session to its inference: covariance, degrees of freedom, method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pymargins.errors import ArgumentError, ArgumentTypeError, listing, not_one_of
from pymargins.inference.covariance import choose_vcov
from pymargins.inference.delta import DeltaInference
from pymargins.inference.freedom import choose_df
from pymargins.inference.options import Bootstrap, Delta, Simulation
from pymargins.inference.resampling import bootstrap, simulate

BOOTSTRAP = "bootstrap"
METHODS: dict[str, type[Any]] = {
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
    """A session's inference and the words for it."""

    inference: Any
    vcov: str
    vcov_words: str
    df_words: str
    option: Delta | Simulation | Bootstrap


def choose_inference(
    adapter: Any, vcov: Any, df: Any, cluster: Any, method: Any, options: Mapping[str, Any]
) -> Choice:
    """Build the inference a session asked for, or say what is supported."""
    option = parse_method(method, options)
    if isinstance(option, Bootstrap):
        return _bootstrapped(adapter, vcov, df, cluster, option)
    cov = choose_vcov(adapter, vcov, df, cluster)
    if isinstance(option, Simulation):
        _refuse_df(df, "simulation")
        inference = simulate(option, adapter.view.params, cov.matrix)
        return Choice(inference, cov.kind, cov.words, "none: percentiles of the draws", option)
    freedom = choose_df(adapter, df, cov)
    inference = DeltaInference(cov.matrix, freedom)
    return Choice(inference, cov.kind, cov.words, freedom.words, option)


def _bootstrapped(adapter: Any, vcov: Any, df: Any, cluster: Any, option: Bootstrap) -> Choice:
    _refuse_df(df, "bootstrap")
    if vcov is not None:
        raise ArgumentError(
            'vcov: method="bootstrap" takes its uncertainty from refits; leave `vcov` out.'
        )
    if cluster is not None:
        if option.cluster is not None:
            raise ArgumentError("cluster: given to the session and to Bootstrap(); give it once.")
        option = replace(option, cluster=cluster)
    words = "of the bootstrap draws"
    found = bootstrap(option, adapter)
    return Choice(found, BOOTSTRAP, words, "none: bootstrap distribution", option)


def _refuse_df(df: Any, name: str) -> None:
    if df is not None:
        raise ArgumentError(
            f'df: method="{name}" takes its intervals from draws; leave `df` out or use '
            'method="delta".'
        )


def parse_method(method: Any, options: Mapping[str, Any]) -> Delta | Simulation | Bootstrap:
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
    if isinstance(method, tuple(METHODS.values())):
        if given:
            option = next(iter(given))
            raise ArgumentError(
                f"{option}: give it to {type(method).__name__}({option}=...) or to the session "
                "with a method named by a string, not to both."
            )
        return method
    raise ArgumentTypeError(
        f"method: expected one of {listing(METHODS)} or an option object, got {method!r}."
    )
