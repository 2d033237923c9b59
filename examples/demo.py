"""The main job from end to end: two mixed models, their tables in the terminal, plots in out/.

Run it with `make demo`, or `python examples/demo.py` where pymargins[plot] is installed.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from matplotlib import pyplot as plt

from pymargins import Margins, pairwise, reference

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "out"


def school_data() -> pd.DataFrame:
    """Simulate 400 scores of 40 students: age +0.3, treatment +3, girls -2."""
    rng = np.random.default_rng(42)
    n = 400
    df = pd.DataFrame(
        {
            "age": rng.integers(20, 75, n),
            "female": rng.binomial(1, 0.52, n),
            "treated": rng.binomial(1, 0.40, n),
            "school": rng.choice(["A", "B", "C", "D"], n),
            "student": np.repeat(np.arange(40), 10),
        }
    )
    student_effect = rng.standard_normal(40)[df["student"].values]
    df["score"] = (
        50
        + 0.3 * df["age"]
        - 2.0 * df["female"]
        + 3.0 * df["treated"]
        + student_effect
        + rng.normal(0, 5, n)
    )
    return df


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}\n")


def save(ax: plt.Axes, name: str) -> Path:
    """Write a plot to out/."""
    path = OUT / name
    ax.figure.savefig(path, dpi=150)
    plt.close(ax.figure)
    return path


def schools() -> dict[Path, str]:
    heading("Scores in four schools (simulated)")
    fit = smf.mixedlm(
        "score ~ age + female + treated + C(school)", groups="student", data=school_data()
    ).fit()
    m = Margins(fit)
    print(m.summary(), end="\n\n")
    print(m.dydx("age").summary(), end="\n\n")
    print(m.predict(atexog={"treated": [0, 1]}).summary(), end="\n\n")
    print(m.contrasts(pairwise("treated", [1, 0])).summary(), end="\n\n")
    schools = m.contrasts(reference("school", ["A", "B", "C", "D"], ref_level="A"))
    print(schools.summary())
    curve = m.predict(atexog={"age": range(20, 76, 2), "female": [0, 1]})
    ax = curve.plot()
    ax.set(xlabel="Age (years)", ylabel="Mean score (95 % CI)")
    handles, _ = ax.get_legend_handles_labels()
    ax.legend(handles, ["Male", "Female"], title="Sex", frameon=False, alignment="left")
    forest = schools.plot()
    forest.set_xlabel("Difference in mean score from school A (95 % CI)")
    return {
        save(ax, "score_by_age_and_sex.png"): "mean score by age, women below men throughout",
        save(forest, "schools.png"): "schools B, C and D less school A, with no effect at 0",
    }


def sleep() -> dict[Path, str]:
    heading("Reaction times after short nights (Belenky et al. 2003)")
    data = pd.read_csv(HERE / "data" / "sleepstudy.csv")
    fit = smf.mixedlm("Reaction ~ Days", data, groups="Subject", re_formula="~Days").fit()
    m = Margins(fit, df="kenward-roger")  # 18 people: t, with degrees of freedom that know it
    print(m.diagnose(), end="\n\n")
    print(m.dydx("Days").summary(), end="\n\n")
    by_day = m.predict(atexog={"Days": range(10)})
    print(by_day.summary(), end="\n\n")
    print(m.contrasts(pairwise("Days", [9, 0])).summary())
    ax = by_day.plot()
    ax.plot(data["Days"], data["Reaction"], ".", color="0.6", markersize=4, zorder=0)
    ax.set(xlabel="Days of short sleep", ylabel="Reaction time (ms)")
    return {save(ax, "sleepstudy.png"): "mean reaction time by day, over what was measured"}


def main() -> None:
    OUT.mkdir(exist_ok=True)
    plots = schools() | sleep()
    heading("Plots")
    for path, shows in plots.items():
        print(f"{path.relative_to(HERE.parent)}: {shows}")


if __name__ == "__main__":
    main()
