"""A session keeps its word: nothing of the user's is changed, and nothing changes it later."""

from __future__ import annotations

import warnings
from contextlib import suppress
from inspect import signature

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from pymargins import (
    FitWarning,
    Margins,
    ModelError,
    NumericalError,
    PymarginsError,
    Scenario,
    did,
    pairwise,
    reference,
    register_adapter,
)
from pymargins.session.arguments import SessionOptions
from support.small_models import FixedModel, fit, quietly, session, study

FORMULA = "score ~ np.log(age) * treated + bs(dose, df=4) + C(school) + smoker + grade"

VERBS = {
    "predict": lambda m: m.predict(),
    "predict over": lambda m: m.predict({"age": [30, 60]}, over=["school", "grade"]),
    "predict a frame": lambda m: m.predict(pd.DataFrame({"age": [30.0, 60.0]})),
    "predict a shift": lambda m: m.predict({"age": lambda age: age + 1}),
    "dydx": lambda m: m.dydx("all", atexog={"treated": [0, 1]}),
    "dydx over": lambda m: m.dydx(["age", "dose", "smoker"], over="school"),
    "eyex": lambda m: m.eyex("age", over="grade"),
    "eydx": lambda m: m.eydx("school"),
    "dyex": lambda m: m.dyex("dose"),
    "contrasts": lambda m: m.contrasts(reference("school", list("ABCD"))),
    "did": lambda m: m.contrasts(did("treated", "smoker", time_levels=(True, False))),
    "evaluate": lambda m: m.evaluate(
        [Scenario({"treated": 1}), Scenario({"treated": 0})], lambda x: x[0] / x[1]
    ),
    "summary": lambda m: (str(m), m.summary().to_html(), m.predict().summary().to_latex()),
    "diagnose": lambda m: str(m.diagnose()),
    "results": lambda m: (
        m.predict(over="school").pairwise().joint_test(),
        m.predict(over="school").conf_int(simultaneous=True),
        m.predict(over="school").to_frame(),
    ),
}  # fmt: skip


def columns_of(frame):
    return {name: (frame[name].dtype, frame[name].tolist()) for name in frame.columns}


def state(model, frame):
    """Whatever of a fit and its data a user could look at, to the bit."""
    source = model.model
    arrays = {
        "params": model.params,
        "fe_params": model.fe_params,
        "cov_re": model.cov_re,
        "vcomp": model.vcomp,
        "bse": model.bse,
        "cov_params": model.cov_params(),
        "llf": model.llf,
        "endog": source.endog,
        "exog": source.exog,
        "exog_re": source.exog_re,
        "groups": source.groups,
        "fitted": model.fittedvalues,
        "predicted": model.predict(frame.iloc[:7]),
    }
    out = {name: np.asarray(value).tobytes() for name, value in arrays.items()}
    out["summary"] = [t for t in model.summary().as_text().split("\n") if "Date" not in t]
    out["attributes"] = (sorted(vars(model)), sorted(vars(source)))
    out["settings"] = (source.reml, source.use_sqrt, source.cov_pen, source.fe_pen)
    out["frame"] = (columns_of(frame), list(frame.index), frame.index.names, dict(frame.attrs))
    out["stored"] = columns_of(source.data.frame)
    return out


@pytest.fixture(scope="module")
def data():
    frame = study(96)
    frame.index = pd.MultiIndex.from_product([range(12), range(8)], names=["a", "b"])
    frame.attrs["source"] = "survey"
    return frame


@pytest.fixture(scope="module")
def model(data):
    return fit(FORMULA, data, re_formula="~dose", how={"reml": False})


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_change_neither_fit_nor_data(model, data, verb):
    model.summary()  # statsmodels fills its cache
    before = state(model, data)
    m = session(model, vcov="gls")
    VERBS[verb](m)
    assert state(model, data) == before


@pytest.mark.parametrize(
    "options",
    [
        {"at": "typical"},
        {"at": "mean"},
        {"at": "balanced"},
        {"at": {"age": "p25", "dose": np.mean}},
        {"weights": "dose"},
        {"weights": "dose", "at": "mean"},
        {"scale": "log"},
        {"df": 7, "level": 0.9},
    ],
    ids=", ".join,
)
def test_sessions_change_neither_fit_nor_data(model, data, options):
    model.summary()
    before = state(model, data)
    m = session(model, vcov="gls", **options)
    m.predict({"age": [30, 60]})
    m.contrasts(pairwise("treated", [1, 0]))
    assert state(model, data) == before


def test_arguments_are_not_changed(model, data):
    at = {"age": [30, 60], "treated": np.array([0, 1])}
    population = data.iloc[:20].reset_index(drop=True)
    weights = np.arange(20.0) + 1
    scenarios = [{"atexog": {"treated": 1}, "label": "x"}, Scenario({"treated": 0})]
    contrast = np.array([[1.0, -1.0]])
    before = (repr(at), columns_of(population), weights.tobytes(), repr(scenarios), repr(contrast))
    m = session(model, vcov="gls", at=population, weights=weights)
    m.predict(at, over="school")
    m.contrasts(scenarios, contrast)
    after = (repr(at), columns_of(population), weights.tobytes(), repr(scenarios), repr(contrast))
    assert after == before


# --- changes after the session was made ----------------------------------------------------------


def by_setting(frame):
    frame["age"] = 0


def by_loc(frame):
    frame.loc[frame.index[:5], ["age", "dose"]] = 1


def by_iloc(frame):
    frame.iloc[:, 0] = 7


def in_place(method, *args, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The inplace keyword")
        method(*args, inplace=True, **options)


def by_dropping_a_column(frame):
    in_place(frame.drop, columns=["age", "school"])


def by_dropping_rows(frame):
    in_place(frame.drop, index=frame.index[:30])


def by_sorting(frame):
    in_place(frame.sort_values, "age")


def by_renaming(frame):
    in_place(frame.rename, columns={"age": "dose", "dose": "age"})


def by_index(frame):
    frame.index = range(1000, 1000 + len(frame))


def by_category(frame):
    frame["grade"] = frame["grade"].cat.rename_categories(["x", "y", "z"])


def by_values(frame):
    for name in ("age", "dose", "treated"):
        values = frame[name].to_numpy()
        if values.flags.writeable:  # pandas 2; later ones hand out what cannot be written
            values[:] = 1


def by_where(frame):
    with suppress(TypeError):  # pandas 2.0 cannot do it in a frame of several types
        in_place(frame.mask, frame == "A", "B")
    if (frame["school"] == "A").any():
        frame["school"] = frame["school"].where(frame["school"] != "A", "B")


CHANGES = [
    by_setting,
    by_loc,
    by_iloc,
    by_dropping_a_column,
    by_dropping_rows,
    by_sorting,
    by_renaming,
    by_index,
    by_category,
    by_values,
    by_where,
]


def figures(m):
    return [
        x.tobytes()
        for r in (
            m.predict({"age": [30, 60]}, over="school"),
            m.dydx("all"),
            m.eyex("dose", over="grade"),
            m.contrasts(pairwise("treated", [1, 0])),
        )
        for x in (r.estimate, r.cov)
    ]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("options", [{}, {"at": "mean"}, {"weights": "dose"}], ids=str)
def test_changing_the_frame_later_changes_nothing(change, options):
    frame = study(96)
    model = fit(FORMULA, frame)
    wanted = figures(session(model, vcov="gls", **options))
    m = session(model, vcov="gls", **options)
    change(frame)
    assert figures(m) == wanted


@pytest.mark.parametrize("change", CHANGES)
def test_changing_a_population_later_changes_nothing(model, data, change):
    population = data.iloc[10:60].copy()
    wanted = figures(session(model, vcov="gls", at=population))
    m = session(model, vcov="gls", at=population)
    change(population)
    assert figures(m) == wanted


def test_changing_weights_or_covariance_later_changes_nothing(model, data):
    weights = np.linspace(1, 2, len(data))
    cov = np.diag(np.linspace(1, 2, len(model.fe_params)))
    m = session(model, weights=weights, vcov=cov)
    wanted = figures(m)
    weights[:] = 1
    cov[:] = 0
    assert figures(m) == wanted


def test_refitting_the_model_object_later_changes_nothing():
    """statsmodels' `fit` writes to its model: a session must not read from it again."""
    frame = study(96)
    with quietly():
        source = smf.mixedlm("score ~ age + treated", frame, groups="student")
        model = source.fit()
    m = session(model)
    wanted = (m.predict().cov.tobytes(), m.dydx("all").estimate.tobytes())
    with quietly():
        source.fit(reml=False)
    assert (m.predict().cov.tobytes(), m.dydx("all").estimate.tobytes()) == wanted


# --- changes before the session was made ---------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (by_setting, "'np.log\\(age\\)' .* cannot be evaluated|do not reproduce"),
        (by_loc, "do not reproduce the fitted design in 'np.log\\(age\\)'"),
        (by_dropping_a_column, "cannot be evaluated on the data of the fit"),
        (by_dropping_rows, "66 rows, and the model was fitted to 96"),
        (by_sorting, "do not reproduce"),
        (by_renaming, "do not reproduce|cannot be evaluated"),
        (by_category, "do not reproduce the fitted design in 'grade'|cannot be evaluated"),
        (by_where, "do not reproduce the fitted design in 'C\\(school\\)"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_a_frame_that_was_changed_is_noticed(change, match):
    frame = study(96)
    original = frame.copy()
    model = fit(FORMULA, frame)
    change(frame)
    with pytest.raises(PymarginsError, match=match) as caught:
        session(model, vcov="gls")
    assert isinstance(caught.value, ValueError)
    # the original rows put it right, as the message says
    wanted = figures(session(fit(FORMULA, original), vcov="gls"))
    assert figures(session(model, vcov="gls", data=original)) == wanted


def test_new_columns_and_labels_do_no_harm():
    frame = study(96)
    model = fit(FORMULA, frame)
    wanted = session(model, vcov="gls").predict().estimate
    frame["later"] = np.arange(96) % 2
    frame.index = range(96, 0, -1)
    m = session(model, vcov="gls")
    assert np.array_equal(m.predict().estimate, wanted)
    assert m.predict(over="later").labels == ("later=0", "later=1")


def test_the_mean_that_row_17_got_wrong():
    """A frame zeroed after fitting gave 47.2 for a mean of 63.9; here it gives no figure."""
    frame = study(160, 16)
    model = fit("score ~ age*treated + C(school)", frame)
    mean = model.predict(frame).mean()
    m = session(model)
    frame["age"] = 0
    assert m.predict().estimate[0] == pytest.approx(mean, rel=1e-10)
    with pytest.raises(ModelError, match="'age', 'age:treated'"):
        session(model)


# --- what a session says -------------------------------------------------------------------------


def test_a_session_states_its_commitments(model):
    text = str(session(model, vcov="gls", scale="log", level=0.9, df=11, weights="dose"))
    for words in ("score", "log", "90", "GLS", "11", "ML", "96", "12", "student", "weighted"):
        assert words in text, words


def test_a_result_states_its_own(model):
    text = str(session(model, vcov="gls").dydx("age").summary())
    for words in ("slope", "score", "96", "12 groups", "GLS", "normal", "integrated"):
        assert words in text, words


def test_extrapolation_is_noted(model):
    note = "age = 90 lies outside the observed range"
    m = session(model, vcov="gls")
    assert note in str(m.predict({"age": [30, 90]}).summary()).replace("\n", " ")
    assert note in str(m.contrasts([Scenario({"age": 90})]).summary()).replace("\n", " ")
    assert "outside" not in str(m.predict({"age": [30, 60]}).summary())


def test_extrapolation_of_rows_that_are_given_is_noted_unless_they_are_set(model):
    note = "age = 90 lies outside the observed range"
    older = study()
    older.loc[0, "age"] = 90.0
    for at in (older, {"age": 90}, {"age": lambda age: 90.0}):
        m = session(model, vcov="gls", at=at)
        asked = [m.predict("treated"), m.dydx("age"), m.contrasts(pairwise("treated"))]
        assert all(note in str(one.summary()).replace("\n", " ") for one in asked)
        assert "outside" not in str(m.predict({"age": 60}).summary())
    assert "outside" not in str(session(model, vcov="gls", at={"age": "max"}).predict().summary())


def test_the_four_scales_have_names(model):
    for name, opened in (
        ("identity", Margins.linear_scale),
        ("log", Margins.log_scale),
        ("logit", Margins.logit_scale),
        ("fisher_z", Margins.correlation_scale),
    ):
        with quietly():
            assert opened(model, vcov="gls").predict.__self__._scale.name == name


def test_one_warning_where_a_conclusion_would_change():
    """Few iterations leave the variances, and so the standard errors, off."""
    frame = study(96)
    model = fit("score ~ age + treated", frame, how={"method": "bfgs", "maxiter": 0})
    with pytest.warns(FitWarning) as caught:
        Margins(model)
    assert len(caught) == 1
    assert "m.diagnose()" in str(caught[0].message)
    assert caught[0].filename == __file__
    with pytest.warns(FitWarning) as caught:
        Margins.log_scale(model)
    assert caught[0].filename == __file__


def test_no_warning_for_a_sound_fit():
    rng = np.random.default_rng(5)
    person = np.repeat(np.arange(60), 6)
    frame = pd.DataFrame({"person": person, "x": rng.normal(size=360)})
    frame["y"] = frame.x + rng.normal(size=60)[person] * 2 + rng.normal(size=360)
    m = Margins(smf.mixedlm("y ~ x", frame, groups="person").fit(method="bfgs", gtol=1e-8))
    report = m.diagnose()
    assert report.converged
    assert report.at_optimum
    assert not report.boundary
    assert report.groups == 60
    assert report.group_sizes == (6, 6.0, 6)


def test_an_adapter_that_is_registered_is_found(monkeypatch):
    from pymargins.adapters import registry

    class Mine(FixedModel):
        pass

    class Result:
        pass

    class MineAdapter:
        def __init__(self, fit, data=None):
            self.model = fit
            self.fitted = FixedModel("age + school", study()).fitted

        @classmethod
        def accepts(cls, model):
            return isinstance(model, Result)

    monkeypatch.setattr(registry, "_REGISTERED", [])
    assert register_adapter(MineAdapter) is MineAdapter
    assert Margins(Result()).dydx("age").labels == ("age",)


def test_the_named_constructors_take_what_the_session_takes():
    """What an editor offers for `Margins.log_scale(fit, ...)` is what `Margins` has."""
    has = set(signature(Margins).parameters) - {"model", "scale"}
    assert has == set(SessionOptions.__annotations__)
    assert set(signature(Margins.log_scale).parameters) == {"model", *has}
    assert set(signature(Margins.imputed).parameters) == {"fits", "scale", *has}


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("population", ["fixed", "sampled"])
def test_a_mean_beyond_floating_point_numbers_is_named(population):
    frame = study().assign(count=np.arange(96) % 5)
    m = Margins(smf.poisson("count ~ age", frame).fit(disp=0), population=population)
    far = np.sign(m.dydx("age").estimate[0]) * 1e7
    for ask in (m.predict, lambda at: m.dydx("age", atexog=at)):
        with pytest.raises(NumericalError, match=r"age=-?10000000' is not finite"):
            ask({"age": [30, far]})
