"""Bootstrap a fitted MixedLM: all replicates at once, in the mixed-model engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pymargins._typing import IntArray
from pymargins.adapters.training import cluster_labels
from pymargins.errors import ArgumentError, ModelError, UnsupportedError
from pymargins.estimand import Draws
from pymargins.inference.options import Bootstrap
from pymargins.inference.progress import progress_bar
from pymargins.inference.resampling import Replicates
from pymargins.mixed import (
    MixedFit,
    bootstrap,
    fit,
    jackknife,
    likelihood_ratio,
)
from pymargins.mixed.sampling import ClusterSampling
from pymargins.model import ModelView

WORDS = {
    "cluster": "cluster bootstrap",
    "parametric": "parametric bootstrap",
    "residual": "residual bootstrap (reflated at both levels)",
    "wild": "wild cluster bootstrap",
}
LEAST_IN_STRATUM = 2
#: Fewer clusters, or fewer in an arm, leave a bootstrap little to draw from.
FEW_CLUSTERS = 8
FEW_IN_ARM = 4


def bootstrap_mixed(adapter: Any, option: Bootstrap) -> Replicates:
    """Draw and refit the replicates that `option` asks for.

    Random effects, ML or REML and fixed effects are those of the fit; the replicates are refitted
    from its estimates.

    Raises
    ------
    UnsupportedError
        Where the engine does not cover the fit (parameters held fixed, penalties).
    """
    if adapter.constrained:
        raise UnsupportedError(
            "bootstrap: this fit holds parameters fixed or penalises them, which the engine does "
            'not cover. Use Bootstrap(engine="refit").'
        )
    data = adapter.data
    best = fit(data, start=adapter.parameters)
    if option.kind == "cluster":
        return _clusters(adapter, option, best)
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap(
            data,
            best,
            option.kind,
            option.n_boot,
            option.rng,
            leverage="cr3" if option.leverage == "CR3" else "cr2",
            weights=option.multiplier or "rademacher",
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )
    notes = few_clusters(ClusterSampling.of_groups(data.n_groups)) if option.kind == "wild" else ()
    return _replicates(found, WORDS[option.kind], None, False, notes)


def likelihood_ratio_test(adapter: Any, columns: list[int], option: Bootstrap) -> pd.Series:
    """Test that the coefficients of some columns are zero, by maximum likelihood."""
    from scipy import special

    if adapter.constrained:
        raise UnsupportedError(
            "likelihood_ratio_test: this fit holds parameters fixed or penalises them."
        )
    full = adapter.maximum_likelihood_data(None)
    null = adapter.maximum_likelihood_data(columns)
    if null.rank == full.rank:
        raise ArgumentError(
            "likelihood_ratio_test: the other terms of the model span the same columns, so there "
            "is nothing to test. Leave out the interactions that contain the term too."
        )
    with progress_bar(2 * option.n_boot, option.progress) as advance:
        found = likelihood_ratio(null, full, option.n_boot, option.rng, progress=advance)
    df1 = full.rank - null.rank
    return pd.Series(
        {
            "statistic": found.statistic,
            "df1": df1,
            "p_value": found.p_value,
            "p_chi2": float(special.chdtrc(df1, max(found.statistic, 0.0))),
            "n_boot": int(found.converged.sum()),
        }
    )


def _clusters(adapter: Any, option: Bootstrap, best: MixedFit) -> Replicates:
    sampling, words = cluster_sampling(adapter.view, option)
    resampled = option.population == "resampled"
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap(
            adapter.data,
            best,
            "cluster",
            option.n_boot,
            option.rng,
            sampling=sampling,
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )

    def leave_one_out() -> Draws:
        fits = jackknife(adapter.data, best, sampling)
        if not fits.usable.all():
            raise ModelError(
                f"bca: {int((~fits.usable).sum())} of the fits that leave out one cluster do not "
                "identify every coefficient, so the acceleration is not defined. Use "
                '"studentized".'
            )
        weights = fits.weights if resampled else None
        return Draws(fits.beta, None if weights is None else weights.astype(float))

    return _replicates(found, words, leave_one_out, resampled, few_clusters(sampling))


def _replicates(
    found: Any, words: str, left_out: Any, resampled: bool, notes: tuple[str, ...]
) -> Replicates:
    keep = found.usable
    weights = None
    if resampled and found.weights is not None:
        weights = np.asarray(found.weights[keep], dtype=float)
    return Replicates(
        draws=Draws(found.beta[keep], weights),
        cov=None if found.cov is None else found.cov[keep],
        center=found.reference_beta,
        base_cov=found.reference_cov,
        failures=found.failures,
        singular=int(found.singular[keep].sum()),
        jackknife=left_out,
        words=words,
        notes=notes,
    )


def _threads(n_jobs: int) -> int:
    import os

    return n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)


# --- strata and larger clusters ------------------------------------------------------------------


def cluster_sampling(view: ModelView, option: Bootstrap) -> tuple[ClusterSampling, str]:
    """Return what the cluster kind draws, and the words for it."""
    strata, named = group_strata(view) if option.stratify else (None, [])
    size = _n_groups(view)
    clusters, words = None, WORDS["cluster"]
    if option.cluster is not None:
        clusters = larger_clusters(view, option.cluster)
        words = f"bootstrap of {clusters.max() + 1} clusters"
        if strata is not None and not _hold(strata, clusters):
            strata, named = None, []
    if named:
        words += f" within {' x '.join(named)}"
    return ClusterSampling.of_groups(size, strata, clusters), words


def few_clusters(sampling: ClusterSampling) -> tuple[str, ...]:
    """Say where there is little to draw from."""
    least = int(np.bincount(sampling.strata).min())
    if sampling.n_clusters >= FEW_CLUSTERS and least >= FEW_IN_ARM:
        return ()
    where = f"{sampling.n_clusters} clusters"
    if sampling.n_clusters >= FEW_CLUSTERS:
        where = f"{least} clusters in an arm"
    return (
        f"only {where}: a bootstrap of clusters has little to draw from; compare with "
        'df="kenward-roger", or take Bootstrap(kind="parametric")',
    )


def _n_groups(view: ModelView) -> int:
    assert view.groups is not None
    return int(view.groups.max()) + 1


def _hold(strata: IntArray, clusters: IntArray) -> bool:
    """Tell whether each stratum consists of at least two whole clusters."""
    of_cluster = np.full(int(clusters.max()) + 1, -1)
    of_cluster[clusters] = strata
    whole = np.array_equal(of_cluster[clusters], strata)
    return whole and bool(np.bincount(of_cluster).min() >= LEAST_IN_STRATUM)


def group_strata(view: ModelView) -> tuple[IntArray | None, list[str]]:
    """Return a code per group for the arms that are constant within groups, and their names.

    Arms are the categorical and two-valued variables of the model. One that would leave a stratum
    with a single group, which could then not vary, is left out.
    """
    assert view.groups is not None
    size = _n_groups(view)
    first = np.full(size, -1)
    first[view.groups[::-1]] = np.arange(len(view.groups))[::-1]
    strata = np.zeros(size, dtype=np.intp)
    named: list[str] = []
    for name, variable in view.variables.items():
        codes = pd.factorize(view.frame[name])[0]
        if variable.kind == "numeric" and codes.max() != 1:
            continue
        if codes.max() == 0 or not np.array_equal(codes, codes[first[view.groups]]):
            continue
        finer = pd.factorize(strata * (int(codes.max()) + 1) + codes[first])[0]
        if np.bincount(finer).min() >= LEAST_IN_STRATUM:
            strata = finer.astype(np.intp)
            named.append(name)
    return (strata, named) if named else (None, [])


def larger_clusters(view: ModelView, cluster: Any) -> IntArray:
    """Return the larger cluster (0..C-1) of every group.

    Raises
    ------
    ArgumentError, UnknownNameError
        Where the column does not exist, has the wrong length or missing values, or cuts a group.
    """
    assert view.groups is not None
    labels = cluster_labels(view, cluster)
    codes, found = pd.factorize(labels)
    if (codes < 0).any():
        raise ArgumentError(f"cluster: {int((codes < 0).sum())} rows have a missing cluster.")
    of_group = np.full(_n_groups(view), -1)
    of_group[view.groups] = codes
    cut = of_group[view.groups] != codes
    if cut.any():
        raise ArgumentError(
            f"cluster: it cuts {len(np.unique(view.groups[cut]))} of the model's groups; a cluster "
            "must hold whole groups."
        )
    if len(found) < LEAST_IN_STRATUM:
        raise ArgumentError("cluster: there is one cluster only; nothing can be resampled.")
    return of_group
