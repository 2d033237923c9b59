"""Which clusters a cluster bootstrap draws, within which strata, and how much that makes vary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pymargins._typing import FloatArray, IntArray
from pymargins.errors import ArgumentError, ModelError

#: More clusters than these are left out in blocks.
MOST_LEFT_OUT = 500
SEED = 20_240_229


@dataclass(frozen=True, slots=True, eq=False)
class ClusterSampling:
    """Clusters of whole groups, drawn with replacement within strata.

    A cluster that is drawn twice enters as two clusters (Field & Welsh 2007,
    doi:10.1111/j.1467-9868.2007.00593.x).

    Attributes
    ----------
    clusters : (G,) int array
        The cluster 0..C-1 of each group.
    strata : (C,) int array
        The stratum 0..H-1 of each cluster.
    """

    clusters: IntArray
    strata: IntArray

    @classmethod
    def of_groups(
        cls, n_groups: int, strata: IntArray | None = None, clusters: IntArray | None = None
    ) -> ClusterSampling:
        """Sort groups into clusters, and clusters into strata.

        Parameters
        ----------
        n_groups : int
        strata : (G,) int array, optional
            A code per group, the same throughout a cluster; one stratum by default.
        clusters : (G,) int array, optional
            The cluster 0..C-1 of each group; by default each group is its own.
        """
        codes = np.arange(n_groups)
        if clusters is not None:
            codes = _one_per_group("clusters", clusters, n_groups)
        count = int(codes.max()) + 1
        if count < 2:
            whole = "group" if clusters is None else "cluster"
            raise ModelError(
                f'kind="cluster": whole {whole}s are drawn, but the model has only one {whole}. '
                'Use kind="parametric".'
            )
        of_group = np.zeros(n_groups, int)
        if strata is not None:
            of_group = _one_per_group("strata", strata, n_groups)
        of_group = np.unique(of_group, return_inverse=True)[1].ravel()
        of_cluster = np.zeros(count, int)
        of_cluster[codes] = of_group
        if not np.array_equal(of_cluster[codes], of_group):
            raise ArgumentError("strata: a cluster lies in more than one.")
        return cls(codes, of_cluster)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.strata)

    def __call__(self, rng: np.random.Generator, count: int) -> FloatArray:
        """Draw how often each group enters `count` replicates, (G, count)."""
        return self.times(rng, count)[:, self.clusters].T.astype(float, order="C")

    def times(self, rng: np.random.Generator, count: int) -> IntArray:
        """Draw how often each cluster enters `count` replicates, (count, C)."""
        drawn: list[IntArray] = []
        for h in range(self.strata.max() + 1):
            own = np.flatnonzero(self.strata == h)
            place = rng.integers(0, len(own), size=(count, len(own)))
            drawn.append(place if len(own) == self.n_clusters else own[place])
        every = drawn[0] if len(drawn) == 1 else np.concatenate(drawn, axis=1)
        every += np.arange(count)[:, None] * self.n_clusters
        flat = np.bincount(every.reshape(-1), minlength=count * self.n_clusters)
        return flat.reshape(count, self.n_clusters)

    @property
    def n_left_out(self) -> int:
        """How many times clusters are left out: one by one, or in as many blocks at most."""
        return min(self.n_clusters, MOST_LEFT_OUT)

    def left_out(self, first: int, last: int) -> FloatArray:
        """Return group weights (G, last - first) that leave out these clusters, one each.

        Of very many clusters blocks of equal size are left out, drawn with a fixed seed, so that
        work grows with the clusters and not with their square. Sums over blocks have the skewness
        over the root of their number that single clusters have over that of theirs, which is all
        that the acceleration of an interval is made of.
        """
        block = np.arange(self.n_clusters)
        if self.n_clusters > MOST_LEFT_OUT:
            block = np.random.default_rng(SEED).permutation(block) % MOST_LEFT_OUT
        return (block[self.clusters][:, None] != np.arange(first, last)).astype(float)

    def replicate(self, times: IntArray) -> tuple[IntArray, ClusterSampling]:
        """Write one replicate out: its groups (one or more copies each), and how they were drawn.

        Parameters
        ----------
        times : (G,) int array
            How often each group was drawn.
        """
        groups = np.repeat(np.arange(len(times)), times)
        copy = np.arange(len(groups)) - np.repeat(np.cumsum(times) - times, times)
        drawn = self.clusters[groups] * (int(times.max()) + 1) + copy
        _, first, codes = np.unique(drawn, return_index=True, return_inverse=True)
        return groups, ClusterSampling(codes.ravel(), self.strata[self.clusters[groups[first]]])

    def variance(self, influence: FloatArray, times: FloatArray | None) -> FloatArray:
        r"""Return the variance (B, r, r) of a sum of cluster influences, drawn within strata.

        .. math::

            \sum_h \frac{n_h}{n_h - 1} \sum_{c \in h} (a_c - \bar a_h)(a_c - \bar a_h)'

        over the drawn clusters, :math:`a_c` the sum of the influences of a cluster's groups: the
        linearised variance of stratified cluster samples (Binder 1983, *International Statistical
        Review* 51, 279-292). The influences add up to zero over all clusters but not in each
        stratum. What their means differ by between strata does not vary from replicate to
        replicate, so it must not count.

        Parameters
        ----------
        influence : (B, G, r) array
            Of each group, in each replicate.
        times : (G, B) array or None
            How often each group enters; None for once.
        """
        own = np.argsort(self.clusters, kind="stable")
        a = _summed(influence, self.clusters, own)
        order = np.argsort(self.strata, kind="stable")
        starts = np.searchsorted(self.strata[order], np.arange(self.strata.max() + 1))
        a = a if len(starts) == 1 else a[:, order]
        count = np.bincount(self.strata).astype(float)
        factor = count / np.maximum(count - 1.0, 1.0)
        weighted = a
        if times is not None:
            first = own[np.searchsorted(self.clusters[own], np.arange(self.n_clusters))]
            weighted = a * times[first[order]].T[:, :, None]
        sums = np.add.reduceat(weighted, starts, axis=1)
        squares = (weighted * factor[self.strata[order], None]).transpose(0, 2, 1) @ a
        return squares - (sums * (factor / count)[:, None]).transpose(0, 2, 1) @ sums


def _summed(influence: FloatArray, clusters: IntArray, order: IntArray) -> FloatArray:
    if len(clusters) == clusters.max() + 1 and np.array_equal(clusters, order):
        return influence
    starts = np.searchsorted(clusters[order], np.arange(int(clusters.max()) + 1))
    return np.add.reduceat(influence[:, order], starts, axis=1)


def _one_per_group(name: str, codes: IntArray, n_groups: int) -> IntArray:
    codes = np.asarray(codes)
    if codes.shape != (n_groups,):
        raise ArgumentError(
            f"{name}: must have one code per group, shape ({n_groups},); got {codes.shape}."
        )
    return codes
