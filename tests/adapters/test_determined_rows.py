"""What one cluster, or one row of the data, determines: robust covariances say so."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from statsmodels.miscmodels.ordinal_model import OrderedModel

from pymargins import HAC, Bootstrap, FitWarning, Margins, NumericalError, Simulation
from support.small_models import quietly

CLUSTERED = ("CR0", "CR1", "CR2", "CR3")
POISSON = sm.families.Poisson()


def villages(treated: int) -> pd.DataFrame:
    """Return twelve villages of which some are treated, without any effect."""
    rng = np.random.default_rng(5)
    village = np.repeat(np.arange(12), 10)
    frame = pd.DataFrame({"village": village, "x": rng.normal(size=120)})
    frame["treated"] = (village < treated).astype(int)
    frame["day"] = np.arange(120) % 10
    frame["y"] = rng.normal(0, 1, 12)[village] + rng.normal(0, 1, 120)
    frame["sick"] = rng.integers(0, 2, 120)
    frame["count"] = rng.poisson(3, 120)
    frame["odd"] = (np.arange(120) == 17).astype(int)
    frame.loc[17, "count"] = 4
    return frame


ONE, HALF = villages(1), villages(6)
FITS = {
    "OLS": lambda data, **how: smf.ols("y ~ treated + x", data).fit(**how),
    "WLS": lambda data, **how: smf.wls("y ~ treated + x", data, weights=1 + data.day).fit(**how),
    "Logit": lambda data, **how: smf.logit("sick ~ treated + x", data).fit(disp=0, **how),
    "Poisson": lambda data, **how: smf.poisson("count ~ treated + x", data).fit(disp=0, **how),
    "GLM": lambda data, **how: smf.glm("count ~ treated + x", data, family=POISSON).fit(**how),
    "NegativeBinomial": lambda data, **how: smf.negativebinomial(
        "count ~ treated + x", data.assign(count=data["count"] * (1 + 3 * (data.day > 6)))
    ).fit(disp=0, maxiter=200, **how),
}
KINDS = {name: CLUSTERED if name != "NegativeBinomial" else ("CR0", "CR1") for name in FITS}
CASES = [(name, kind) for name, kinds in KINDS.items() for kind in kinds]


def told(m: Margins, variable: str) -> tuple[str, list[str]]:
    """Return a table of slopes in one line, and the warnings of it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        table = str(m.dydx(variable))
    words = [str(w.message) for w in caught if issubclass(w.category, FitWarning)]
    return " ".join(table.split()), words


def open_quietly(fit, **options) -> Margins:
    with quietly():
        return Margins(fit, **options)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_one_cluster_of_twelve_is_told_of_by_name(name, kind):
    table, words = told(open_quietly(FITS[name](ONE), vcov=kind, cluster="village"), "treated")
    assert len(words) == 1
    for part in ("'treated'", "more than one cluster determines it", 'vcov="nonrobust"'):
        assert part in words[0]
    assert "NOT TO BE TRUSTED: 'treated'. Hardly more than one cluster" in table
    assert "kenward" not in table


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_half_the_clusters_are_quiet(name, kind):
    table, words = told(open_quietly(FITS[name](HALF), vcov=kind, cluster="village"), "treated")
    assert words == []
    assert "TRUSTED" not in table


@pytest.mark.parametrize("name", FITS)
def test_the_clusters_that_a_fit_was_given(name):
    for data, count in ((ONE, 1), (HALF, 0)):
        fit = FITS[name](data, cov_type="cluster", cov_kwds={"groups": data["village"]})
        assert len(told(open_quietly(fit), "treated")[1]) == count


def test_clusters_in_two_ways():
    how = {"cov_type": "cluster", "cov_kwds": {"groups": ONE[["village", "day"]].to_numpy()}}
    assert len(told(open_quietly(FITS["OLS"](ONE, **how)), "treated")[1]) == 1
    how = {"cov_type": "cluster", "cov_kwds": {"groups": HALF[["village", "day"]].to_numpy()}}
    assert told(open_quietly(FITS["OLS"](HALF, **how)), "treated")[1] == []


@pytest.mark.parametrize("structure", [sm.cov_struct.Independence, sm.cov_struct.Exchangeable])
@pytest.mark.parametrize("vcov", [None, "CR0"])
def test_estimating_equations_by_default_and_by_name(structure, vcov):
    for data, count in ((ONE, 1), (HALF, 0)):
        fit = smf.gee("y ~ treated + x", "village", data, cov_struct=structure()).fit()
        assert len(told(open_quietly(fit, vcov=vcov), "treated")[1]) == count
        assert told(open_quietly(fit, vcov="nonrobust"), "treated")[1] == []


def test_bias_reduced_estimating_equations():
    for data, count in ((ONE, 1), (HALF, 0)):
        structure = sm.cov_struct.Exchangeable()
        model = smf.gee("y ~ treated + x", "village", data, cov_struct=structure)
        fit = model.fit(cov_type="bias_reduced")
        for vcov in (None, "CR3"):
            assert len(told(open_quietly(fit, vcov=vcov), "treated")[1]) == count


def test_hazards():
    for data, count in ((ONE, 1), (HALF, 0)):
        model = smf.phreg("time ~ treated + x", data.assign(time=np.exp(data["y"])))
        m = open_quietly(model.fit(groups=data["village"]))
        assert len(told(m, "treated")[1]) == count


@pytest.mark.parametrize("name", ["OLS", "Poisson", "GLM", "NegativeBinomial"])
@pytest.mark.parametrize("vcov", ["HC0", "HC1", HAC(3)])
def test_a_row_that_alone_determines_a_coefficient_is_refused(name, vcov):
    data = ONE.assign(treated=ONE["odd"])
    m = open_quietly(FITS[name](data), vcov=vcov)
    with pytest.raises(NumericalError) as caught:
        m.dydx("treated")
    for part in (
        "'treated': a single row determines it",
        "many times too small",
        'vcov="nonrobust"',
    ):
        assert part in str(caught.value)
    assert told(m, "x")[1] == []


@pytest.mark.parametrize("kind", ["HC2", "HC3"])
def test_where_nothing_is_defined_the_session_is_refused(kind):
    data = ONE.assign(treated=ONE["odd"])
    with pytest.raises(NumericalError, match=r"position 17.*leverage 1.*nonrobust"):
        open_quietly(FITS["OLS"](data), vcov=kind)


@pytest.mark.parametrize("name", ["OLS", "Poisson", "GLM"])
@pytest.mark.parametrize("kind", ["HC0", "HC1"])
def test_the_robust_covariance_that_a_fit_was_given(name, kind):
    data = ONE.assign(treated=ONE["odd"])
    m = open_quietly(FITS[name](data, cov_type=kind))
    with pytest.raises(NumericalError, match="'treated': a single row determines it"):
        m.dydx("treated")
    assert told(m, "x")[1] == []


def test_serial_correlation_that_a_fit_was_given():
    data = ONE.assign(treated=ONE["odd"])
    m = open_quietly(FITS["OLS"](data, cov_type="HAC", cov_kwds={"maxlags": 3}))
    with pytest.raises(NumericalError, match="'treated': a single row determines it"):
        m.dydx("treated")


def test_clusters_that_are_fixed_effects_too():
    fit = smf.ols("y ~ C(village) + x", ONE).fit()
    m = open_quietly(fit, vcov="CR1", cluster="village")
    with pytest.raises(NumericalError, match=r"'village: 1 - 0'.*a single cluster determines it"):
        m.dydx("village")
    assert told(m, "x")[1] == []
    test = m.joint_tests().set_index("term")
    assert test.loc["C(village)", "test"] == "not available"
    assert "a single cluster determines it" in test.loc["C(village)", "note"]
    assert test.loc["x", "note"] == ""


def test_tests_of_terms_say_it_too():
    m = open_quietly(FITS["OLS"](ONE), vcov="CR2", cluster="village")
    with pytest.warns(FitWarning, match="'treated': hardly more than one cluster"):
        test = m.joint_tests().set_index("term")
    assert test.loc["treated", "note"].startswith("NOT TO BE TRUSTED")
    assert test.loc["x", "note"] == ""


def test_draws_from_such_a_covariance_show_no_more():
    option = Simulation(200, rng=1)
    m = open_quietly(FITS["OLS"](ONE), vcov="CR2", cluster="village", method=option)
    assert len(told(m, "treated")[1]) == 1


def test_a_session_that_travelled_still_says_it():
    m = pickle.loads(pickle.dumps(open_quietly(FITS["OLS"](ONE), vcov="CR2", cluster="village")))
    assert len(told(m, "treated")[1]) == 1


@pytest.mark.parametrize("name", ["multinomial", "ordered"])
@pytest.mark.parametrize("vcov", ["CR0", "CR1", "CR2", "CR3", "HC0", "HC1", "HC2", "HC3", HAC(2)])
def test_models_of_categories(name, vcov):
    """Their observations have several working rows each, and count as a whole."""
    rng = np.random.default_rng(8)
    for treated, few in ((1, True), (6, False)):
        data = villages(treated).assign(mark=rng.integers(0, 3, 120))
        if name == "multinomial":
            fit = smf.mnlogit("mark ~ treated + x", data).fit(disp=0)
        else:
            data["mark"] = pd.Categorical(data["mark"], ordered=True)
            fit = OrderedModel.from_formula("mark ~ treated + x", data).fit(disp=0)
        clustered = isinstance(vcov, str) and vcov.startswith("CR")
        m = open_quietly(fit, vcov=vcov, **({"cluster": "village"} if clustered else {}))
        assert bool(told(m, "treated")[1]) == (few and clustered)


def test_bootstraps_say_what_they_cannot_show():
    wild = Bootstrap(99, kind="wild", rng=1, cluster="village")
    assert len(told(open_quietly(FITS["OLS"](ONE), method=wild), "treated")[1]) == 1
    for kind in ("cluster", "wild"):
        drawn = Bootstrap(99, kind=kind, rng=1, cluster="village", max_failures=0.1)
        assert told(open_quietly(FITS["OLS"](HALF), method=drawn), "treated")[1] == []
    with pytest.raises(NumericalError, match="some coefficients are not identified"):
        open_quietly(FITS["OLS"](ONE), method=Bootstrap(99, rng=1, cluster="village"))
