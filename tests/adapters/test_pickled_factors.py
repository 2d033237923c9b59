"""Factors of a design travel: pickled and read back, here and in another process, bit for bit."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import patsy
import pytest
import statsmodels.formula

import pymargins
from pymargins.adapters.patsy_design import design_from_patsy
from pymargins.models.design import Design
from support.small_models import FixedModel, fit, session, study

SHIFT = 3.5


def own_poly(x, degree):
    """A function of a user's, defined in a module."""
    return np.column_stack([(x - SHIFT) ** k for k in range(1, degree + 1)])


class Halved:
    """A stateful transform of a user's."""

    def __init__(self):
        self.half = None

    def memorize_chunk(self, x):
        self.half = float(np.max(x)) / 2

    def memorize_finish(self):
        pass

    def transform(self, x):
        return x / self.half


halved = patsy.stateful_transform(Halved)
LABELS = {"np": np, "pd": pd, "own_poly": own_poly, "halved": halved, "SHIFT": SHIFT}

FORMULAS = [
    "np.log(dose)",
    "bs(dose, df=5)",
    "cr(dose, df=4) - 1",
    "cc(dose, df=4) - 1",
    "te(cr(age, df=3), cr(dose, df=3)) - 1",
    "standardize(age, ddof=1)",
    "center(age) * standardize(dose)",
    "scale(bs(dose, df=4))",
    "own_poly(age, 3)",
    "halved(dose)",
    "C(school, Treatment('C'))",
    "C(school, Sum) * age",
    "C(wave, Poly) * center(age)",
    "C(wave, coding)",
    "school * grade * smoker",
    "C(age > 40)",
    "pd.cut(age, [0, 40, 100])",
    'Q("odd name") * np.sqrt(Q("odd name"))',
    'C(Q("odd name") > 3)',
    "I(age**2 - SHIFT) : I(dose * age)",
    "age",
    "1",
]


@pytest.fixture(scope="module")
def data():
    return study(96).assign(**{"odd name": lambda frame: frame.dose * 2 + 1})


@pytest.fixture(scope="module")
def new(data):
    frame = data.sample(31, replace=True, random_state=4).reset_index(drop=True)
    return frame.assign(dose=np.linspace(data.dose.min(), data.dose.max(), 31))


def design_of(formula, frame, **names):
    environment = patsy.EvalEnvironment([LABELS | {"coding": patsy.Treatment(2)} | names])
    info = patsy.dmatrix(formula, frame, eval_env=environment).design_info
    return design_from_patsy(info, list(frame.columns)), info


def by_pickle(value):
    return pickle.loads(pickle.dumps(value))


def by_cloudpickle(value):
    return pickle.loads(cloudpickle.dumps(value))


def rows(design, frame):
    columns = {name: frame[name] for name in design.variables}
    return design.rows([f.evaluate(columns) for f in design.factors], len(frame))


@pytest.mark.parametrize("travel", [by_pickle, by_cloudpickle, copy.deepcopy])
@pytest.mark.parametrize("formula", FORMULAS)
def test_designs_travel_bit_for_bit(formula, travel, data, new):
    design, info = design_of(formula, data)
    there = travel(design)
    assert there.names == design.names
    expected = np.asarray(patsy.build_design_matrices([info], new)[0])
    assert np.array_equal(rows(there, new), rows(design, new))
    np.testing.assert_allclose(rows(there, new), expected, rtol=1e-13, atol=1e-15)
    again = travel(there)
    assert np.array_equal(rows(again, new), rows(design, new))


def test_slopes_travel_too(data):
    design, _ = design_of("np.log(dose) + own_poly(age, 2) + bs(dose, df=4)", data)
    low, high = data.dose.min(), data.dose.max()
    for factor, there in zip(design.factors, by_pickle(design).factors, strict=True):
        name = factor.variables[0]
        ends = (low, high) if name == "dose" else (20.0, 74.0)
        expected = factor.derivative({name: data[name]}, name, *ends)
        assert np.array_equal(there.derivative({name: data[name]}, name, *ends), expected)


def test_another_process_evaluates_them(data, new, tmp_path):
    design, _ = design_of("own_poly(age, 2) * halved(dose) + C(school, Sum) + cr(dose, df=4)", data)
    (tmp_path / "design").write_bytes(pickle.dumps((design, new)))
    program = (
        "import pickle, sys, pathlib; there = pathlib.Path(sys.argv[1]);"
        "design, new = pickle.loads((there / 'design').read_bytes());"
        "values = [f.evaluate(new) for f in design.factors];"
        "(there / 'rows').write_bytes(pickle.dumps(design.rows(values, len(new))))"
    )
    here, package = Path(__file__), Path(pymargins.__file__)
    found = os.pathsep.join(map(str, (here.parent, here.parents[1], package.parents[1])))
    run = [sys.executable, "-c", program, str(tmp_path)]
    subprocess.run(run, check=True, env=os.environ | {"PYTHONPATH": found})
    assert np.array_equal(pickle.loads((tmp_path / "rows").read_bytes()), rows(design, new))


def test_only_what_the_code_reads_is_kept(data):
    """Nothing else of the user's environment, not even where it is named as a column is."""
    big = np.zeros(10**6)
    design, _ = design_of("own_poly(age, 2)", data, age=big, unread=big, np=big)
    assert len(pickle.dumps(design)) < 5_000


def test_a_lookup_factor_travels(data, new):
    """patsy's programs name factors without code."""
    lookup = patsy.LookupFactor("dose")
    terms = patsy.ModelDesc([], [patsy.Term([]), patsy.Term([lookup])])
    info = patsy.dmatrix(terms, data).design_info
    design = design_from_patsy(info, list(data.columns))
    assert np.array_equal(rows(by_pickle(design), new), rows(design, new))


# --- what pickle cannot store --------------------------------------------------------------------


def test_a_lambda_is_refused_by_factor_and_name(data, new):
    design, _ = design_of("age + twist(dose)", data, twist=lambda x: 2 * x)
    with pytest.raises(
        pickle.PicklingError,
        match=r"factor 'twist\(dose\)' .* reads 'twist', which pickle cannot.*module.*cloudpickle",
    ):
        pickle.dumps(design)
    assert np.array_equal(rows(by_cloudpickle(design), new), rows(design, new))
    assert np.array_equal(rows(copy.deepcopy(design), new), rows(design, new))


def test_an_inner_transform_is_refused_by_factor_and_name(data, new):
    class Inner(Halved):
        pass

    design, _ = design_of("inner(dose)", data, inner=patsy.stateful_transform(Inner))
    with pytest.raises(pickle.PicklingError, match=r"'inner\(dose\)' .* reads '.*inner.*'"):
        pickle.dumps(design)
    assert np.array_equal(rows(by_cloudpickle(design), new), rows(design, new))


# --- designs without a formula -------------------------------------------------------------------


def squares(frame):
    return np.column_stack([np.ones(len(frame)), frame["dose"] ** 2])


def test_designs_of_columns_and_of_functions_travel(new):
    columns = Design.from_columns(["const", "age", "dose"], [None, "age", "dose"])
    whole = Design.from_function(["const", "dose2"], ["dose"], squares)
    for design in (columns, whole):
        assert np.array_equal(rows(by_pickle(design), new), rows(design, new))


def test_a_view_travels(data):
    view = by_pickle(FixedModel("bs(dose, df=4) * school", data).fitted)
    values = [f.evaluate(view.frame) for f in view.design.factors]
    for found, stored in zip(values, view.factor_values["mean"], strict=True):
        assert np.array_equal(found, stored)


# --- formulaic -----------------------------------------------------------------------------------

BY_FORMULAIC = [
    "np.log(dose) * treated",
    "bs(dose, df=4) + cr(dose, df=4)",
    "poly(age, degree=2) * school",
    "center(age) + scale(dose)",
    "C(school, contr.sum) + C(wave, contr.poly)",
    "C(age > 40)",
    "Q('odd name') + {`odd name`} + np.sqrt(`odd name`)",
    "I(age**2) : {dose + 1}",
    "I((dose - age).abs()) + I((age * dose).clip(20, 90))",
]


@pytest.mark.skipif(
    not hasattr(statsmodels.formula, "options"), reason="statsmodels 0.14 reads by patsy alone"
)
@pytest.mark.parametrize("travel", [by_pickle, by_cloudpickle])
@pytest.mark.parametrize("formula", BY_FORMULAIC)
def test_formulaic_s_factors_travel(formula, travel, data, new):
    formulaic = pytest.importorskip("formulaic")
    from pymargins.adapters.formulaic_design import design_from_formulaic

    spec = formulaic.model_matrix(formula, data).model_spec
    design = design_from_formulaic(spec, list(data.columns))
    expected = np.asarray(spec.get_model_matrix(new), dtype=float)
    np.testing.assert_allclose(rows(design, new), expected, rtol=1e-12, atol=1e-14)
    assert np.array_equal(rows(travel(design), new), rows(design, new))


def test_formulaic_s_user_functions_travel(data, new, monkeypatch):
    formulaic = pytest.importorskip("formulaic")
    from pymargins.adapters.formulaic_design import design_from_formulaic

    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "own_poly", own_poly, raising=False)
    spec = formulaic.model_matrix("own_poly(age, 2)", data, context={"own_poly": own_poly})
    design = design_from_formulaic(spec.model_spec, list(data.columns))
    monkeypatch.delattr(main, "own_poly")
    assert np.array_equal(rows(by_pickle(design), new), rows(design, new))


def test_a_session_s_design_travels(data):
    m = session(fit("score ~ np.log(dose) * C(school, Sum)", data), vcov="gls")
    design = by_pickle(m._fitted.design)
    for factor, stored in zip(design.factors, m._fitted.factor_values["mean"], strict=True):
        assert np.array_equal(factor.evaluate(data), stored)
