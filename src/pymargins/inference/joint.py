"""Joint Wald tests that know the rank of what they test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pymargins._typing import FloatArray
from pymargins.errors import ArgumentError, NumericalError
from pymargins.estimands.jacobians import over_used
from pymargins.estimands.nodes import Estimand
from pymargins.inference.distributions import f_upper_tail
from pymargins.inference.factor import RANK_TOLERANCE, independent_basis, lengths
from pymargins.inference.uncertainty import Uncertainty


def wald(estimand: Estimand, null: FloatArray, inference: Uncertainty) -> pd.Series:
    """Test that an estimand equals `null`, all rows at once.

    Parameters
    ----------
    estimand : Estimand
    null : ndarray, shape (k,)
    inference : Uncertainty

    Raises
    ------
    ArgumentError
        Where nothing varies, or where redundant rows are asked to take values that contradict
        each other.
    NumericalError
        Where the covariance leaves out a combination of the rows that is not redundant.
    """
    factor = inference.joint_factor(estimand)
    basis, spectrum = independent_basis(factor)
    rank = len(spectrum)
    if rank == 0:
        raise ArgumentError("joint_test: no row has any uncertainty; there is nothing to test.")
    safe = lengths(factor)
    distance = (inference.value(estimand) - null) / safe
    within = basis.T @ distance
    outside = distance - basis @ within
    if np.abs(outside).max() > 1e-6 * max(1.0, float(np.abs(distance).max())):
        jac = over_used(inference.jacobian(estimand))
        sizes = np.linalg.svd(jac / safe[:, None], compute_uv=False)
        independent = int((sizes > RANK_TOLERANCE * sizes[0]).sum())
        if independent > rank:
            raise NumericalError(
                f"joint_test: the rows make {independent} independent constraints, but their "
                f"covariance is singular, of rank {rank}: some combination of them has no "
                "estimated variance. A cluster-robust covariance cannot test as many constraints "
                "as there are clusters; test fewer rows."
            )
        raise ArgumentError(
            "joint_test: some rows are combinations of others, and the null values given for them "
            "contradict each other."
        )
    statistic = float((within**2 / spectrum).sum()) / rank
    rows = inference.jacobian(estimand)
    if rank < len(estimand):
        rows = (basis / safe[:, None]).T @ rows
    joint = inference.joint_reference(rows)
    scaling, df2 = joint.scale, joint.df2
    p = f_upper_tail(scaling * statistic, rank, df2)
    finite = bool(np.isfinite(df2))
    return pd.Series(
        {
            "test": "F" if finite else "chi2",
            "statistic": scaling * statistic * (1 if finite else rank),
            "df1": rank,
            "df2": df2,
            "p_value": p,
        },
        name="joint test",
    )
