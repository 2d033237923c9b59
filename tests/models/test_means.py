"""Means of rows: against brute force over whole data frames, in one chunk and in three."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import patsy
import pytest
from scipy.special import expit

from pymargins import Margins, ModelError, Scenario
from pymargins.models.design import Design
from pymargins.models.fitted import Fitted
from pymargins.models.means import Derivatives, Predictor, PredictorMean, link_mean
from pymargins.models.parameters import Parameters
from pymargins.models.uncertainty import offered
from pymargins.testing import check_adapter
from support.small_models import study

ROUNDING = 1e-10
DIFFERENCES = 1e-6


def slope_of(x):
    p = expit(x)
    return p * (1 - p)


def curvature_of(x):
    p = expit(x)
    return p * (1 - p) * (1 - 2 * p)


class Logistic:
    """A logistic model with made-up coefficients: an adapter of a user's own."""

    def __init__(self, formula: str, frame: pd.DataFrame, seed: int = 3) -> None:
        design = patsy.dmatrix(formula, frame).design_info
        self.model, self.info = self, design
        rng = np.random.default_rng(seed)
        names = list(design.column_names)
        self.beta = rng.normal(size=len(names)) / 5
        root = rng.normal(size=(len(names), len(names))) / 30
        self.cov = root @ root.T + np.eye(len(names)) / 400
        variables = [v for v in ("dose", "age", "school", "treated") if v in formula]
        self.fitted = Fitted.of(
            self.beta,
            design=Design.from_function(names, variables, self.rows),
            frame=frame,
            covariances={"model": self.cov},
            kind="logistic regression",
            response="cured",
            mean=link_mean(expit, slope_of, curvature_of),
        )

    @classmethod
    def accepts(cls, model):
        return isinstance(model, cls)

    def rows(self, frame: pd.DataFrame) -> np.ndarray:
        return np.asarray(patsy.build_design_matrices([self.info], frame)[0])


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return study(n=240, groups=12)


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> Logistic:
    return Logistic("np.log(dose) * treated + school + I((age / 50) ** 2)", frame)


def by_hand(model: Logistic, figure) -> tuple[float, float]:
    """Return a figure and its standard error from central differences in the coefficients."""
    steps = np.eye(len(model.beta)) * 1e-5
    rise = np.array([figure(model.beta + e) - figure(model.beta - e) for e in steps]) / 2e-5
    return figure(model.beta), float(np.sqrt(rise @ model.cov @ rise))


def check(result, model: Logistic, figure) -> None:
    value, error = by_hand(model, figure)
    assert result.estimate[0] == pytest.approx(value, rel=ROUNDING)
    assert result.std_error[0] == pytest.approx(error, rel=DIFFERENCES)


def test_averages(model: Logistic, frame: pd.DataFrame):
    m = Margins(model)
    check(m.predict(), model, lambda b: expit(model.rows(frame) @ b).mean())
    at = frame.assign(school="B", treated=1)
    check(
        m.predict({"school": "B", "treated": 1}),
        model,
        lambda b: expit(model.rows(at) @ b).mean(),
    )
    part = frame[frame.female == 1]
    check(m.predict(over="female")[1], model, lambda b: expit(model.rows(part) @ b).mean())


def test_weighted_averages(model: Logistic, frame: pd.DataFrame):
    w = frame.age.to_numpy(dtype=float)
    check(
        Margins(model, weights="age").predict(),
        model,
        lambda b: np.average(expit(model.rows(frame) @ b), weights=w),
    )


def test_slopes_follow_the_variable(model: Logistic, frame: pd.DataFrame):
    def slope(b):
        up = expit(model.rows(frame.assign(dose=frame.dose * (1 + 1e-5))) @ b)
        down = expit(model.rows(frame.assign(dose=frame.dose * (1 - 1e-5))) @ b)
        return ((up - down) / (2e-5 * frame.dose)).mean()

    value, error = by_hand(model, slope)
    found = Margins(model).dydx("dose")
    assert found.estimate[0] == pytest.approx(value, rel=1e-7)
    assert found.std_error[0] == pytest.approx(error, rel=1e-4)


def test_discrete_changes_and_elasticities(model: Logistic, frame: pd.DataFrame):
    m = Margins(model)

    def change(b):
        c, a = (expit(model.rows(frame.assign(school=s)) @ b) for s in "CA")
        return (c - a).mean()

    check(m.dydx("school")["school: C - A"], model, change)

    def log_change(b):
        c, a = (expit(model.rows(frame.assign(school=s)) @ b) for s in "CA")
        return np.log(c / a).mean()

    check(m.eydx("school")["school: C - A"], model, log_change)


def test_ratios_of_averages(model: Logistic, frame: pd.DataFrame):
    m = Margins.log_scale(model)
    points = [Scenario({"school": s}, s) for s in "BA"]
    ratio = m.contrasts(points, {"B / A": [1, -1]})

    def log_ratio(b):
        b_, a = (expit(model.rows(frame.assign(school=s)) @ b).mean() for s in "BA")
        return np.log(b_ / a)

    value, error = by_hand(model, log_ratio)
    assert ratio.estimate[0] == pytest.approx(np.exp(value), rel=ROUNDING)
    assert ratio.std_error[0] == pytest.approx(np.exp(value) * error, rel=DIFFERENCES)


def test_draws_are_evaluated_one_by_one(model: Logistic, frame: pd.DataFrame):
    m = Margins(model, method="simulation", n_sim=30, rng=1)
    draws = m._inference.replicates.point.theta
    wanted = [expit(model.rows(frame) @ b).mean() for b in draws]
    np.testing.assert_allclose(m.predict().draws[:, 0], wanted, rtol=ROUNDING)


class TwoParts:
    """An outcome of two predictors and another parameter: a hurdle of a kind."""

    outcomes = ("",)

    def at(self, eta, others, order):
        a, b = eta
        (scale,) = others
        p, rate, s = expit(a), np.exp(b), scale[None, :, 0]
        value = (p * rate * s)[:, :, None]
        if not order:
            return Derivatives(value)
        first = ((p * (1 - p) * rate * s)[:, :, None], value)
        by = ((p * rate * np.ones_like(s))[:, :, None, None],)
        second = (
            ((p * (1 - p) * (1 - 2 * p) * rate * s)[:, :, None], first[0]),
            (first[0], value),
        )
        cross = (((p * (1 - p) * rate)[:, :, None, None],), by)
        return Derivatives(value, first, by, second, cross)


def test_two_predictors_and_another_parameter(frame: pd.DataFrame):
    base = Logistic("dose + school", frame)
    fitted = base.fitted
    info = patsy.dmatrix("np.log(dose) + treated", frame).design_info

    def second_rows(f):
        return np.asarray(patsy.build_design_matrices([info], f)[0])

    second = Design.from_function(list(info.column_names), ["dose", "treated"], second_rows)
    other = Logistic("dose + treated + school", frame)  # for the variables of both
    parameters = Parameters.of_blocks(beta=base.beta, delta=[0.2, -0.1, 0.3], scale=[1.3])
    cov = np.diag(np.linspace(0.01, 0.02, len(parameters.value)))
    base.fitted = Fitted(
        parameters=parameters,
        mean=PredictorMean(TwoParts(), (Predictor(), Predictor("second", "delta")), ("scale",)),
        designs={"mean": fitted.design, "second": second},
        variables=other.fitted.variables,
        frame=fitted.frame,
        facts=fitted.facts,
        covariances={"model": offered("model", cov)},
    )

    def mean_of(t, f):
        p = len(base.beta)
        return (expit(base.rows(f) @ t[:p]) * np.exp(second_rows(f) @ t[p:-1]) * t[-1]).mean()

    def checked(result, figure):
        t = parameters.value
        rise = np.array([figure(t + e) - figure(t - e) for e in np.eye(len(t)) * 1e-5]) / 2e-5
        assert result.estimate[0] == pytest.approx(figure(t), rel=1e-7)
        assert result.std_error[0] == pytest.approx(np.sqrt(rise @ cov @ rise), rel=1e-4)

    m = Margins(base)
    checked(m.predict({"treated": 1}), lambda t: mean_of(t, frame.assign(treated=1)))
    checked(
        m.dydx("dose"),
        lambda t: (
            (
                mean_of(t, frame.assign(dose=frame.dose + 1e-5))
                - mean_of(t, frame.assign(dose=frame.dose - 1e-5))
            )
            / 2e-5
        ),
    )


def test_an_adapter_of_one_s_own_keeps_its_promises(model: Logistic):
    assert "gradients by 8 parameters agree" in " ".join(check_adapter(model))


def test_a_wrong_derivative_is_found(frame: pd.DataFrame):
    wrong = Logistic("dose + school", frame)
    wrong.fitted = replace(wrong.fitted, mean=link_mean(expit, expit, curvature_of))
    with pytest.raises(ModelError, match="slope by 'dose' differs from a difference quotient"):
        check_adapter(wrong)
    wrong.fitted = replace(wrong.fitted, mean=link_mean(expit, slope_of, slope_of))
    with pytest.raises(ModelError, match="gradient of the slope by 'dose'"):
        check_adapter(wrong)
