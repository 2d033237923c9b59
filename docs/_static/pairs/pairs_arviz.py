"""What ArviZ draws of draws, for docs/how-to/plots-side-by-side.md.

python docs/_static/pairs/pairs_arviz.py, with arviz 0.23.4, matplotlib 3.11.2, statsmodels 0.15.0;
then pairs_me.py, which makes the file smaller.
"""

from pathlib import Path

import arviz
import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf

HERE = Path(__file__).parent
births = pd.read_csv(HERE.parents[1] / "data" / "birthwt.csv")
fit = smf.ols("bwt ~ lwt * C(smoke) + race + age", births).fit()
names = ["race[T.other]", "race[T.white]"]
draws = np.random.default_rng(1).multivariate_normal(
    fit.params[names], fit.cov_params().loc[names, names], 4000
)
other, white = draws.T
differences = {"black - other": -other, "black - white": -white, "other - white": other - white}
axes = arviz.plot_forest(
    {name: values[np.newaxis] for name, values in differences.items()},
    kind="ridgeplot",
    combined=True,
    hdi_prob=0.95,
    ridgeplot_truncate=False,
    ridgeplot_quantiles=[0.5],
    ridgeplot_alpha=0.5,
    figsize=(5.6, 2.9),
    textsize=11,
)
axes[0].set_title("")
axes[0].figure.savefig(HERE / "density.png", dpi=100, bbox_inches="tight")
