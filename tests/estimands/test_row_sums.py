"""Nonlinear averages: whatever is done for speed gives the plain figures."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from pymargins import Margins, pairwise
from pymargins.estimands import equal_rows, row_sums
from pymargins.estimands.coordinates import Batch

#: Sums in another order.
TOLERANCE = 1e-12
N = 3000


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 60, N),
            "dose": rng.uniform(1.0, 4.0, N),
            "treated": rng.binomial(1, 0.4, N),
            "school": rng.choice(["A", "B", "C"], N),
            "sex": pd.Categorical(rng.choice(["f", "m"], N)),
            "weight": rng.uniform(0.5, 2.0, N),
        }
    )
    eta = -1.0 + 0.02 * frame["age"] + 0.3 * frame["treated"] - 0.2 * np.log(frame["dose"])
    frame["y"] = (rng.random(N) < 1.0 / (1.0 + np.exp(-eta))).astype(int)
    frame["c"] = rng.integers(0, 3, N)
    return frame


FORMULAS = {
    "few values": "age * treated + sex + school",
    "two factors": "school * sex + treated:school + age",
    "numbers": "np.log(dose) * treated + I(age ** 2) + age + school",
    "mixed factor": "I(age * dose) + treated * school",
}
ASKED = {
    "grid": lambda m: m.predict({"age": [20, 40, 60], "treated": [0, 1]}),
    "over": lambda m: m.predict({"treated": [0, 1]}, over="school"),
    "slopes": lambda m: m.dydx("all"),
    "slopes on a grid": lambda m: m.dydx(["age", "treated"], atexog={"age": [25, 50]}),
    "elasticity": lambda m: m.eyex("age", atexog={"treated": [0, 1]}),
    "elasticity where it is set": lambda m: m.eyex("age", atexog={"age": [30, 50]}),
    "shift": lambda m: m.predict({"age": lambda age: age + age.mean() / 10}),
    "contrast": lambda m: m.contrasts(pairwise("school", ["C", "A"])),
}


def plain(monkeypatch):
    """Visit every row under every scenario, one design at a time."""
    monkeypatch.setattr(equal_rows, "FEWEST", 10 * N)
    monkeypatch.setattr(Batch, "can", classmethod(lambda cls, rows, grid: False))


def formed(result):
    """Form the figures of a result now."""
    assert np.isfinite(result.std_error).all()
    return result


def agree(fast, slow):
    np.testing.assert_allclose(fast.estimate, slow.estimate, rtol=TOLERANCE, atol=TOLERANCE)
    scale = np.abs(slow.std_error).max()
    np.testing.assert_allclose(fast.std_error, slow.std_error, rtol=1e-10, atol=1e-12 * scale)
    assert fast.labels == slow.labels


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("weights", [None, "weight"])
def test_logit_averages_are_those_of_whole_designs(frame, formula, asked, weights, monkeypatch):
    fit = smf.logit(f"y ~ {FORMULAS[formula]}", frame).fit(disp=0)
    fast = formed(ASKED[asked](Margins(fit, weights=weights)))
    plain(monkeypatch)
    agree(fast, ASKED[asked](Margins(fit, weights=weights)))


@pytest.mark.parametrize("asked", ["grid", "slopes", "over", "contrast"])
def test_multinomial_averages_are_those_of_whole_designs(frame, asked, monkeypatch):
    fit = smf.mnlogit("c ~ age * treated + np.log(dose) + school", frame).fit(disp=0)
    fast = formed(ASKED[asked](Margins(fit)))
    plain(monkeypatch)
    agree(fast, ASKED[asked](Margins(fit)))


def test_offsets_count_as_columns(frame, monkeypatch):
    exposure = np.where(frame["sex"] == "f", 1.0, 2.5)
    model = smf.glm("c ~ age + school", frame, family=sm.families.Poisson(), exposure=exposure)
    fit = model.fit()
    fast = formed(Margins(fit).predict({"age": [20, 40]}))
    plain(monkeypatch)
    agree(fast, Margins(fit).predict({"age": [20, 40]}))


def test_draws_are_those_of_whole_designs(frame, monkeypatch):
    fit = smf.logit("y ~ age * treated + np.log(dose) + school", frame).fit(disp=0)

    def drawn():
        m = Margins(fit, method="simulation", n_sim=40, rng=1)
        return m.predict({"age": [20, 60]}).draws, m.dydx("all").draws

    fast = drawn()
    plain(monkeypatch)
    for a, b in zip(fast, drawn(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


def test_large_grids_are_cut_into_pieces(frame, monkeypatch):
    fit = smf.logit("y ~ age * treated + np.log(dose)", frame).fit(disp=0)
    grid = {"age": list(range(20, 60)), "treated": [0, 1]}
    fast = formed(Margins(fit).predict(grid))
    monkeypatch.setattr(row_sums, "TOGETHER", 7)
    monkeypatch.setattr(row_sums, "CELLS", 5000)
    agree(fast, Margins(fit).predict(grid))


def test_equal_rows_count_once(frame):
    fit = smf.logit("y ~ age * treated + sex + school", frame).fit(disp=0)
    m = Margins(fit)
    formed(m.predict({"age": [20, 40], "treated": [0, 1]}))
    (found,) = m._population.rows.counted.values()
    assert found.rows.n == 6  # two sexes, three schools
    assert found.rows.weights.sum() == N
