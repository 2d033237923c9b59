"""A free covariance of visits (MMRM), which statsmodels has with one variance too many, is R's.

The figures are those of R 4.2.2 with nlme 3.1.162 and emmeans::

    d <- read.csv("docs/data/BtheB.csv"); d <- d[!is.na(d$bdi), ]
    d$visit <- factor(paste0("m", d$month)); d$k <- match(d$month, c(2, 3, 5, 8))
    f <- gls(bdi ~ before + drug + length + treatment * visit, d,
             correlation = corSymm(form = ~ k | patient),
             weights = varIdent(form = ~ 1 | visit), method = "REML",
             control = glsControl(tolerance = 1e-10, msTol = 1e-12, opt = "optim"))
    contrast(emmeans(f, ~ treatment | visit, mode = "asymptotic"), list(c(-1, 1)))
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import FitWarning, Margins, pairwise

DATA = Path(__file__).parents[2] / "docs" / "data" / "BtheB.csv"
ESTIMATES = [3.106937776, 2.650375720, 1.784653135, 0.192522474]
STD_ERRORS = [1.78570413, 2.14831937, 2.23051743, 2.20521890]
R_STOPS = (
    1e-5  # its optimiser is that far from the optimum: the last digits move with its tolerance
)


def test_differences_at_each_visit():
    seen = pd.read_csv(DATA).dropna(subset="bdi")
    seen["visit"] = "m" + seen["month"].astype(str)
    fit = smf.mixedlm(
        "bdi ~ before + drug + length + treatment * visit",
        seen,
        groups="patient",
        re_formula="0 + visit",
    ).fit()
    with pytest.warns(FitWarning, match="a combination of the variance"):
        m = Margins(fit, vcov="gls", polish=True)
    found = m.contrasts(pairwise("treatment", ["TAU", "BtheB"]), atexog="visit")
    np.testing.assert_allclose(found.estimate, ESTIMATES, rtol=R_STOPS)
    np.testing.assert_allclose(found.std_error, STD_ERRORS, rtol=R_STOPS)
