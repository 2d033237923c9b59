"""Mistakes of people who come from R, Stata, scikit-learn or other packages, and their answers.

`newcomer.txt` has each mistake as it is typed and the message it gets. A message names what is
wrong (an argument, a verb, a class), shows what came, and says what is allowed or what to type.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

import pymargins
from pymargins import Margins, PymarginsError

LINES = [
    line
    for line in (Path(__file__).parent / "newcomer.txt").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]
MISTAKES = list(zip(LINES[::2], (line.strip() for line in LINES[1::2]), strict=True))


@pytest.fixture(scope="module")
def names():
    rng = np.random.default_rng(1)
    person = np.repeat(np.arange(40), 4)
    df = pd.DataFrame({"person": person, "dose": np.tile([0.0, 1.0, 2.0, 3.0], 40)})
    df["arm"] = np.where(person % 2, "old", "new")
    df["age"] = np.repeat(rng.integers(20, 70, 40), 4)
    df["score"] = 10 + 2 * df.dose + rng.normal(0, 2, 40)[person] + rng.normal(0, 1, 160)
    df["cured"] = (rng.random(160) < 0.5).astype(int)
    df["site"] = rng.choice(["Nice", "Lyon", "Metz"], 160)
    fit = smf.mixedlm("score ~ dose*arm + age + C(site)", df, groups="person").fit()
    ols = smf.ols("score ~ dose*arm + age", df).fit()
    logit = smf.logit("cured ~ dose*arm + age", df).fit(disp=0)
    m = Margins(fit)
    found = {name: getattr(pymargins, name) for name in pymargins.__all__}
    found |= {"pymargins": pymargins, "np": np, "pd": pd, "smf": smf, "df": df}
    found |= {"fit": fit, "ols": ols, "logit": logit, "m": m}
    found |= {"mo": Margins(ols), "lo": Margins(logit)}
    found |= {"res": m.predict("arm"), "d": m.contrasts(pymargins.pairwise("site"))}
    return found


@pytest.mark.parametrize(("typed", "answer"), MISTAKES, ids=[typed for typed, _ in MISTAKES])
def test_a_mistake_is_answered(names, typed, answer):
    with pytest.raises(PymarginsError) as caught:
        eval(typed, dict(names))
    error = caught.value
    message = f"{type(error).__name__}: {error}"
    start, *end = answer.split(" … ")
    assert message.startswith(start.removesuffix("…"))
    assert message.endswith(end[0] if end else "")
    if not end and not answer.endswith("…"):
        assert message == answer


def test_what_is_looked_for_and_not_there_is_no_error_of_ours(names):
    for thing in (names["m"], names["res"], pymargins):
        assert not hasattr(thing, "_repr_svg_")
        assert not hasattr(thing, "slopess")
        assert getattr(thing, "slopess", None) is None
