"""linearmodels and pyfixest: against least squares with dummies, and their own predictions."""

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import (
    EstimabilityError,
    Margins,
    ModelError,
    UnsupportedError,
    UnsupportedModelError,
    pairwise,
)

#: What the other packages themselves call in pandas is not looked at here.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

EXACT = 1e-9
#: pyfixest sweeps effects out by alternating projections, to a tolerance of its own.
SWEPT = 1e-6


@pytest.fixture(scope="module")
def firms():
    rng = np.random.default_rng(3)
    n, years = 40, 6
    frame = pd.DataFrame({"firm": np.repeat(np.arange(n), years), "year": np.tile(range(years), n)})
    effect = rng.normal(0, 2, n)[frame["firm"]]
    frame["size"] = rng.gamma(2, 2, n * years) + 0.3 * np.abs(effect)
    frame["sector"] = rng.choice(["a", "b", "c"], n * years)
    frame["price"] = rng.normal(0, 1, n * years)
    frame["cost"] = 0.8 * frame["price"] + rng.normal(0, 1, n * years)
    shift = frame["sector"].map({"a": 0.0, "b": 1.0, "c": -0.5})
    noise = rng.normal(0, 1, n * years)
    frame["profit"] = 1 + effect + np.log(frame["size"]) * (1 + shift) + 0.5 * frame["cost"] + noise
    frame["sold"] = rng.poisson(np.exp(0.3 * np.log(frame["size"]) + 0.2 * effect))
    return frame


RIGHT = "np.log(size) * sector + cost"


@pytest.fixture(scope="module")
def dummies(firms):
    return Margins(smf.ols(f"profit ~ {RIGHT} + C(firm)", firms).fit())


@pytest.fixture(scope="module")
def panel():
    return pytest.importorskip("linearmodels")


@pytest.fixture(scope="module")
def indexed(firms):
    return firms.set_index(["firm", "year"])


@pytest.fixture(scope="module")
def pf():
    return pytest.importorskip("pyfixest")


def same(a, b, tolerance):
    np.testing.assert_allclose(a.estimate, b.estimate, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(a.std_error, b.std_error, rtol=tolerance)
    np.testing.assert_allclose(a.df, b.df)


class TestLinearmodels:
    def test_slopes_and_contrasts_are_those_of_dummies(self, panel, indexed, dummies):
        fit = panel.PanelOLS.from_formula(f"profit ~ 1 + {RIGHT} + EntityEffects", indexed).fit()
        m = Margins(fit, data=indexed)
        same(m.dydx("all"), dummies.dydx(["size", "sector", "cost"]), EXACT)
        same(m.contrasts(pairwise("sector")), dummies.contrasts(pairwise("sector")), EXACT)
        np.testing.assert_allclose(
            m.predict().estimate[0], fit.predict()["fitted_values"].mean(), rtol=EXACT
        )

    def test_without_a_constant_means_are_refused(self, panel, indexed, dummies):
        fit = panel.PanelOLS.from_formula("profit ~ np.log(size) + cost + EntityEffects", indexed)
        m = Margins(fit.fit(), data=indexed)
        with pytest.raises(EstimabilityError, match="effects that were absorbed"):
            m.predict("cost")
        assert "Effects of entities were absorbed" in str(m.dydx("cost").summary())
        assert len(m.dydx("all")) == 2

    def test_a_full_set_of_dummies_beside_effects_has_no_level_either(self, panel, indexed):
        formula = "profit ~ cost + C(sector) + EntityEffects"
        m = Margins(panel.PanelOLS.from_formula(formula, indexed).fit(), data=indexed)
        with pytest.raises(EstimabilityError):
            m.predict("sector")
        own = smf.ols("profit ~ cost + sector + C(firm)", indexed.reset_index()).fit()
        same(m.dydx("sector"), Margins(own).dydx("sector"), EXACT)

    def test_the_fits_own_columns_are_enough_where_nothing_is_transformed(self, panel, indexed):
        fit = panel.PooledOLS.from_formula("profit ~ 1 + cost*price", indexed).fit(
            cov_type="clustered", cluster_entity=True
        )
        m = Margins(fit)
        found = m.predict({"cost": [0, 1], "price": 2.0})
        rows = np.array([[1, 0, 2, 0], [1, 1, 2, 2.0]])
        cov = fit.cov.to_numpy()
        np.testing.assert_allclose(found.estimate, rows @ fit.params.to_numpy(), rtol=EXACT)
        wanted = np.sqrt(np.einsum("ij,jk,ik->i", rows, cov, rows))
        np.testing.assert_allclose(found.std_error, wanted, rtol=EXACT)
        assert np.all(found.df == fit.df_resid)
        assert "Clustered" in str(found.summary())

    def test_transforms_need_the_data(self, panel, indexed):
        fit = panel.PooledOLS.from_formula("profit ~ 1 + np.log(size)", indexed).fit()
        with pytest.raises(ModelError, match=r"Margins\(fit, data="):
            Margins(fit)
        with pytest.raises(ModelError, match=r"do not reproduce|cannot be read"):
            Margins(fit, data=indexed.assign(size=indexed["size"] + 1))
        shuffled = indexed.sample(frac=1, random_state=1)
        same(
            Margins(fit, data=shuffled).dydx("size"), Margins(fit, data=indexed).dydx("size"), EXACT
        )

    def test_random_effects_are_integrated_out(self, panel, indexed):
        fit = panel.RandomEffects.from_formula("profit ~ 1 + cost", indexed).fit()
        found = Margins(fit).predict({"cost": 1.0})
        np.testing.assert_allclose(found.estimate[0], fit.params.sum(), rtol=EXACT)
        assert "random effects" in str(found.summary())

    def test_instrumental_variables(self, panel, firms):
        from linearmodels.iv import IV2SLS

        fit = IV2SLS.from_formula("profit ~ 1 + size + I(size**2) + [cost ~ price]", firms).fit()
        m = Margins(fit)
        slope = m.dydx(["cost", "size"])
        x = firms["size"].mean()
        wanted = [fit.params["cost"], fit.params["size"] + 2 * x * fit.params["I(size ** 2)"]]
        np.testing.assert_allclose(slope.estimate, wanted, rtol=EXACT)
        np.testing.assert_allclose(slope.std_error[0], fit.std_errors["cost"], rtol=EXACT)
        assert np.isinf(slope.df).all()
        arrays = IV2SLS(
            firms["profit"], firms[["size"]].assign(one=1.0), firms[["cost"]], firms[["price"]]
        ).fit()
        np.testing.assert_allclose(
            Margins(arrays).dydx("cost").estimate, arrays.params["cost"], rtol=EXACT
        )

    def test_what_it_has_not_is_refused_by_name(self, panel, indexed):
        fit = panel.PooledOLS.from_formula("profit ~ 1 + cost", indexed).fit()
        with pytest.raises(UnsupportedError, match="'HC3' is not available"):
            Margins(fit, vcov="HC3")
        with pytest.raises(UnsupportedError):
            Margins(fit, method="bootstrap")
        between = panel.BetweenOLS.from_formula("profit ~ 1 + cost", indexed).fit()
        with pytest.raises(UnsupportedModelError, match="linearmodels's PanelOLS"):
            Margins(between)


class TestPyfixest:
    def test_slopes_and_contrasts_are_those_of_dummies(self, pf, firms, dummies):
        m = Margins(pf.feols(f"profit ~ {RIGHT} | firm", firms, vcov="iid"))
        same(m.dydx("all"), dummies.dydx(["size", "sector", "cost"]), SWEPT)
        same(m.contrasts(pairwise("sector")), dummies.contrasts(pairwise("sector")), SWEPT)
        with pytest.raises(EstimabilityError, match="effects that were absorbed"):
            m.predict("sector")

    def test_clusters_are_named(self, pf, firms):
        fit = pf.feols("profit ~ cost | firm + year", firms, vcov={"CRV1": "firm"})
        found = Margins(fit).dydx("cost")
        np.testing.assert_allclose(found.std_error, fit.se().to_numpy(), rtol=EXACT)
        np.testing.assert_allclose(found.p_value, fit.pvalue().to_numpy(), rtol=1e-6)
        assert "CRV1 by firm" in str(found.summary())
        assert "Effects of firm, year were absorbed" in str(found.summary())

    def test_without_effects_it_is_least_squares(self, pf, firms):
        m = Margins(pf.feols(f"profit ~ {RIGHT}", firms, vcov="iid"))
        own = Margins(smf.ols(f"profit ~ {RIGHT}", firms).fit())
        same(m.predict(["sector"]), own.predict(["sector"]), EXACT)
        same(m.dydx("all"), own.dydx("all"), EXACT)

    def test_a_poisson_model_gives_ratios_of_means(self, pf, firms):
        fit = pf.fepois("sold ~ np.log(size) + sector | firm", firms, vcov="hetero")
        found = Margins.log_scale(fit).contrasts(pairwise("sector", ["b", "a"]))
        assert found.labels == ("b / a",)
        np.testing.assert_allclose(found.estimate, np.exp(fit.coef()["sector[T.b]"]), rtol=EXACT)
        assert "Mean ratio" in str(found.summary())
        with pytest.raises(UnsupportedError, match="logarithms of a mean"):
            Margins(fit, scale="logit")

    def test_what_is_not_read_is_refused_by_name(self, pf, firms):
        with pytest.raises(UnsupportedModelError, match="IV2SLS"):
            Margins(pf.feols("profit ~ 1 | firm | cost ~ price", firms))
        several = pf.feols("profit ~ cost | csw0(firm, year)", firms)
        with pytest.raises(UnsupportedModelError):
            Margins(several)
        for own in ("i(sector, cost)", 'i(sector, ref="b")'):
            with pytest.raises(UnsupportedModelError, match=r"writing dummies.*C\(group\):x"):
                Margins(pf.feols(f"profit ~ {own} | firm", firms))
        with pytest.raises(ModelError, match="store_data=True"):
            Margins(pf.feols("profit ~ cost", firms, store_data=False))

    def test_data_that_changed_since_are_noticed(self, pf, firms):
        fit = pf.feols("profit ~ cost | firm", firms)
        fit._data["cost"] = fit._data["cost"] ** 2
        with pytest.raises(ModelError, match="do not reproduce the column 'cost'"):
            Margins(fit)

    def test_results_travel(self, pf, firms):
        found = Margins(pf.feols(f"profit ~ {RIGHT} | firm", firms)).dydx("size")
        again = pickle.loads(pickle.dumps(found))
        np.testing.assert_array_equal(again.estimate, found.estimate)
