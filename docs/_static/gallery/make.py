"""Draw the small pictures of docs/how-to/plots.md: python docs/_static/gallery/make.py."""

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "how-to" / "plots.md").read_text(encoding="utf-8")
CALLS = {
    "band": 'nights.predict("Days").plot(data=True, caption=False)',
    "points": 'field.predict(["nitrogen", "Variety"]).plot(caption=False)',
    "panels": 'babies.predict(["lwt", "race", "smoke"]).plot(caption=False)',
    "forest": 'field.contrasts(pairwise("nitrogen")).plot(caption=False)',
    "arrows": 'field.predict("nitrogen").plot(arrows=True, caption=False)',
    "density": 'drawn.contrasts(pairwise("race")).plot(kind="density", caption=False)',
}

setup = PAGE.split("```{code-cell} ipython3\n", 1)[1].split("```", 1)[0]
names: dict[str, object] = {}
exec(setup.replace("../data", str(HERE.parents[1] / "data")), names)
exec('drawn = Margins(births_fit, method="simulation", rng=1)', names)
for name, call in CALLS.items():
    figure = np.ravel(eval(call, names))[0].figure
    figure.set_size_inches(4.2, 2.8)
    figure.savefig(HERE / f"{name}.png", dpi=60)
    plt.close(figure)
