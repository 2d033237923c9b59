"""Bootstrap a fitted MixedLM: all replicates at once, in the mixed-model engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pymargins.adapters.drawn_clusters import cluster_sampling, few_clusters
from pymargins.errors import ArgumentError, ModelError, UnsupportedError
from pymargins.facts import FewClusters
from pymargins.mixed import (
    MixedData,
    MixedFit,
    bootstrap,
    jackknife,
    likelihood_ratio,
    random_effects,
)
from pymargins.mixed.prediction.columns import joined
from pymargins.mixed.prediction.replicate_errors import ReplicateErrors
from pymargins.mixed.prediction.replicates import bootstrap_predictions
from pymargins.mixed.prediction.shrinkage import Shrinkage
from pymargins.mixed.refits.bootstraps import BootstrapKind
from pymargins.mixed.refits.sampling import ClusterSampling
from pymargins.mixed.small_samples.robust import robust_fit
from pymargins.models.clusters import EFFECTS
from pymargins.models.fitted import Fitted
from pymargins.models.parameters import Point, slices
from pymargins.models.uncertainty import Replicates, Seen
from pymargins.options import Bootstrap
from pymargins.progress import progress_bar


def bootstrap_mixed(
    fitted: Fitted, data: MixedData, best: MixedFit, option: Bootstrap
) -> Replicates:
    """Draw and refit the replicates that `option` asks for.

    Random effects, ML or REML and fixed effects are those of the fit; the replicates are refitted
    from its estimates.
    """
    kind = kind_of_groups(option)
    if kind == "cluster":
        return _clusters(fitted, data, best, option)
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap(
            data,
            best,
            kind,
            option.n_boot,
            option.rng,
            leverage="cr3" if option.leverage == "CR3" else "cr2-whitened",
            weights=option.multiplier or "rademacher",
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )
    if kind != "wild":
        return _replicates(found, best)
    notes = few_clusters(ClusterSampling.of_groups(data.n_groups))
    seen = Seen(robust_fit(data, best.params, "CR2").seen)
    return replace(_replicates(found, best, notes=notes), seen=seen)


def bootstrap_of_clusters(data: MixedData, best: MixedFit, option: Bootstrap) -> Replicates:
    """Draw and refit replicates of the clusters of the fit, with errors of predicting them.

    Replicates scatter around the predictions of the fit by these errors.

    Raises
    ------
    UnsupportedError
        For the kinds whose replicates have no random effects that are known.
    """
    kind = option.kind
    if kind not in ("parametric", "residual"):
        what = "multiplies their residuals" if kind == "wild" else "draws other clusters"
        raise UnsupportedError(
            f"kind: {kind!r} {what}, so that its replicates hold no errors of predicting the "
            'clusters of the fit, which random_effects="predicted" asks about. Use '
            'kind="parametric" (the default here) or "residual".'
        )
    if option.engine == "refit":
        raise UnsupportedError(
            'engine: "refit" keeps no random effects of its replicates, which '
            'random_effects="predicted" needs. Use engine="auto".'
        )
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap_predictions(
            data,
            best,
            kind,
            option.n_boot,
            option.rng,
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )
    refits, keep = found.refits, found.refits.usable
    own = _replicates(refits, best)
    effects = joined(random_effects(data, best.params, best.gls))
    parts = {name: own.point.block(name) for name in own.point.blocks}
    parts[EFFECTS] = effects + found.errors[keep]
    center = np.concatenate([own.center, effects])
    widths = {name: part[0] for name, part in parts.items()}
    assert refits.cov is not None
    return replace(
        own,
        point=Point(np.concatenate(list(parts.values()), axis=1), slices(widths)),
        center=center,
        cov=ReplicateErrors(data, Shrinkage.of_refits(data, refits, keep), refits.cov[keep]),
        base_cov=ReplicateErrors(
            data, Shrinkage.of_params(data, best.params), refits.reference_cov[None]
        ),
        covers=("beta", EFFECTS),
    )


def kind_of_groups(option: Bootstrap) -> BootstrapKind:
    """Return the kind of bootstrap, which must be one of groups.

    Raises
    ------
    UnsupportedError
        Where it is not, and for larger clusters of the wild kind.
    """
    if option.kind is None or option.kind == "rows":
        raise UnsupportedError(
            'kind: "rows" draws single rows, which would break up the groups of this model. Use '
            'kind="cluster", which draws whole groups.'
        )
    if option.kind == "wild" and option.cluster is not None:
        raise UnsupportedError(
            'cluster: kind="wild" multiplies the residuals of the groups of a mixed model, not of '
            'larger clusters. Leave `cluster` out, or use kind="cluster".'
        )
    return option.kind


def likelihood_ratio_test(null: MixedData, full: MixedData, option: Bootstrap) -> pd.Series:
    """Test by maximum likelihood that the coefficients that `null` lacks are zero."""
    from scipy import special

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


def _clusters(fitted: Fitted, data: MixedData, best: MixedFit, option: Bootstrap) -> Replicates:
    assert fitted.groups is not None
    drawn = cluster_sampling(fitted, option)
    sampling = drawn.sampling
    resampled = option.population == "resampled"
    with progress_bar(option.n_boot, option.progress) as advance:
        found = bootstrap(
            data,
            best,
            "cluster",
            option.n_boot,
            option.rng,
            sampling=sampling,
            n_jobs=_threads(option.n_jobs),
            progress=advance,
        )

    return replace(
        _replicates(found, best, resampled, few_clusters(sampling)),
        jackknife=Jackknife(data, best, sampling, resampled),
        strata=drawn.strata,
        clusters=drawn.clusters,
        seen=Seen(robust_fit(data, best.params, "CR0", sampling.clusters[fitted.groups]).seen),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Jackknife:
    """The fits that leave out one cluster each."""

    data: MixedData
    best: MixedFit
    sampling: ClusterSampling
    resampled: bool

    def __call__(self) -> Point:
        """Fit them."""
        fits = jackknife(self.data, self.best, self.sampling)
        if not fits.usable.all():
            raise ModelError(
                f"bca: {int((~fits.usable).sum())} of the fits that leave out one cluster do not "
                "identify every coefficient, so the acceleration is not defined. Use "
                '"studentized".'
            )
        return _point(fits, self.best, fits.usable, self.resampled)


def _replicates(
    found: Any, best: MixedFit, resampled: bool = False, notes: tuple[FewClusters, ...] = ()
) -> Replicates:
    keep = found.usable
    return Replicates(
        point=_point(found, best, keep, resampled),
        center=np.concatenate([found.reference_beta, best.params.gamma]),
        cov=None if found.cov is None else found.cov[keep],
        base_cov=found.reference_cov,
        failures=found.failures,
        singular=int(found.singular[keep].sum()),
        notes=notes,
    )


def _point(found: Any, best: MixedFit, keep: Any, resampled: bool) -> Point:
    """Return the parameters of replicates: coefficients, then variances."""
    weights = None
    if resampled and found.weights is not None:
        weights = np.asarray(found.weights[keep], dtype=float)
    rows, cols = np.tril_indices(best.params.psi.shape[0])
    psi = found.psi[keep][:, rows, cols]
    gamma = np.column_stack([psi, found.components[keep], found.sigma2[keep]])
    where = slices({"beta": best.beta, "gamma": best.params.gamma})
    return Point(np.column_stack([found.beta[keep], gamma]), where, weights)


def _threads(n_jobs: int) -> int:
    import os

    return n_jobs if n_jobs > 0 else max(1, (os.cpu_count() or 1) + 1 + n_jobs)
