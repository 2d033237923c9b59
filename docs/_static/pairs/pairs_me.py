"""What marginaleffects draws for the questions of docs/how-to/plots-side-by-side.md.

python docs/_static/pairs/pairs_me.py, with marginaleffects 0.6.0, plotnine 0.15.9, statsmodels
0.15.0. Every picture in the folder is then given a palette, which makes its file small.
"""

from pathlib import Path

import pandas as pd
import statsmodels.formula.api as smf
from marginaleffects import plot_comparisons, plot_predictions, plot_slopes
from PIL import Image

HERE = Path(__file__).parent
births = pd.read_csv(HERE.parents[1] / "data" / "birthwt.csv").assign(smoker=lambda d: d["smoke"])
births["smoke"] = births["smoke"].map({0: "no", 1: "yes"})
births = births.astype({"race": "category", "smoke": "category"})  # it refuses strings

babies = smf.ols("bwt ~ lwt * smoke + race + age", births).fit()
coded = smf.ols("bwt ~ smoker * race", births).fit()
crossed = smf.ols("bwt ~ lwt * race * smoke", births).fit()
bent = smf.ols("bwt ~ lwt + I(lwt**2) + smoke", births).fit()
low = smf.logit("low ~ lwt + smoke", births).fit(disp=0)

PICTURES = {
    "band": (plot_predictions(babies, condition="lwt"), 4.2),
    "data": (plot_predictions(babies, condition="lwt", points=0.5), 4.2),
    "lines": (plot_predictions(babies, condition=["lwt", "smoke"]), 4.2),
    "panels": (plot_predictions(babies, condition=["lwt", "race", "smoke"]), 4.2),
    "coded": (plot_predictions(coded, condition=["smoker", "race"]), 4.2),
    "probability": (plot_predictions(low, condition=["lwt", "smoke"]), 4.2),
    "slopes": (plot_slopes(crossed, variables="lwt", by=["race", "smoke"]), 3.1),
    "along": (plot_slopes(bent, variables="lwt", condition="lwt"), 4.2),
    "comparisons": (
        plot_comparisons(crossed, variables={"race": "pairwise"}, by="smoke"),
        3.1,
    ),
}
for name, (picture, height) in PICTURES.items():
    picture.save(HERE / f"{name}.png", width=6.4, height=height, dpi=100, verbose=False)
for path in HERE.glob("*.png"):
    with Image.open(path) as image:
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
