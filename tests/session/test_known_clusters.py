"""Figures of the clusters themselves: rows formed by hand, errors from Henderson's equations."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.regression.mixed_linear_model import MixedLMParams

from pymargins import (
    ArgumentError,
    Margins,
    ModelError,
    UnknownNameError,
    UnsupportedError,
    pairwise,
    reference,
)
from support.small_models import quietly

PREDICTED = {"random_effects": "predicted"}


def _school(seed=1, pupils=12, schools=9):
    rng = np.random.default_rng(seed)
    school = np.repeat(np.arange(schools), pupils)
    n = len(school)
    frame = pd.DataFrame({"school": [f"s{k}" for k in school], "hours": rng.uniform(0, 4, n)})
    frame["room"] = np.where(rng.random(n) < 0.5, "up", "down")
    frame["female"] = rng.integers(0, 2, n)
    room = rng.normal(size=(schools, 2))
    own = rng.normal(size=(schools, 2)) * [1.5, 0.5]
    frame["score"] = (
        20
        + own[school, 0]
        + (1 + own[school, 1]) * frame["hours"]
        + room[school, (frame["room"] == "up").astype(int)]
        + frame["female"]
        + rng.normal(size=n)
    )
    return frame


@pytest.fixture(scope="module")
def frame():
    return _school()


@pytest.fixture(scope="module")
def slopes(frame):
    with quietly():
        return smf.mixedlm(
            "score ~ hours + female", frame, groups="school", re_formula="~hours"
        ).fit()


@pytest.fixture(scope="module")
def nested(frame):
    with quietly():
        parts = {"room": "0 + C(room)"}
        return smf.mixedlm(
            "score ~ hours", frame, groups="school", re_formula="1", vc_formula=parts
        ).fit()


@pytest.fixture(scope="module")
def crossed(frame):
    data = frame.assign(one=1)
    with quietly():
        parts = {"school": "0 + C(school)", "room": "0 + C(room)"}
        return smf.mixedlm("score ~ hours", data, groups="one", vc_formula=parts).fit()


class Henderson:
    """Error covariance of (beta, u) of a fit, from the mixed-model equations with spherical u."""

    def __init__(self, fit, frame, effects):
        source, sigma2 = fit.model, fit.scale
        x = np.asarray(source.exog)
        z = np.column_stack([column for column, _ in effects])
        root = np.linalg.cholesky(self._psi(effects, fit) + 1e-300 * np.eye(len(effects)))
        w = np.hstack([x, z @ root])
        penalty = np.diag([0.0] * x.shape[1] + [sigma2] * len(effects))
        inverse = np.linalg.inv(w.T @ w + penalty)
        turn = np.eye(len(inverse))
        turn[x.shape[1] :, x.shape[1] :] = root
        self.estimate = turn @ inverse @ w.T @ source.endog
        self.cov = sigma2 * turn @ inverse @ turn.T

    def _psi(self, effects, fit):
        kinds = [kind for _, kind in effects]
        out = np.zeros((len(kinds), len(kinds)))
        names = list(fit.model.exog_vc.names)
        for i, (where, j) in enumerate(kinds):
            for k, (other, l_) in enumerate(kinds):
                if isinstance(j, str):
                    out[i, k] = fit.vcomp[names.index(j)] if i == k else 0.0
                elif where == other and not isinstance(l_, str):
                    out[i, k] = np.asarray(fit.cov_re)[j, l_]
        return out

    def ask(self, rows):
        rows = np.asarray(rows, dtype=float)
        return rows @ self.estimate, np.sqrt(np.einsum("ka,ab,kb->k", rows, self.cov, rows))


@pytest.fixture(scope="module")
def book(slopes, frame):
    effects = []
    for k in range(9):
        own = (frame["school"] == f"s{k}").to_numpy(float)
        effects += [(own, (k, 0)), (own * frame["hours"].to_numpy(), (k, 1))]
    return Henderson(slopes, frame, effects)


def _row(x, school, z):
    out = np.zeros(3 + 18)
    out[:3] = x
    out[3 + 2 * school : 5 + 2 * school] = z
    return out


def _same(result, wanted):
    np.testing.assert_allclose(result.estimate, wanted[0], rtol=1e-7)
    np.testing.assert_allclose(result.std_error, wanted[1], rtol=1e-6)


def test_a_frame_is_predicted_row_by_row(slopes, book, frame):
    asked = frame.iloc[[3, 40, 100]][["school", "hours", "female"]]
    rows = [
        _row([1, h, f], int(s[1:]), [1, h]) for s, h, f in asked.itertuples(index=False, name=None)
    ]
    _same(Margins(slopes, **PREDICTED).predict(asked), book.ask(rows))


def test_over_the_clusters_each_has_its_own_rows(slopes, book, frame):
    rows = []
    for k in range(9):
        own = frame[frame["school"] == f"s{k}"]
        rows.append(_row([1, own.hours.mean(), own.female.mean()], k, [1, own.hours.mean()]))
    found = Margins(slopes, **PREDICTED).predict(over="school")
    assert found.labels[0] == "school=s0"
    _same(found, book.ask(rows))


def test_a_mapping_sets_the_cluster_of_every_row(slopes, book, frame):
    female = frame.female.mean()
    rows = [_row([1, h, female], k, [1, h]) for k in (2, 5) for h in (1, 3)]
    found = Margins(slopes, **PREDICTED).predict({"school": ["s2", "s5"], "hours": [1, 3]})
    _same(found, book.ask(rows))


def test_each_row_keeps_its_own_cluster(slopes, book, frame):
    one = np.zeros(21)
    one[:3] = [1, frame.hours.mean(), frame.female.mean()]
    for k in range(9):
        own = (frame["school"] == f"s{k}").to_numpy()
        one[3 + 2 * k] = own.mean()
        one[4 + 2 * k] = (own * frame.hours).mean()
    _same(Margins(slopes, **PREDICTED).predict(), book.ask([one]))


def test_slopes_are_the_clusters_own(slopes, book):
    found = Margins(slopes, **PREDICTED).dydx("hours", over="school")
    _same(found, book.ask([_row([0, 1, 0], k, [0, 1]) for k in range(9)]))


def test_contrasts_of_clusters_and_with_all_others(slopes, book, frame):
    m = Margins(slopes, **PREDICTED)
    hours = frame.hours.mean()
    two = _row([0, 0, 0], 1, [1, hours]) - _row([0, 0, 0], 4, [1, hours])
    _same(m.contrasts(pairwise("school", ["s1", "s4"])), book.ask([two]))
    assert len(m.contrasts(reference("school"))) == 8
    both = m.predict({"school": ["s1", "s4"]})
    _same(both[0] - both[1], book.ask([two]))
    assert m.dydx("school").labels[0] == "school: s1 - s0"
    assert m.dydx("all").labels == ("hours", "female")


def test_weights_and_scales_work_as_elsewhere(slopes, book, frame):
    weights = np.arange(1.0, 1.0 + len(frame))
    one = np.zeros(21)
    share = weights / weights.sum()
    one[:3] = [1, share @ frame.hours, share @ frame.female]
    for k in range(9):
        own = share * (frame["school"] == f"s{k}")
        one[3 + 2 * k], one[4 + 2 * k] = own.sum(), own @ frame.hours
    wanted = book.ask([one])
    found = Margins(slopes, weights=weights, scale="log", **PREDICTED).predict()
    _same(found, wanted)


def test_the_fixed_effects_alone_are_as_ever(slopes):
    plain = Margins(slopes, df="kenward-roger").contrasts(pairwise("female", [1, 0]))
    own = Margins(slopes, df="kenward-roger", **PREDICTED).contrasts(pairwise("female", [1, 0]))
    np.testing.assert_allclose(own.std_error, plain.std_error, rtol=1e-9)
    np.testing.assert_allclose(own.df, plain.df, rtol=1e-9)
    assert own.joint_test()["df2"] == pytest.approx(plain.joint_test()["df2"])


def test_zero_is_the_typical_cluster(slopes):
    zero, plain = Margins(slopes, random_effects="zero"), Margins(slopes)
    np.testing.assert_array_equal(zero.predict().estimate, plain.predict().estimate)
    assert "typical cluster" in " ".join(str(zero.predict()).split())


# --- clusters that the fit has not seen ----------------------------------------------------------


def test_a_new_cluster_has_effect_zero_and_varies(slopes, book):
    m = Margins(slopes, **PREDICTED)
    asked = pd.DataFrame({"school": ["s1", "zz", "zz", "yy"], "hours": 2.0, "female": 1})
    found = m.predict(asked)
    population = Margins(slopes, vcov="gls").predict(asked[["hours", "female"]].iloc[:1])
    z = np.array([1.0, 2.0])
    more = z @ np.asarray(slopes.cov_re) @ z
    assert found.estimate[1] == pytest.approx(population.estimate[0])
    assert found.std_error[1] == pytest.approx(np.sqrt(population.std_error[0] ** 2 + more))
    assert (found[1] - found[2]).std_error[0] == pytest.approx(0.0, abs=1e-6)
    assert (found[1] - found[3]).std_error[0] == pytest.approx(np.sqrt(2 * more))
    assert "has not seen 'school=zz', 'school=yy'" in str(found).replace("\n", " ")
    again = m.predict(asked.iloc[[3, 2]])
    np.testing.assert_allclose((again[0] - found[3]).std_error, 0.0, atol=1e-6)
    copied = pickle.loads(pickle.dumps(found))
    np.testing.assert_allclose(copied.std_error, found.std_error)
    np.testing.assert_allclose(copied.cov, found.cov)


def test_a_population_may_hold_new_clusters(slopes):
    crowd = pd.DataFrame({"school": ["s1", "new", "new"], "hours": [1.0, 2.0, 3.0], "female": 0})
    found = Margins(slopes, at=crowd, **PREDICTED).predict()
    assert "has not seen 'school=new'" in str(found).replace("\n", " ")


def test_slips_are_told(slopes):
    m = Margins(slopes, **PREDICTED)
    with pytest.raises(ArgumentError, match=r"'s11' is not a level of 'school'.*Did you mean 's1'"):
        m.predict({"school": "s11"})
    with pytest.raises(ArgumentError, match="not a level"):
        m.contrasts(pairwise("school", ["s1", "x"]))
    with pytest.raises(UnknownNameError, match="school"):
        Margins(slopes, at=pd.DataFrame({"hours": [1.0], "female": 1}), **PREDICTED)
    with pytest.raises(UnknownNameError, match='random_effects="predicted"'):
        Margins(slopes).predict({"school": "s1"})
    number = smf_numbers()
    with pytest.raises(ArgumentError, match="reads the same"):
        number.predict(pd.DataFrame({"id": ["1", "2"], "x": [0.0, 1.0]}))


def smf_numbers():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"id": np.repeat(np.arange(6), 5), "x": rng.normal(size=30)})
    data["y"] = data.x + rng.normal(size=6)[data.id] + rng.normal(size=30)
    with quietly():
        return Margins(smf.mixedlm("y ~ x", data, groups="id").fit(), **PREDICTED)


# --- nested and crossed components ---------------------------------------------------------------


def _nested_effects(frame):
    effects = []
    for k in range(9):
        own = (frame["school"] == f"s{k}").to_numpy(float)
        effects.append((own, (k, 0)))
    for k in range(9):
        for room in ("down", "up"):
            own = ((frame["school"] == f"s{k}") & (frame["room"] == room)).to_numpy(float)
            effects.append((own, ((k, room), "room")))
    return effects


def test_nested_components_by_their_own_column(nested, frame):
    book = Henderson(nested, frame, _nested_effects(frame))
    m = Margins(nested, **PREDICTED)
    row = np.zeros(2 + 9 + 18)
    row[:2] = [1, frame.hours.mean()]
    row[2 + 3] = row[2 + 9 + 2 * 3 + 1] = 1.0
    _same(m.predict({"school": "s3", "room": "up"}), book.ask([row]))
    rows = []
    for k in range(9):
        own = frame[frame["school"] == f"s{k}"]
        one = np.zeros(29)
        one[:2] = [1, own.hours.mean()]
        one[2 + k] = 1.0
        one[11 + 2 * k], one[12 + 2 * k] = (own.room == "down").mean(), (own.room == "up").mean()
        rows.append(one)
    _same(m.predict(over="school"), book.ask(rows))
    difference = np.zeros(29)
    difference[11::2], difference[12::2] = -1 / 9, 1 / 9  # equal numbers of pupils
    _same(m.contrasts(pairwise("room", ["up", "down"])), book.ask([difference]))


def test_crossed_components_by_their_own_columns(crossed, frame):
    effects = []
    for room in ("down", "up"):
        effects.append(((frame["room"] == room).to_numpy(float), (room, "room")))
    for k in range(9):
        effects.append(((frame["school"] == f"s{k}").to_numpy(float), (k, "school")))
    book = Henderson(crossed, frame.assign(one=1), effects)
    m = Margins(crossed, **PREDICTED)
    row = np.zeros(13)
    row[[0, 1, 3, 4 + 7]] = [1, 2.0, 1, 1]
    _same(m.predict({"school": "s7", "room": "up", "hours": 2.0}), book.ask([row]))
    with pytest.raises(UnknownNameError, match="'one' holds the groups of the fit, but has"):
        m.predict({"one": 2})


# --- what has no figure --------------------------------------------------------------------------


def test_what_cannot_be_is_refused_in_words(slopes, frame):
    m = Margins(slopes, **PREDICTED)
    for ask, words in (
        (lambda: m.joint_tests(), "known clusters play no part"),
        (lambda: m.eyex("hours"), "elasticities"),
        (lambda: Margins(slopes, at="balanced", **PREDICTED), "crosses the levels"),
        (lambda: Margins(slopes, vcov="CR2", **PREDICTED), "vcov: 'CR2' is not available"),
    ):
        with pytest.raises(UnsupportedError, match=words):
            ask()
    with pytest.raises(ArgumentError, match=r"random_effects: got .predcted"):
        Margins(slopes, random_effects="predcted")
    ols = smf.ols("score ~ hours", frame).fit()
    with pytest.raises(UnsupportedError, match="has none"):
        Margins(ols, **PREDICTED)
    with quietly():
        ml = smf.mixedlm("score ~ hours", frame, groups="school").fit(reml=False)
    with pytest.raises(ModelError, match="reml=True"):
        Margins(ml, df="kenward-roger", **PREDICTED)
    with quietly():
        unnamed = smf.mixedlm("score ~ hours", frame, groups=frame["school"].map(hash)).fit()
    with pytest.raises(UnsupportedError, match="no column of the data holds the groups"):
        Margins(unnamed, **PREDICTED)


def test_no_variance_of_prediction_is_told(frame):
    rng = np.random.default_rng(0)
    flat = frame.assign(score=rng.normal(size=len(frame)))
    flat["score"] -= flat.groupby("school")["score"].transform("mean")
    with quietly():
        # away from the boundary, where statsmodels 0.14.0 inverts a singular matrix
        start = MixedLMParams.from_components(np.zeros(2), np.array([[1.0]]))
        fit = smf.mixedlm("score ~ hours", flat, groups="school").fit(
            start_params=start, maxiter=0, method="nm"
        )
        m = Margins(fit, df="satterthwaite", polish=True, **PREDICTED)
        plain = Margins(fit, polish=True, **PREDICTED)
    two = pairwise("school", ["s1", "s2"])
    assert "an interval of no width" in " ".join(str(plain.contrasts(two)).split())
    assert "an interval of no width" not in " ".join(str(plain.predict(over="school")).split())
    found = m.contrasts(two)
    assert np.isnan(found.df).all()
    assert np.isnan(found.p_value).all()
    assert np.isfinite(found.std_error).all()
    assert "estimated as zero" in str(found).replace("\n", " ")


def test_simulated_figures_scatter_as_the_errors_say(slopes):
    drawn = Margins(slopes, method="simulation", n_sim=20_000, rng=1, **PREDICTED)
    exact = Margins(slopes, **PREDICTED)
    np.testing.assert_allclose(
        drawn.predict(over="school").std_error, exact.predict(over="school").std_error, rtol=0.03
    )
    asked = pd.DataFrame({"school": ["zz"], "hours": 2.0, "female": 1})
    with pytest.raises(UnsupportedError, match="no draws"):
        drawn.predict(asked)


def test_many_rows_are_tested_together(slopes):
    m = Margins(slopes, df="satterthwaite", **PREDICTED)
    found = m.contrasts(pairwise("school"))
    test = found.joint_test()
    assert test["df1"] == 8
    assert np.isfinite(test["df2"])
    adjusted = found.adjust("tukey")
    assert (adjusted.p_value >= found.p_value - 1e-12).all()
    low = m.predict(over="school").conf_int(simultaneous=True)["ci_lower"]
    assert (low.to_numpy() < m.predict(over="school").conf_int()["ci_lower"].to_numpy()).all()


# --- the effects themselves ----------------------------------------------------------------------


def test_random_effects_by_term_and_level(slopes, book):
    found = Margins(slopes, **PREDICTED).random_effects()
    rows = np.eye(21)[[*range(3, 21, 2), *range(4, 21, 2)]]
    _same(found, book.ask(rows))
    assert found.labels[0] == "school=s0: Intercept"
    assert found.labels[-1] == "school=s8: hours"
    frame = found.to_frame()
    assert frame.columns.tolist()[1:4] == ["group", "term", "level"]
    own = slopes.random_effects["s4"].to_numpy()
    picked = found.where(level="s4")
    np.testing.assert_allclose(picked.estimate, own, rtol=1e-6)
    assert "Predicted random effect" in str(found)
    assert found.plot() is not None


def test_random_effects_of_nested_components(nested):
    found = Margins(nested, **PREDICTED).random_effects()
    assert found.labels[9] == "room=s0:down: Intercept"
    assert len(found) == 27
    with pytest.raises(UnsupportedError, match='random_effects="predicted"'):
        Margins(nested).random_effects()
